"""Prices to SparkLayer: all lists of all SKUs of a batch in as few calls as the site takes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.errors import NotFound, PlatformError, Refused
from connector.settings import ConnectionSettings
from connector.sparklayer import SparkLayerClient
from contracts.entities import Price
from contracts.values import plain
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Task
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.bulk import BulkRow, BulkSender, of_task
from handlers.sparklayer.classify import classify
from handlers.sparklayer.known_skus import known_skus, waiting_for
from handlers.sparklayer.price_body import (
    Breaks,
    RemoveStyle,
    breaks_at,
    dearest,
    name_of,
    next_change,
    row_body,
    slug_of,
)
from handlers.sparklayer.price_lines import LineNumbers
from handlers.sparklayer.price_lists import PriceLists
from handlers.sparklayer.price_refusals import named, told_once


@dataclass(frozen=True, slots=True)
class PricePlan:
    """What SparkLayer should have of one SKU now: breaks and name per list, and the lists to take it out of."""

    task: Task
    breaks: Mapping[str, Breaks]
    names: Mapping[str, str]
    currency: str
    gone: Sequence[str]
    wake_at: datetime | None
    part: str | None = None

    @property
    def hash(self) -> str:
        """Of what is named and the variant that has it; a list that is left is cleared once, then forgotten.

        SparkLayer keeps prices with the variant, so a SKU that moves to another one needs them again.
        """
        named = {slug: [(item.quantity, item.price) for item in row] for slug, row in self.breaks.items()}
        return body_hash({"sku": self.task.key, "lists": named, "variant": self.part})

    def applied(self, *, unchanged: bool = False) -> Applied:
        """Once it is there."""
        return Applied(hash=self.hash, ledger={"lists": dict(self.names)}, unchanged=unchanged, wake_at=self.wake_at)

    @property
    def renamed(self) -> bool:
        """Whether a list has another name than the ledger knows."""
        return dict(_known_lists(self.task)) != dict(self.names)


class PriceHandler:
    """Applies prices; one pricing call at a time, because the platform refuses a second one for the same site."""

    entity = "price"
    batch = 400
    after: Sequence[str] = ("product",)

    def __init__(self, client: SparkLayerClient) -> None:
        self._client = client
        self._lists = PriceLists(client)
        self._lines = LineNumbers()
        self._lock = asyncio.Lock()
        self._style: RemoveStyle = "null_row"
        self._style_chosen = False
        self._style_settled = False
        self._sender = BulkSender(self._send, self._blame)
        self._wanted: dict[str, tuple[str, str]] = {}

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        async with self._lock:
            if not self._style_chosen:
                self._style, self._style_chosen = context.settings.pricing.remove_style, True
            return await self._apply(tasks, context)

    async def _apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        outcomes: dict[str, Outcome] = {}
        plans: dict[str, PricePlan] = {}
        known = await known_skus(context.skus, [task.key for task in tasks])
        for task in tasks:
            plan = make_plan(task, context.settings, context.now, part=known.part(task.key))
            refusal = _too_dear(plan, context.settings)
            if refusal is not None:
                outcomes[task.key] = refusal
            elif plan.hash == task.applied_hash and not plan.gone and not plan.renamed:
                outcomes[task.key] = plan.applied(unchanged=True)
            elif not known.held(task.key):
                outcomes[task.key] = waiting_for(task.key) if task.entity else plan.applied(unchanged=True)
            elif not plan.breaks and not plan.gone:
                outcomes[task.key] = plan.applied(unchanged=True)
            else:
                plans[task.key] = plan
        if plans:
            outcomes |= await self._bring(plans, known.held_live, context.settings)
        return [outcomes[task.key] for task in tasks]

    async def _bring(
        self, plans: Mapping[str, PricePlan], is_live: Callable[[str], bool], settings: ConnectionSettings
    ) -> dict[str, Outcome]:
        self._wanted = {slug: (name, plan.currency) for plan in plans.values() for slug, name in plan.names.items()}
        try:
            await self._lists.ensure(self._wanted)
            there = await self._lists.slugs()
        except PlatformError as error:
            trouble = classify(error)
            if isinstance(trouble, Rejected):  # the lists' fault, not these prices'
                trouble = Failed(trouble.message, target=False, status=trouble.status, code=trouble.code)
            return dict.fromkeys(plans, trouble)
        rows = [
            BulkRow(key, key, {"price_list_slug": slug, "breaks": breaks}, live=is_live(key))
            for key, plan in plans.items()
            if plan.hash != plan.task.applied_hash or plan.gone
            for slug, breaks in [*sorted(plan.breaks.items()), *((slug, ()) for slug in plan.gone if slug in there)]
        ]
        found = await self._sender.deliver(rows, settings.pricing.batch)
        by_task: dict[str, list[Outcome | None]] = {key: [] for key in plans}
        for row, outcome in zip(rows, found, strict=True):
            by_task[row.task].append(named(row, outcome) if isinstance(outcome, Rejected) else outcome)
        return {key: told_once(key, of_task(by_task[key], plan.applied())) for key, plan in plans.items()}

    async def _send(self, rows: Sequence[BulkRow]) -> None:
        try:
            await self._call(rows, self._style)
        except NotFound:
            self._lists.forget()
            await self._lists.ensure(self._wanted)
            await self._call(rows, self._style)
        except Refused:
            if not await self._other_style_works(rows):
                raise
            await self._call(rows, self._style)
        if any(not row.body["breaks"] for row in rows):
            self._style_settled = True

    async def _blame(self, error: Refused, rows: Sequence[BulkRow]) -> Mapping[int, Outcome]:
        return await self._lines.complaints(error, rows, self._send)

    async def _call(self, rows: Sequence[BulkRow], style: RemoveStyle) -> None:
        await self._client.prices.update(
            [row_body(row.sku, row.body["price_list_slug"], row.body["breaks"], style) for row in rows]
        )

    async def _other_style_works(self, rows: Sequence[BulkRow]) -> bool:
        """Whether a blank row of a refused call is taken in the other spelling; asked until one has worked."""
        blank = next((row for row in rows if not row.body["breaks"]), None)
        if blank is None or self._style_settled:
            return False
        other: RemoveStyle = "empty" if self._style == "null_row" else "null_row"
        try:
            await self._call([blank], other)
        except Refused:
            return False
        self._style, self._style_settled = other, True
        return True


def make_plan(task: Task, settings: ConnectionSettings, now: datetime, *, part: str | None = None) -> PricePlan:
    """The lists and breaks of one SKU at a moment; nothing but lists to leave for a deleted one."""
    price = task.entity
    before = _known_lists(task)
    if price is None:
        return PricePlan(task, {}, {}, "", sorted(before), None, part)
    if not isinstance(price, Price):
        raise TypeError(f"{task.key} is no price")
    slugs = {slug_of(price_list.list, price.currency): price_list for price_list in price.lists}
    return PricePlan(
        task=task,
        breaks={
            slug: breaks_at(price_list, now, monotone=settings.pricing.monotone) for slug, price_list in slugs.items()
        },
        names={slug: name_of(price_list) for slug, price_list in slugs.items()},
        currency=price.currency,
        gone=sorted(before.keys() - slugs.keys()),
        wake_at=next_change(price, now),
        part=part,
    )


def _known_lists(task: Task) -> Mapping[str, str]:
    found = task.ledger.get("lists")
    return found if isinstance(found, Mapping) else {}


def _too_dear(plan: PricePlan, settings: ConnectionSettings) -> Rejected | None:
    largest, highest = settings.pricing.largest, dearest(plan.breaks.values())
    if largest is None or highest is None or highest <= largest:
        return None
    message = f"SKU {plan.task.key!r} has a price of {plain(highest)}, setting pricing.largest takes {plain(largest)}"
    return Rejected("price_too_large", message, details=[{"code": "price_too_large", "price": plain(highest)}])
