"""Stock to SparkLayer: the levels of all SKUs of a batch in as few calls as the site takes."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from connector.errors import PlatformError, Refused
from connector.settings import ConnectionSettings
from connector.sparklayer import SparkLayerClient
from contracts.entities import Stock
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Skip, Task
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.bulk import BulkRow, BulkSender, of_task
from handlers.sparklayer.classify import classify
from handlers.sparklayer.known_skus import absent, known_skus, waiting_for
from handlers.sparklayer.stock_body import Levels, is_ours, levels_of, names_of, row_body
from handlers.sparklayer.stock_locations import StockLocations

_INDEX = re.compile(r"^\[?(\d+)\]?\.")


@dataclass(frozen=True, slots=True)
class StockPlan:
    """What SparkLayer should have of one SKU: the level per location, and the locations that have none any more."""

    task: Task
    levels: Levels
    names: Mapping[str, str]
    gone: Sequence[str]
    skips: Sequence[Skip]
    part: str | None = None
    empty_elsewhere: bool = False

    @property
    def hash(self) -> str:
        """Of what is named and the variant that has it; a location that is left is emptied once, then forgotten."""
        return body_hash({"sku": self.task.key, "levels": self.levels, "variant": self.part})

    def applied(self, *, unchanged: bool = False) -> Applied:
        """Once it is there."""
        ledger = {"locations": sorted(self.levels), "variant": self.part}
        return Applied(hash=self.hash, ledger=ledger, unchanged=unchanged, skips=self.skips)

    def left(self, there: Iterable[str]) -> list[str]:
        """The locations, of those that the site has, where none is to be left."""
        return sorted(
            place
            for place in there
            if place not in self.levels and (place in self.gone or (self.empty_elsewhere and is_ours(place)))
        )


class StockHandler:
    """Applies stock."""

    entity = "stock"
    batch = 500
    after: Sequence[str] = ("product",)

    def __init__(self, client: SparkLayerClient) -> None:
        self._client = client
        self._locations = StockLocations(client)
        self._lock = asyncio.Lock()
        self._sender = BulkSender(self._send, self._blame)
        self._wanted: dict[str, str] = {}

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        async with self._lock:
            return await self._apply(tasks, context)

    async def _apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        outcomes: dict[str, Outcome] = {}
        plans: dict[str, StockPlan] = {}
        known = await known_skus(context.skus, [task.key for task in tasks])
        for task in tasks:
            plan = make_plan(task, context.settings, part=known.part(task.key))
            long = next((place for place in plan.levels if place.startswith("sl_")), None)
            if long is not None:
                message = f"SKU {task.key!r}: SparkLayer keeps location ids with sl_ for itself, not {long!r}"
                outcomes[task.key] = Rejected("location_id_invalid", message)
            elif plan.hash == task.applied_hash and not plan.gone:
                outcomes[task.key] = plan.applied(unchanged=True)
            elif not known.held(task.key):
                outcomes[task.key] = waiting_for(task.key) if task.entity else plan.applied(unchanged=True)
            elif not plan.levels and not plan.gone:
                outcomes[task.key] = plan.applied(unchanged=True)
            else:
                plans[task.key] = plan
        if plans:
            outcomes |= await self._bring(plans, known.held_live, context.settings)
        return [outcomes[task.key] for task in tasks]

    async def _bring(
        self, plans: Mapping[str, StockPlan], is_live: Callable[[str], bool], settings: ConnectionSettings
    ) -> dict[str, Outcome]:
        self._wanted = {place: name for plan in plans.values() for place, name in plan.names.items()}
        try:
            await self._locations.ensure(self._wanted)
            there = await self._locations.known()
        except PlatformError as error:
            trouble = classify(error)
            if isinstance(trouble, Rejected):  # the locations' fault, not these levels'
                trouble = Failed(trouble.message, target=False, status=trouble.status, code=trouble.code)
            return dict.fromkeys(plans, trouble)
        rows = [
            BulkRow(key, key, body, live=is_live(key))
            for key, plan in plans.items()
            for body in (
                *(row_body(key, place, level) for place, level in sorted(plan.levels.items())),
                *(row_body(key, place) for place in plan.left(there)),
            )
        ]
        found = await self._sender.deliver(rows, settings.stock.batch)
        by_task: dict[str, list[Outcome | None]] = {key: [] for key in plans}
        for row, outcome in zip(rows, found, strict=True):
            by_task[row.task].append(outcome)
        return {key: of_task(by_task[key], plan.applied()) for key, plan in plans.items()}

    async def _send(self, rows: Sequence[BulkRow]) -> None:
        bodies = [row.body for row in rows]
        try:
            await self._client.stock.update(bodies)
        except Refused as error:
            if not any("stock_location" in str(detail.get("property")) for detail in error.details):
                raise
            self._locations.forget()
            await self._locations.ensure(self._wanted)
            await self._client.stock.update(bodies)

    async def _blame(self, error: Refused, rows: Sequence[BulkRow]) -> Mapping[int, Outcome]:
        """The rows that the details name, by index or by a quoted SKU."""
        found: dict[int, Outcome] = {}
        for detail in error.details:
            property_, message = str(detail.get("property") or ""), str(detail.get("message") or "")
            index = _INDEX.match(property_)
            if index is not None:
                named = [int(index[1])] if int(index[1]) < len(rows) else []
            else:
                named = [at for at, row in enumerate(rows) if _quotes(message, row.sku)]
            unknown = property_.endswith("sku") and detail.get("code") == "resource-not-found"
            for at in named:
                if unknown:
                    found[at] = absent(rows[at].sku, live=rows[at].live, status=error.status)
                else:
                    found[at] = Rejected(
                        code=str(detail.get("code") or error.code or "refused"),
                        message=f"SKU {rows[at].sku!r}: {property_} {message}",
                        status=error.status,
                        details=[detail],
                        error_class=type(error).__name__,
                    )
        return found


def make_plan(task: Task, settings: ConnectionSettings, *, part: str | None = None) -> StockPlan:
    """The levels of one SKU; nothing but locations to empty for a deleted one.

    SparkLayer keeps levels with the variant. One that has come to this SKU may have had another with levels anywhere,
    so the other warehouses are emptied once; where there is only the default location, nothing can be left behind.
    """
    before = task.ledger.get("locations")
    known = {str(place) for place in before} if isinstance(before, Sequence) else set()
    stock = task.entity
    if stock is None:
        return StockPlan(task, {}, {}, sorted(known), (), part)
    if not isinstance(stock, Stock):
        raise TypeError(f"{task.key} is no stock")
    levels = levels_of(stock, settings)
    shared = Skip(
        "shared_stock",
        f"SKU {task.key!r} is sold from the same pieces as other SKUs of its product",
        task.key,
        note=True,
    )
    return StockPlan(
        task=task,
        levels=levels,
        names=names_of(stock, settings),
        gone=sorted(known - levels.keys()),
        skips=(shared,) if stock.shared else (),
        part=part,
        empty_elsewhere=settings.stock.mode == "per_warehouse" and task.ledger.get("variant") != part,
    )


def _quotes(message: str, sku: str) -> bool:
    return any(f"{mark}{sku}{mark}" in message for mark in "'\"`") or repr(sku) in message
