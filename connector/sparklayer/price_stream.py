"""Prices that were changed in SparkLayer: lists by their date, all lists together where one of them changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from connector.clock import Clock
from connector.errors import NotFound
from connector.ports import Known, Memory, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparklayer.kept import kept_price
from connector.sparklayer.mapping.faults import MappingFault
from connector.sparklayer.mapping.fields import text
from connector.sparklayer.mapping.price import Breaks, ListHead, breaks_of, head_of, price_entity
from connector.sparklayer.price_lists import PriceLists
from connector.sparklayer.prices import Prices
from connector.sparklayer.stream import OnProblem, log_problem, problem_of, report
from connector.sparklayer.telling import Reading, Teller, Told
from contracts.entities import Price

_CURSOR = "live:price-lists"
_AT_ONCE = 500

Held = dict[str, dict[str, Breaks]]
"""SKU -> slug of a list -> breaks."""


class PriceStream:
    """Lists whose slug stands for a customer type, `sp-base-usd` or `sp-ct-4-usd`, in the currency of the store.

    An event holds all prices of a SKU, and a list is read as a whole in one call, so a change costs one call per list
    however many prices changed. Whether writing a price moves the date of its list is not documented: all prices are
    compared every `watch.prices_seconds` in any case. A SKU that is about to be written is left for the next time.
    Where both sides edit prices, those that are there at the first look were changed by nobody.
    """

    kind = "price"

    def __init__(
        self,
        lists: PriceLists,
        prices: Prices,
        known: Known,
        teller: Teller,
        memory: Memory,
        *,
        settings: ConnectionSettings,
        clock: Clock,
        on_problem: OnProblem = log_problem,
    ) -> None:
        self._lists = lists
        self._prices = prices
        self._known = known
        self._teller = teller
        self._memory = memory
        self._settings = settings
        self._currency = settings.store.currency_code
        self._pause = timedelta(seconds=settings.watch.prices_seconds)
        self._clock = clock
        self._on_problem = on_problem
        self._postponed = False  # a price that is about to be written is compared later

    async def look(self, priority: Priority) -> Told:
        """Look at the dates of the lists; where one moved, or it is time, compare all prices."""
        now = self._clock.now()
        heads = await self._heads()
        dates = {head.slug: head.updated_at for head in heads}
        position = await self._memory.cursor(_CURSOR) or {}
        compared = position.get("compared_at")
        due = compared is None or now - datetime.fromisoformat(str(compared)) >= self._pause
        if not due and position.get("dates") == dates:
            return Told()
        self._postponed = False
        told = await self._compare(heads, priority)
        if not self._postponed:
            await self._memory.save_cursor(_CURSOR, {"dates": dates, "compared_at": now.isoformat()})
        return told

    async def whole(
        self,
        run_id: str,  # noqa: ARG002 - see `Stream`: it begins anew, for a list is one call
        priority: Priority,
        progress: Progress | None,
        *,
        force: bool,
    ) -> Told:
        """Compare all prices."""
        now, heads = self._clock.now(), await self._heads()
        told = await self._compare(heads, priority, progress, force=force)
        if await self._memory.cursor(_CURSOR) is None:
            await self._memory.save_cursor(_CURSOR, {"dates": {}, "compared_at": now.isoformat()})
        return told

    async def _heads(self) -> list[ListHead]:
        rows = await self._lists.all()
        return [head for row in rows if (head := head_of(row, self._currency)) is not None]

    async def _compare(
        self, heads: Sequence[ListHead], priority: Priority, progress: Progress | None = None, *, force: bool = False
    ) -> Told:
        read_at = self._clock.now()
        held: Held = {}
        for head in heads:
            for sku, breaks in (await self._rows(head)).items():
                held.setdefault(sku, {})[head.slug] = breaks
        told = Told()
        first = self._settings.both_ways(self.kind) and await self._memory.cursor(_CURSOR) is None
        skus = iter(sorted(held))
        while some := list(islice(skus, _AT_ONCE)):
            of_some = await self._tell(some, heads, held, read_at, priority, force=force, first=first)
            await report(progress, of_some)
            told += of_some
        after = ""
        while some := list(await self._known.skus(after, _AT_ONCE)):  # those that no list has any more
            after = some[-1]
            left = await self._teller.told(self.kind, [sku for sku in some if sku not in held])
            told += await self._tell(sorted(left), heads, held, read_at, priority, force=force)
        return told

    async def _rows(self, head: ListHead) -> dict[str, Breaks]:
        try:
            rows = await self._prices.get_list(head.slug)
        except NotFound:
            return {}  # it was deleted a moment ago
        return {sku: breaks for row in rows if (sku := text(row.get("sku"))) and (breaks := breaks_of(row))}

    async def _tell(
        self,
        skus: Sequence[str],
        heads: Sequence[ListHead],
        held: Mapping[str, Mapping[str, Breaks]],
        read_at: datetime,
        priority: Priority,
        *,
        force: bool,
        first: bool = False,
    ) -> Told:
        readings: list[Reading] = []
        skipped = 0
        wanted = await self._known.wanted(self.kind, skus)
        for sku in skus:
            plan = wanted.get(sku)
            if plan is not None and not plan.settled:
                self._postponed = True
                continue
            try:
                entity = price_entity(sku, heads, held.get(sku, {}), self._currency)
            except MappingFault as fault:
                self._on_problem(problem_of(self.kind, sku, fault))
                skipped += 1
            else:
                if plan is not None and isinstance(plan.entity, Price):
                    moments = [at for at in (read_at, plan.applied_at) if at is not None]
                    entity = kept_price(entity, plan.entity, moments, self._settings)
                readings.append(Reading(sku, entity, read_at, first_is_known=first))
        return Told(len(skus), await self._teller.tell(self.kind, readings, priority, force=force), skipped)
