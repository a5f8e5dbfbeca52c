"""The inbox: one row per connection, side, entity and key with the newest wanted state, until it is applied."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.ports import Priority
from connector.state import intake, reopening, settlements
from connector.state.claims import chunks
from connector.state.columns import Moment
from connector.state.database import Database
from connector.state.inbox_rows import OPEN, Arrival, Backlog, Counts, PutResult, Row, row_of
from connector.state.settlements import SetApplied, SetDisplaced, SetRejected, SetRetry, Settlement, SetWaiting
from connector.state.tables import LATER, READY, inbox, lane
from contracts.entities import KINDS

__all__ = [
    "BACKLOG_BOUND",
    "Arrival",
    "Backlog",
    "Counts",
    "Inbox",
    "PutResult",
    "Row",
    "SetApplied",
    "SetDisplaced",
    "SetRejected",
    "SetRetry",
    "SetWaiting",
    "Settlement",
]

BACKLOG_BOUND = 1001

# Written out, not bound: the partial indexes serve a query only when it says which part it wants.
_IS_READY = inbox.c.queue == sa.literal_column(str(READY))
_IS_LATER = inbox.c.queue == sa.literal_column(str(LATER))


class Inbox:
    """The wanted state of everything, and what is known of applying it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def put(self, arrivals: Iterable[Arrival]) -> PutResult:
        """Store what is newer than what is there, durably; the rest is counted and dropped.

        A newer version becomes due at once, with no attempts and nothing to wait for. While a row is still to be
        applied it keeps its place in the queue and the more urgent of both priorities.
        """
        folded, dropped = intake.fold(arrivals)
        if not folded:
            return dropped
        now = self._clock.now()
        return intake.added(dropped, await self._db.run(lambda connection: intake.put(connection, folded, now)))

    async def due(self, connection: str, side: str, entity: str, limit: int, now: datetime) -> list[Row]:
        """Rows to apply now, the most urgent and oldest first: open ones, and applied ones whose time to wake came.

        Rows stay due until they are settled: one applier at a time per connection and side.
        """
        read_at = self._clock.now()
        statement = queue_of(lane(connection, side, entity), limit)
        async with self._db.read() as transaction:
            if not await _any_came(transaction, lane(connection, side, entity), now):
                return [row_of(row, read_at) for row in await transaction.execute(statement)]
        await self._promote([lane(connection, side, entity)], now)
        async with self._db.read() as transaction:
            return [row_of(row, read_at) for row in await transaction.execute(statement)]

    async def backlog(self, connection: str, side: str) -> dict[str, Backlog]:
        """What there is to do, by entity, in a few index look-ups; kinds with nothing to do are left out."""
        found = await self._backlog(connection, side)
        now = self._clock.now()
        came = [entity for entity, held in found.items() if held.next_due is not None and held.next_due <= now]
        if came:
            await self._promote([lane(connection, side, entity) for entity in came], now)
            found = await self._backlog(connection, side)
        return found

    async def settle(self, done: Sequence[Settlement]) -> None:
        """Write what became of rows, with all that follows, in one transaction.

        A row that has something newer to apply meanwhile stays pending; what was applied is recorded all the same.
        """
        if done:
            now = self._clock.now()
            await self._db.run(lambda connection: settlements.settle(connection, done, now))

    async def release(self, connection: str, side: str, names: Sequence[str]) -> int:
        """Rows that wait for any of `sku:<sku>` or `<entity>:<key>` become due now. Returns how many."""
        now = self._clock.now()

        async def work(transaction: AsyncConnection) -> int:
            await settlements.lock(transaction, connection, side)
            return await reopening.release(transaction, connection, side, names, now)

        return await self._db.run(work)

    async def reopen(self, connection: str, side: str, entity: str, keys: Sequence[str]) -> int:
        """Applied and rejected rows become pending again with the event they have. Returns how many."""
        now = self._clock.now()

        async def work(transaction: AsyncConnection) -> int:
            await settlements.lock(transaction, connection, side)
            return await reopening.reopen(transaction, connection, side, entity, keys, now=now)

        return await self._db.run(work)

    async def get(self, connection: str, side: str, entity: str, key: str) -> Row | None:
        """One row; none where nothing was ever wanted of that key."""
        return (await self.wanted(connection, side, entity, [key])).get(key)

    async def wanted(self, connection: str, side: str, entity: str, keys: Sequence[str]) -> dict[str, Row]:
        """The newest wanted states of these keys, applied or not; unknown keys are left out."""
        read_at = self._clock.now()
        found: dict[str, Row] = {}
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(set(keys))):
                statement = sa.select(inbox).where(_of(connection, side, entity), inbox.c.key.in_(chunk))
                found |= {row.key: row_of(row, read_at) for row in await transaction.execute(statement)}
        return found

    async def busy(self, connection: str) -> bool:
        """Whether anything is due, being retried or soon due; rows that wait for another entity do not count."""
        statement = (
            sa.select(sa.literal(1))
            .select_from(inbox)
            .where(
                inbox.c.connection == connection,
                sa.or_(inbox.c.state.in_(("pending", "retrying")), sa.and_(inbox.c.state == "waiting", _IS_READY)),
            )
            .limit(1)
        )
        async with self._db.read() as transaction:
            return (await transaction.execute(statement)).first() is not None

    async def unsettled(self, connection: str, received_until: datetime) -> int:
        """How many rows of a connection that arrived up to then are still to be applied."""
        statement = (
            sa.select(sa.func.count())
            .select_from(inbox)
            .where(inbox.c.connection == connection, inbox.c.state.in_(OPEN), inbox.c.received_at <= received_until)
        )
        async with self._db.read() as transaction:
            return int((await transaction.execute(statement)).scalar_one())

    async def counts(self, connection: str | None = None) -> dict[tuple[str, str, str], Counts]:
        """Exact counts by (connection, side, entity), for people: it reads the whole table."""
        statement = sa.select(
            inbox.c.connection,
            inbox.c.side,
            inbox.c.entity,
            _count(inbox.c.state.in_(OPEN)).label("waiting"),
            _count(inbox.c.state == "retrying").label("retrying"),
            _count(inbox.c.state == "rejected").label("rejected"),
            _count(inbox.c.state == "applied").label("applied"),
            sa.func.min(sa.case((inbox.c.state.in_(OPEN), inbox.c.received_at)), type_=Moment).label("oldest"),
        ).group_by(inbox.c.connection, inbox.c.side, inbox.c.entity)
        if connection is not None:
            statement = statement.where(inbox.c.connection == connection)
        async with self._db.read() as transaction:
            return {
                (row.connection, row.side, row.entity): Counts(
                    int(row.waiting), int(row.retrying), int(row.rejected), int(row.applied), row.oldest
                )
                for row in await transaction.execute(statement)
            }

    async def _backlog(self, connection: str, side: str) -> dict[str, Backlog]:
        lanes = {f"lane_{entity}": lane(connection, side, entity) for entity in KINDS}
        async with self._db.read() as transaction:
            found = (await transaction.execute(_BACKLOG, lanes)).all()
        return {
            row.entity: Backlog(row.due, min(filter(None, row[3:]), default=None), row.next_due)
            for row in found
            if row.due or row.next_due is not None
        }

    async def _promote(self, lanes: Sequence[str], now: datetime) -> None:
        """Rows whose time has come join the queue. Kept apart until then, they cost the queue nothing."""
        came = sa.update(inbox).where(inbox.c.lane.in_(lanes), _IS_LATER, inbox.c.due_at <= now).values(queue=READY)
        await self._db.run(lambda transaction: transaction.execute(came))


