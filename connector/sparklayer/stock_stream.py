"""Stock levels of a site, read in bulk: there is no list of what changed (vendor docs: stock)."""

from collections.abc import Mapping, Sequence

from connector.clock import Clock
from connector.ports import Known, Memory, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparklayer.kept import kept_stock
from connector.sparklayer.mapping.faults import MappingFault
from connector.sparklayer.mapping.fields import Row, text
from connector.sparklayer.mapping.stock import stock_entity
from connector.sparklayer.stock import Stock
from connector.sparklayer.stock_locations import StockLocations
from connector.sparklayer.stream import OnProblem, log_problem, problem_of, report
from connector.sparklayer.telling import Reading, Teller, Told
from contracts.entities import Stock as StockEntity

AT_ONCE = 500
_CURSOR = "live:stock"


class StockStream:
    """Compares the levels of every known SKU; a call reads 500 of them.

    A SKU that is about to be written is left for the next time. Where both sides edit stock, what is there at the first
    look was changed by nobody.
    """

    kind = "stock"

    def __init__(
        self,
        stock: Stock,
        locations: StockLocations,
        known: Known,
        teller: Teller,
        memory: Memory,
        *,
        settings: ConnectionSettings,
        clock: Clock,
        on_problem: OnProblem = log_problem,
    ) -> None:
        self._stock = stock
        self._locations = locations
        self._known = known
        self._teller = teller
        self._memory = memory
        self._settings = settings
        self._clock = clock
        self._on_problem = on_problem
        self._names: dict[str, tuple[str, str | None]] = {}

    async def look(self, priority: Priority) -> Told:
        """Compare all of them."""
        after, told = "", Told()
        first = await self._is_first()
        while True:
            of_page, after = await self._next(after, priority, first=first)
            told += of_page
            if not after:
                await self._compared()
                return told

    async def whole(self, run_id: str, priority: Priority, progress: Progress | None, *, force: bool) -> Told:
        """Compare all of them. The same run goes on after the last that was told."""
        name = f"full:{run_id}:{self.kind}"
        position = await self._memory.cursor(name)
        after, told = str((position or {}).get("after", "")), Told()
        first = await self._is_first()
        while True:
            of_page, after = await self._next(after, priority, force=force, first=first)
            told += of_page
            await report(progress, of_page)
            await self._memory.save_cursor(name, {"after": after} if after else None)
            if not after:
                await self._compared()
                return told

    async def _is_first(self) -> bool:
        """Whether nobody is known to have changed what is there, and another side may."""
        return self._settings.both_ways(self.kind) and await self._memory.cursor(_CURSOR) is None

    async def _compared(self) -> None:
        if await self._memory.cursor(_CURSOR) is None:
            await self._memory.save_cursor(_CURSOR, {"at": self._clock.now().isoformat()})

    async def _next(
        self, after: str, priority: Priority, *, force: bool = False, first: bool = False
    ) -> tuple[Told, str]:
        """One page of SKUs, and the last of them; empty at the end."""
        skus = await self._known.skus(after, AT_ONCE)
        if not skus:
            return Told(), ""
        read_at = self._clock.now()
        by_sku: dict[str, list[Row]] = {}
        for row in await self._stock.fetch(skus):
            by_sku.setdefault(str(row.get("sku")), []).append(row)
        names = await self._places(by_sku)
        told_before = await self._teller.told(self.kind, [sku for sku in skus if sku not in by_sku])
        readings: list[Reading] = []
        skipped = 0
        wanted = await self._known.wanted(self.kind, skus)
        for sku in [*(sku for sku in skus if sku in by_sku), *sorted(told_before)]:
            plan = wanted.get(sku)
            if plan is not None and not plan.settled and plan.applied_at is None:
                continue  # what is changed while a newer state is on its way must be seen before that is written
            try:
                entity = stock_entity(sku, by_sku.get(sku, ()), names, self._settings)
            except MappingFault as fault:
                self._on_problem(problem_of(self.kind, sku, fault))
                skipped += 1
            else:
                if plan is not None and isinstance(plan.entity, StockEntity):
                    entity = kept_stock(entity, plan.entity, self._settings)
                readings.append(Reading(sku, entity, read_at, first_is_known=first))
        published = await self._teller.tell(self.kind, readings, priority, force=force)
        return Told(len(skus), published, skipped), skus[-1] if len(skus) == AT_ONCE else ""

    async def _places(self, by_sku: Mapping[str, Sequence[Row]]) -> Mapping[str, tuple[str, str | None]]:
        """External id and name of locations by internal id, read again where one is not known."""
        there = {text(row.get("stock_location_id")) or "" for rows in by_sku.values() for row in rows}
        if not there <= self._names.keys():
            self._names = {
                str(row.get("id")): (text(row.get("external_id")) or str(row.get("id")), text(row.get("name")))
                for row in await self._locations.all()
            }
        return self._names
