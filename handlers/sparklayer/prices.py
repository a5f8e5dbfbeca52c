"""Prices to SparkLayer: all lists of all SKUs of a batch in as few calls as the site takes."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connector.errors import NotFound, PlatformError, Refused
from connector.pieces import in_pieces
from connector.settings import ConnectionSettings
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.price_breaks import Breaks, breaks_at
from contracts.entities import Price
from contracts.values import plain
from handlers.given import GIVEN, given, kept
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Task
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.bulk import BulkRow, BulkSender, of_task
from handlers.sparklayer.bulk_plan import by_task, differing, place_fault, without_call
from handlers.sparklayer.found_prices import FoundPrices
from handlers.sparklayer.known_skus import known_skus
from handlers.sparklayer.price_body import (
    RemoveStyle,
    dearest,
    is_ours,
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
    """What SparkLayer should have of one SKU now: breaks and name per list, and the lists to take it out of.

    `others` are the lists, with their names, that another source gave and this event does not speak of: they stay.
    """

    task: Task
    breaks: Mapping[str, Breaks]
    names: Mapping[str, str]
    currency: str
    gone: Sequence[str]
    wake_at: datetime | None
    others: Mapping[str, str] = field(default_factory=dict)
    part: str | None = None
    everywhere: bool = False  # out of all lists of ours, whatever is remembered

    @property
    def hash(self) -> str:
        """Of what is named and the variant that has it; a list that is left is cleared once, then forgotten.

        SparkLayer keeps prices with the variant, so a SKU that moves to another one needs them again.
        """
        named = {slug: [(item.quantity, item.price) for item in row] for slug, row in self.breaks.items()}
        return body_hash({"sku": self.task.key, "lists": named, "variant": self.part})

    def applied(self, *, unchanged: bool = False) -> Applied:
        """Once it is there."""
        ledger: dict[str, Any] = {"lists": {**self.others, **self.names}}
        if givers := given(self.task, self.breaks.keys()):
            ledger[GIVEN] = {slug: source for slug, source in givers.items() if slug in ledger["lists"]}
        return Applied(hash=self.hash, ledger=ledger, unchanged=unchanged, wake_at=self.wake_at)

    def woken(self, outcome: Outcome) -> Outcome:
        """Whatever became of it: a sale of which any list heard is over when it ends."""
        return replace(outcome, wake_at=self.wake_at) if isinstance(outcome, Rejected | Failed) else outcome

    @property
    def resent(self) -> bool:
        """Whether the rows have to go again; else it is only the lists' names."""
        return self.hash != self.task.applied_hash or bool(self.gone)

    @property
    def done(self) -> bool:
        """Whether that is what was sent last, lists' names included."""
        known = _known_lists(self.task)
        return not self.resent and all(known.get(slug) == name for slug, name in self.names.items() if name)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        return not self.breaks and not self.gone and not self.everywhere

    def left(self, there: Iterable[str]) -> list[str]:
        """The lists, of those that the site has, that the SKU is to leave."""
        return sorted(slug for slug in there if slug in self.gone or (self.everywhere and is_ours(slug, self.currency)))