def queue_of(of: str, limit: int) -> sa.Select[tuple[object, ...]]:
    """The head of a lane's queue; read in the order of the index `ix_inbox_ready`, whatever lies behind it."""
    return (
        sa.select(inbox)
        .where(inbox.c.lane == of, _IS_READY)
        .order_by(inbox.c.priority, inbox.c.received_at, inbox.c.key)
        .limit(limit)
    )


async def _any_came(transaction: AsyncConnection, of: str, now: datetime) -> bool:
    probe = sa.select(sa.literal(1)).where(inbox.c.lane == of, _IS_LATER, inbox.c.due_at <= now).limit(1)
    return (await transaction.execute(probe)).first() is not None


def _of(connection: str, side: str, entity: str) -> sa.ColumnElement[bool]:
    return sa.and_(inbox.c.connection == connection, inbox.c.side == side, inbox.c.entity == entity)


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _backlog_of(entity: str) -> sa.Select[tuple[object, ...]]:
    """Entity, bounded count, next due time, and the oldest arrival of each priority: all from the ends of indexes.

    Ordered with a limit, not min(): a planner without statistics would read the whole lane for min().
    """
    of = sa.bindparam(f"lane_{entity}", type_=sa.Text)
    ready = sa.and_(inbox.c.lane == of, _IS_READY)
    bounded = sa.select(sa.literal(1)).select_from(inbox).where(ready).limit(BACKLOG_BOUND).subquery()
    next_due = sa.select(inbox.c.due_at).where(inbox.c.lane == of, _IS_LATER).order_by(inbox.c.due_at).limit(1)
    oldest = (
        sa.select(inbox.c.received_at)
        .where(ready, inbox.c.priority == int(priority))
        .order_by(inbox.c.received_at)
        .limit(1)
        for priority in Priority
    )
    return sa.select(
        sa.literal(entity).label("entity"),
        sa.select(sa.func.count()).select_from(bounded).scalar_subquery().label("due"),
        next_due.scalar_subquery().label("next_due"),
        *(statement.scalar_subquery().label(f"oldest_{order}") for order, statement in enumerate(oldest)),
    )


_BACKLOG = sa.union_all(*(_backlog_of(entity) for entity in KINDS))
