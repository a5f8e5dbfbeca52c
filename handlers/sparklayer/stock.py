"""Stock to SparkLayer: the levels of all SKUs of a batch in as few calls as the site takes."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from connector.errors import PlatformError, Refused
from connector.pieces import in_pieces
from connector.settings import ConnectionSettings
from connector.sparklayer import SparkLayerClient
from contracts.entities import Stock
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Skip, Task
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.bulk import BulkRow, BulkSender, of_task
from handlers.sparklayer.bulk_plan import by_task, differing, place_fault, without_call
from handlers.sparklayer.found_stock import FoundStock
from handlers.sparklayer.known_skus import absent, known_skus
from handlers.sparklayer.stock_body import EMPTY, Levels, is_ours, levels_of, names_of, row_body
from handlers.sparklayer.stock_locations import StockLocations

_INDEX = re.compile(r"^\[?(\d{1,9})\]?\.")


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

    @property
    def done(self) -> bool:
        """Whether that is what was sent last."""
        return self.hash == self.task.applied_hash and not self.gone

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        return not self.levels and not self.gone and not self.empty_elsewhere

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
    """Applies stock.

    SKUs in doubt are compared with what the site answers of them. `look_only` tells what differs instead of writing it.
    """

    entity = "stock"
    batch = 500
    after: Sequence[str] = ("product",)

    def __init__(self, client: SparkLayerClient, *, look_only: bool = False) -> None:
        self._client = client
        self._look_only = look_only
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
        doubtful = [task.key for task in tasks if task.doubt and known.held(task.key)]
        found = await FoundStock.read(self._client, self._locations, doubtful) if doubtful else FoundStock(None)
        async for task in in_pieces(tasks):
            part = known.part(task.key)
            if task.key in doubtful and isinstance(found, Failed):
                outcomes[task.key] = found
                continue
            seen = _with_places(task, part, found) if task.key in doubtful and isinstance(found, FoundStock) else task
            plan = make_plan(seen, context.settings, part=part)
            outcome = _bad_place(plan) or without_call(plan, known)
            if outcome is None and task.key in doubtful and isinstance(found, FoundStock):
                outcome = self._there_already(plan, found)
            if outcome is None:
                plans[task.key] = plan
            else:
                outcomes[task.key] = outcome
        if self._look_only:
            outcomes |= {key: differing(plan) for key, plan in plans.items()}
        elif plans:
            outcomes |= await self._bring(plans, known.held_live, context.settings)
        return [outcomes[task.key] for task in tasks]

    def _there_already(self, plan: StockPlan, found: FoundStock) -> Outcome | None:
        """Of a SKU in doubt: none where it has to be written."""
        if found.has(plan.task.key, {**dict.fromkeys(plan.gone, EMPTY), **plan.levels}):
            return plan.applied(unchanged=True)
        return None

    async def _bring(
        self, plans: Mapping[str, StockPlan], is_live: Callable[[str], bool], settings: ConnectionSettings
    ) -> dict[str, Outcome]:
        self._wanted = {place: name for plan in plans.values() for place, name in plan.names.items()}
        try:
            await self._locations.ensure(self._wanted)
            there = await self._locations.known()
        except PlatformError as error:
            return dict.fromkeys(plans, place_fault(error))
        rows = [
            BulkRow(key, key, body, live=is_live(key))
            async for key, plan in in_pieces(plans.items())
            for body in (
                *(row_body(key, place, level) for place, level in sorted(plan.levels.items())),
                *(row_body(key, place) for place in plan.left(there)),
            )
        ]
        found = await self._sender.deliver(rows, settings.stock.batch)
        parts = by_task(list(plans), rows, found)
        return {key: of_task(parts[key], plan.applied()) async for key, plan in in_pieces(plans.items())}

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
    Of a deleted SKU that nobody remembers to have sent, the answer may have been lost: every place of ours is emptied.
    """
    before = task.ledger.get("locations")
    known = {str(place) for place in before} if isinstance(before, Sequence) else set()
    stock = task.entity
    if stock is None:
        return StockPlan(task, {}, {}, sorted(known), (), part, empty_elsewhere=before is None)
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


def _with_places(task: Task, part: str | None, found: FoundStock) -> Task:
    """The task as if its ledger had named the locations that have something of it."""
    named = task.ledger.get("locations")
    before = {str(place) for place in named} if isinstance(named, Sequence) else set()
    return replace(task, ledger={"locations": sorted(before.union(found.places(task.key))), "variant": part})


def _bad_place(plan: StockPlan) -> Rejected | None:
    long = next((place for place in plan.levels if place.startswith("sl_")), None)
    if long is None:
        return None
    message = f"SKU {plan.task.key!r}: SparkLayer keeps location ids with sl_ for itself, not {long!r}"
    return Rejected("location_id_invalid", message)


def _quotes(message: str, sku: str) -> bool:
    return any(f"{mark}{sku}{mark}" in message for mark in "'\"`") or repr(sku) in message