class PriceHandler:
    """Applies prices; one pricing call at a time, because the platform refuses a second one for the same site.

    SKUs in doubt are compared with the lists, each read once. `look_only` tells what differs instead of writing it.
    """

    entity = "price"
    batch = 400
    after: Sequence[str] = ("product",)

    def __init__(self, client: SparkLayerClient, *, look_only: bool = False) -> None:
        self._client = client
        self._look_only = look_only
        self._lists = PriceLists(client)
        self._found = FoundPrices(client, self._lists)
        self._lines = LineNumbers()
        self._lock = asyncio.Lock()
        self._style: RemoveStyle = "null_row"
        self._style_chosen = False
        self._style_settled = False
        self._sender = BulkSender(self._send, self._blame)
        self._wanted: dict[str, tuple[str, str]] = {}

    def moving(self, skus: Iterable[str]) -> None:
        """Variants with these SKUs are about to be written, or just were: what was read of them proves nothing."""
        self._found.distrust(skus)

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
        doubtful = {task.key for task in tasks if task.doubt and known.held(task.key)}
        blind = await self._look([task for task in tasks if task.key in doubtful], context.settings)
        async for task in in_pieces(tasks):
            if task.key in doubtful and blind is not None:
                outcomes[task.key] = blind
                continue
            seen = self._with_lists(task, context.settings) if task.key in doubtful else task
            plan = make_plan(seen, context.settings, context.now, part=known.part(task.key))
            outcome = _too_dear(plan, context.settings) or without_call(plan, known)
            if outcome is None and task.key in doubtful:
                outcome = await self._there_already(plan)
            if outcome is None:
                plans[task.key] = plan
            else:
                outcomes[task.key] = plan.woken(outcome)
        if self._look_only:
            outcomes |= {key: differing(plan) for key, plan in plans.items()}
        elif plans:
            found = await self._bring(plans, known.held_live, context.settings)
            outcomes |= {key: plans[key].woken(outcome) for key, outcome in found.items()}
        return [outcomes[task.key] for task in tasks]

    async def _look(self, doubtful: Sequence[Task], settings: ConnectionSettings) -> Failed | None:
        if doubtful:
            return await self._found.read({_currency(task, settings) for task in doubtful})
        self._found.forget()
        return None

    def _with_lists(self, task: Task, settings: ConnectionSettings) -> Task:
        """The task as if its ledger had named the lists that have the SKU."""
        there = dict.fromkeys(self._found.lists_with(task.key, _currency(task, settings)), "")
        return replace(task, ledger={**task.ledger, "lists": {**there, **_known_lists(task)}})

    async def _there_already(self, plan: PricePlan) -> Outcome | None:
        """Of a SKU in doubt: none where it has to be written."""
        wanted = {**dict.fromkeys(plan.gone, ()), **plan.breaks}
        if self._found.has(plan.task.key, wanted) and await self._lists.named(plan.names):
            return plan.applied(unchanged=True)
        return None

    async def _bring(
        self, plans: Mapping[str, PricePlan], is_live: Callable[[str], bool], settings: ConnectionSettings
    ) -> dict[str, Outcome]:
        self._wanted = _lists_of(plans.values())
        try:
            await self._lists.ensure(self._wanted)
            there = await self._lists.slugs()
        except PlatformError as error:
            return dict.fromkeys(plans, place_fault(error))
        rows = [
            BulkRow(key, key, {"price_list_slug": slug, "breaks": breaks}, live=is_live(key))
            async for key, plan in in_pieces(plans.items())
            if plan.resent
            for slug, breaks in [*sorted(plan.breaks.items()), *((slug, ()) for slug in plan.left(there))]
        ]
        self._found.distrust(plans)  # the answer may be lost
        found = await self._sender.deliver(rows, settings.pricing.batch)
        told = [
            named(row, outcome) if isinstance(outcome, Rejected) else outcome
            for row, outcome in zip(rows, found, strict=True)
        ]
        parts = by_task(list(plans), rows, told)
        return {
            key: told_once(key, of_task(parts[key], plan.applied())) async for key, plan in in_pieces(plans.items())
        }

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
    """The lists and breaks of one SKU at a moment; nothing but lists to leave for a deleted one.

    A list that the same source named before and does not name now is left; what another source gave is not touched.

    Of one that nobody remembers to have sent, the answer may have been lost: then these are all lists of ours.
    """
    price = task.entity
    before = _known_lists(task)
    if price is None:
        currency, unknown = settings.store.currency_code, "lists" not in task.ledger
        return PricePlan(task, {}, {}, currency, sorted(before), None, part=part, everywhere=unknown)
    if not isinstance(price, Price):
        raise TypeError(f"{task.key} is no price")
    slugs = {slug_of(price_list.list, price.currency): price_list for price_list in price.lists}
    others = {slug: before[slug] for slug in before.keys() & kept(task, slugs.keys())}
    return PricePlan(
        task=task,
        breaks={
            slug: breaks_at(price_list, now, monotone=settings.pricing.monotone) for slug, price_list in slugs.items()
        },
        names={slug: name_of(price_list) for slug, price_list in slugs.items()},
        currency=price.currency,
        gone=sorted(before.keys() - slugs.keys() - others.keys()),
        wake_at=next_change(price, now),
        others=others,
        part=part,
    )


def _lists_of(plans: Iterable[PricePlan]) -> dict[str, tuple[str, str]]:
    """Name and currency of every list; a name from whoever says one."""
    found: dict[str, tuple[str, str]] = {}
    for plan in plans:
        for slug, name in plan.names.items():
            if name or slug not in found:
                found[slug] = (name, plan.currency)
    return found


def _currency(task: Task, settings: ConnectionSettings) -> str:
    return task.entity.currency if isinstance(task.entity, Price) else settings.store.currency_code


def _known_lists(task: Task) -> Mapping[str, str]:
    found = task.ledger.get("lists")
    return found if isinstance(found, Mapping) else {}


def _too_dear(plan: PricePlan, settings: ConnectionSettings) -> Rejected | None:
    largest, highest = settings.pricing.largest, dearest(plan.breaks.values())
    if largest is None or highest is None or highest <= largest:
        return None
    message = f"SKU {plan.task.key!r} has a price of {plain(highest)}, setting pricing.largest takes {plain(largest)}"
    return Rejected("price_too_large", message, details=[{"code": "price_too_large", "price": plain(highest)}])
