"""Orders and quotes that were placed in SparkLayer, found by their last change."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from math import log2
from zoneinfo import ZoneInfo

from connector.clock import Clock
from connector.ports import Memory, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparklayer.customer_stream import CustomerStream
from connector.sparklayer.digest import row_digest
from connector.sparklayer.mapping.faults import MappingFault
from connector.sparklayer.mapping.fields import Row
from connector.sparklayer.mapping.purchase import (
    began_there,
    cart_of,
    changed_at,
    customer_of,
    is_placed_there,
    order_entity,
    placed_at,
    shop_id_of,
    shows_every_piece,
)
from connector.sparklayer.people import People
from connector.sparklayer.purchase_pages import changed_since, identity
from connector.sparklayer.purchases import Purchases
from connector.sparklayer.stream import OnProblem, log, log_problem, problem_of, report
from connector.sparklayer.telling import Reading, Teller, Told

_LIVE, _LOOKED_UP = "live:purchases", "looked-up:purchases"
_UNCONFIRMED = "order_unconfirmed"
_TICK = timedelta(milliseconds=1)


class PurchaseStream:
    """What buyers ordered. What a shop sent to be shown is that shop's to tell, and is left out.

    A purchase that no shop has taken is told as it is. One that a shop has taken is the shop's record from then on: how
    it is seen first is taken as known, and what differs from that later was changed in SparkLayer.
    """

    kind = "order"

    def __init__(
        self,
        purchases: Purchases,
        people: People,
        customers: CustomerStream | None,
        teller: Teller,
        memory: Memory,
        *,
        settings: ConnectionSettings,
        clock: Clock,
        on_problem: OnProblem = log_problem,
    ) -> None:
        self._purchases = purchases
        self._people = people
        self._customers = customers  # where a flow takes customers from there
        self._teller = teller
        self._memory = memory
        self._settings = settings
        self._clock = clock
        self._on_problem = on_problem
        self._overlap = timedelta(seconds=settings.poll.overlap_seconds)
        self._first = _start_of(settings)
        self._seen: dict[object, bytes] = {}
        self._at: datetime | None = None  # the stored position, once it was read
        self._moved = clock.monotonic()  # when a look found the position in another place than the one before

    async def look(self, priority: Priority) -> Told:
        """Read what changed since the newest change that was seen: one call while that is less than a page.

        Each look goes back by the overlap, for a row may become visible later than its time says; once the position has
        stayed for longer than that, it begins behind it.
        """
        at = await self._position()
        if at is None:
            return await self._read(None, None, priority)
        settled = self._clock.monotonic() - self._moved > self._overlap.total_seconds()
        return await self._read(at, at + _TICK if settled else at - self._overlap, priority)

    async def whole(
        self,
        run_id: str,  # noqa: ARG002 - see `Stream`: it begins anew, for a call reads 500
        priority: Priority,
        progress: Progress | None,
        *,
        force: bool,
    ) -> Told:
        """Read every purchase there is."""
        return await self._read(await self._position(), None, priority, progress, force=force)

    async def look_up_unconfirmed(self, priority: Priority) -> Told:
        """Tell once more of orders that nobody has confirmed for long, with the ids and times that they had.

        Whoever has applied them takes that for a repeat; an order whose event was lost is looked up by its number and
        placed then. It is told after `orders.sweep_minutes`, and after twice, four times, ... as long.
        """
        now = self._clock.now()
        position = await self._memory.cursor(_LOOKED_UP)
        before = None if position is None else datetime.fromisoformat(position["at"])
        told = Told()
        async for page in changed_since(self._purchases, self._first, type_=_UNCONFIRMED):
            late = [
                row for row in page if self._lateness(row, now) > (0 if before is None else self._lateness(row, before))
            ]
            for row in late:
                log.warning("order_unconfirmed", key=_key(row), placed_at=str(placed_at(row)))
            told += await self.tell(late, priority, force=True)
        await self._memory.save_cursor(_LOOKED_UP, {"at": now.isoformat()})
        return told

    async def tell(self, rows: Sequence[Row], priority: Priority, *, force: bool = False) -> Told:
        """Tell what these purchases are, the customers of new ones before them."""
        read_at = self._clock.now()
        concerned = [row for row in rows if self._is_told(row)]
        if self._customers is not None:
            named = {id_ for row in concerned if is_placed_there(row) and (id_ := customer_of(row)) is not None}
            await self._customers.tell_named(sorted(named), priority)
        readings: list[Reading] = []
        skipped = 0
        for row in concerned:
            try:
                entity = order_entity(row, await self._customer(row), self._settings)
            except MappingFault as fault:
                self._on_problem(problem_of(self.kind, _key(row), fault))
                skipped += 1
            else:
                readings.append(Reading(_key(row), entity, read_at, changed_at(row), number=_shop_number(row)))
        return Told(len(rows), await self._teller.tell(self.kind, readings, priority, force=force), skipped)

    async def _read(
        self,
        stored: datetime | None,
        since: datetime | None,
        priority: Priority,
        progress: Progress | None = None,
        *,
        force: bool = False,
    ) -> Told:
        told = Told()
        seen = {} if force else dict(self._seen)
        kept: dict[object, bytes] = {}
        newest = stored
        async for page in changed_since(self._purchases, since):
            digests = {identity(row): row_digest(row) for row in page}
            of_page = await self.tell(
                [row for row in page if seen.get(identity(row)) != digests[identity(row)]], priority, force=force
            )
            told += of_page
            await report(progress, of_page)
            times = [at for row in page if (at := changed_at(row)) is not None]
            newest = max([*times, newest] if newest is not None else times, default=None)
            seen |= digests
            kept = digests if since is None else kept | digests
        self._seen = kept
        await self._reached(stored, newest)
        return told

    async def _reached(self, stored: datetime | None, newest: datetime | None) -> None:
        """Store the newest change that was seen, but none that lies in the future: it would hide all that follow."""
        if newest is None:
            return
        reached = min(newest, self._clock.now())
        if stored is None or reached > stored:
            await self._memory.save_cursor(_LIVE, {"at": reached.isoformat()})
            self._at, self._moved = reached, self._clock.monotonic()

    async def _position(self) -> datetime | None:
        if self._at is None and (position := await self._memory.cursor(_LIVE)) is not None:
            self._at = datetime.fromisoformat(position["at"])
        return self._at

    def _is_told(self, row: Row) -> bool:
        if not began_there(row) or not (is_placed_there(row) or shows_every_piece(row)):
            return False
        placed = placed_at(row)
        return self._first is None or placed is None or placed >= self._first

    def _lateness(self, row: Row, now: datetime) -> int:
        """How often it should have been told again by then."""
        placed = placed_at(row)
        if placed is None or not is_placed_there(row):
            return 0
        share = (now - placed) / timedelta(minutes=self._settings.orders.sweep_minutes)
        return int(log2(share)) + 1 if share >= 1 else 0

    async def _customer(self, row: Row) -> Row | None:
        """Who ordered. Of an order that a shop has taken, that shop knows."""
        id_ = customer_of(row)
        return await self._people.get(id_) if id_ is not None and is_placed_there(row) else None


def _key(row: Row) -> str:
    return f"sparklayer:{cart_of(row)}"


def _shop_number(row: Row) -> int | None:
    """The id of the order in the shop that has taken it; 0 where that is no number, none where nobody has taken it."""
    id_ = shop_id_of(row)
    return None if id_ is None else int(id_) if id_.isdecimal() else 0


def _start_of(settings: ConnectionSettings) -> datetime | None:
    since = settings.orders.since
    if since is None:
        return None
    return datetime.combine(since, time(), ZoneInfo(settings.store.timezone)).astimezone(UTC)
