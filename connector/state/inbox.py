"""The inbox: one row per connection, side, entity and key with the newest wanted state, until it is applied."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.pieces import in_pieces
from connector.ports import Doubt, Priority
from connector.state import intake, reopening, settlements
from connector.state.among import among
from connector.state.claims import chunks
from connector.state.columns import Moment, micros
from connector.state.database import Database
from connector.state.inbox_rows import OPEN, Arrival, Backlog, Counts, PutResult, Row, row_of
from connector.state.settlements import (
    SetApplied,
    SetDisplaced,
    SetRejected,
    SetRetry,
    SetSeen,
    Settlement,
    SetWaiting,
)
from connector.state.tables import LATER, READY, inbox, lane, lane_parts
from contracts.entities import KINDS
from contracts.topics import SIDES

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
    "SetSeen",
    "SetWaiting",
    "Settlement",
]

BACKLOG_BOUND = 1001

# Written out, not bound: the partial indexes serve a query only when it says which part it wants.
_IS_READY = inbox.c.queue == sa.literal_column(str(READY))
_IS_LATER = inbox.c.queue == sa.literal_column(str(LATER))
_SETTLED = inbox.c.state.not_in(OPEN)
_IS_RETRYING = inbox.c.state == sa.literal_column("'retrying'")


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
        """Rows to apply now, the most urgent and oldest first: open ones, and settled ones whose time to wake came.

        Rows stay due until they are settled: one applier at a time per connection and side.
        """
        read_at = self._clock.now()
        statement = queue_of(lane(connection, side, entity), limit)
        async with self._db.read() as transaction:
            if not await _any_came(transaction, lane(connection, side, entity), now):
                return await _rows(await transaction.execute(statement), read_at)
        await self._promote([lane(connection, side, entity)], now)
        async with self._db.read() as transaction:
            return await _rows(await transaction.execute(statement), read_at)

    async def due_lanes(self, now: datetime) -> list[tuple[str, str, str]]:
        """Every (connection, side, entity) with rows to apply now, in one statement.

        It jumps from lane to lane in the index, so it costs as much as there are lanes with something to do or wait
        for, however many rows they have and however many connections there are.
        """
        async with self._db.read() as transaction:
            found = (await transaction.execute(_DUE_LANES, {"now": micros(now)})).scalars().all()
        return [parts for parts in map(lane_parts, found) if parts is not None]

    async def backlog(self, connection: str, side: str, entities: Sequence[str] = tuple(KINDS)) -> dict[str, Backlog]:
        """What there is to do, by entity, in a few index look-ups; kinds with nothing to do are left out."""
        found = await self._backlog(connection, side, entities)
        now = self._clock.now()
        came = [entity for entity, held in found.items() if held.next_due is not None and held.next_due <= now]
        if came:
            await self._promote([lane(connection, side, entity) for entity in came], now)
            found = await self._backlog(connection, side, entities)
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

    async def reapply(self, connection: str, side: str, entities: Sequence[str], codes: Sequence[str] = ()) -> int:
        """Everything applied of these kinds, and what was rejected with these codes, becomes pending; returns how many.

        At the lowest priority, and without doubt: what would be sent as it was sent before costs no call.
        """
        now = self._clock.now()

        async def work(transaction: AsyncConnection) -> int:
            await settlements.lock(transaction, connection, side)
            return await reopening.reapply(transaction, connection, side, entities, codes=codes, now=now)

        return await self._db.run(work)

    async def begin(self, rows: Sequence[Row]) -> None:
        """These rows of one kind are about to be sent: until they are settled nobody knows what the platform has.

        Whoever finds them like that, after a process died or when a newer event came meanwhile, looks before it writes.
        """
        if not rows:
            return
        first, keys = rows[0], [row.key for row in rows]
        of = _of(first.connection, first.side, first.entity)
        statement = (
            sa.update(inbox)
            .where(of, among(inbox.c.key, keys), inbox.c.doubt == int(Doubt.NONE))
            .values(doubt=int(Doubt.SENT))
        )
        await self._db.run(lambda transaction: transaction.execute(statement))

    async def doubt(self, connection: str, side: str) -> int:
        """Nothing that is recorded of this side is sure any more: every row is looked at before it is written again.

        At the lowest priority, so that live changes go first. Returns how many.
        """
        now = self._clock.now()
        statement = (
            sa.update(inbox)
            .where(inbox.c.connection == connection, inbox.c.side == side)
            .values(
                doubt=int(Doubt.UNSEEN),
                state="pending",
                queue=READY,
                revision=inbox.c.revision + 1,
                priority=int(Priority.SYNC),
                received_at=now,
                due_at=now,
                attempts=0,
                applied_hash=None,
                **dict.fromkeys(("waiting_for", "waiting_since", "error_status", "error_code", "error_message")),
            )
        )

        async def work(transaction: AsyncConnection) -> int:
            await settlements.lock(transaction, connection, side)
            return (await transaction.execute(statement)).rowcount

        return await self._db.run(work)

    async def doubtful(self, connection: str) -> int:
        """How many rows are still to be looked at; reads all of them."""
        statement = (
            sa.select(sa.func.count())
            .select_from(inbox)
            .where(
                inbox.c.connection == connection,
                inbox.c.doubt.in_((int(Doubt.UNSEEN), int(Doubt.SEEN))),
                inbox.c.state.in_(OPEN),
            )
        )
        async with self._db.read() as transaction:
            return int((await transaction.execute(statement)).scalar_one())

    async def waiting(self, connection: str, what: str) -> list[tuple[str, str, str]]:
        """Entity, key and message of every row that waits for this."""
        statement = (
            sa.select(inbox.c.entity, inbox.c.key, inbox.c.error_message)
            .where(inbox.c.connection == connection, inbox.c.state == "waiting", inbox.c.waiting_for == what)
            .order_by(inbox.c.entity, inbox.c.key)
        )
        async with self._db.read() as transaction:
            return [(row.entity, row.key, row.error_message or "") for row in await transaction.execute(statement)]

    async def empty(self, connection: str) -> bool:
        """Whether nothing was ever wanted of this connection, as far as this database knows."""
        statement = sa.select(sa.literal(1)).select_from(inbox).where(inbox.c.connection == connection).limit(1)
        async with self._db.read() as transaction:
            return (await transaction.execute(statement)).first() is None

    async def get(self, connection: str, side: str, entity: str, key: str) -> Row | None:
        """One row; none where nothing was ever wanted of that key."""
        return (await self.wanted(connection, side, entity, [key])).get(key)

    async def wanted(self, connection: str, side: str, entity: str, keys: Sequence[str]) -> dict[str, Row]:
        """The newest wanted states of these keys, applied or not; unknown keys are left out."""
        read_at = self._clock.now()
        found: dict[str, Row] = {}
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(set(keys))):
                statement = sa.select(inbox).where(_of(connection, side, entity), among(inbox.c.key, chunk))
                found |= {row.key: row_of(row, read_at) for row in await transaction.execute(statement)}
        return found

    async def known(self, connection: str, side: str, entity: str, keys: Sequence[str]) -> frozenset[str]:
        """Those of these keys that something was ever wanted of."""
        found: set[str] = set()
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(set(keys))):
                statement = sa.select(inbox.c.key).where(_of(connection, side, entity), among(inbox.c.key, chunk))
                found |= set((await transaction.execute(statement)).scalars())
        return frozenset(found)

    async def busy(self, connection: str) -> bool:
        """Whether anything is due, being retried or soon due; rows that wait for another entity do not count."""
        lanes = [lane(connection, side, entity) for side in SIDES for entity in KINDS]
        there = sa.select(sa.literal(1)).select_from(inbox)
        ready = there.where(inbox.c.lane.in_(lanes), _IS_READY, inbox.c.state.in_(OPEN)).limit(1)
        retried = there.where(inbox.c.connection == connection, _IS_RETRYING).limit(1)
        async with self._db.read() as transaction:
            found = await transaction.execute(sa.select(sa.or_(sa.exists(ready), sa.exists(retried))))
            return bool(found.scalar_one())

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

    async def _backlog(self, connection: str, side: str, entities: Sequence[str]) -> dict[str, Backlog]:
        lanes = {f"lane_{entity}": lane(connection, side, entity) for entity in entities}
        async with self._db.read() as transaction:
            found = (await transaction.execute(_backlog_of_all(tuple(entities)), lanes)).all()
        return {
            row.entity: Backlog(row.due, min(filter(None, row[3:]), default=None), row.next_due)
            for row in found
            if row.due or row.next_due is not None
        }

    async def _promote(self, lanes: Sequence[str], now: datetime) -> None:
        """Rows whose time has come join the queue. Kept apart until then, they cost the queue nothing.

        A sale that begins or ends is a live change of this moment, however the event came that told of it.
        """
        came = (
            sa.update(inbox)
            .where(inbox.c.lane.in_(lanes), _IS_LATER, inbox.c.due_at <= now)
            .values(
                queue=READY,
                priority=sa.case((_SETTLED, int(Priority.LIVE)), else_=inbox.c.priority),
                received_at=sa.case((_SETTLED, inbox.c.due_at), else_=inbox.c.received_at),
            )
        )
        await self._db.run(lambda transaction: transaction.execute(came))


def queue_of(of: str, limit: int) -> sa.Select[tuple[object, ...]]:
    """The head of a lane's queue; read in the order of the index `ix_inbox_ready`, whatever lies behind it."""
    return (
        sa.select(inbox)
        .where(inbox.c.lane == of, _IS_READY)
        .order_by(inbox.c.priority, inbox.c.received_at, inbox.c.key)
        .limit(limit)
    )


async def _rows(found: sa.CursorResult[Any], read_at: datetime) -> list[Row]:
    return [row_of(row, read_at) async for row in in_pieces(found.all())]


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


@cache
def _backlog_of_all(entities: tuple[str, ...]) -> sa.CompoundSelect[tuple[object, ...]]:
    return sa.union_all(*(_backlog_of(entity) for entity in entities))


def _lanes_in(queue: int) -> str:
    """The lanes of a queue, as a recursive part of a query that takes one look into the index for each of them."""
    name = f"lanes_{queue}"
    nearest = f"FROM inbox WHERE inbox.queue = {queue}"
    first = f"SELECT inbox.lane {nearest} ORDER BY inbox.lane LIMIT 1"
    following = f"SELECT inbox.lane {nearest} AND inbox.lane > {name}.lane ORDER BY inbox.lane LIMIT 1"
    others = f"SELECT ({following}) FROM {name} WHERE {name}.lane IS NOT NULL"  # noqa: S608 - names and numbers of ours
    return f"{name}(lane) AS (SELECT ({first}) UNION ALL {others})"


_DUE_LANES = sa.text(
    f"WITH RECURSIVE {_lanes_in(READY)}, {_lanes_in(LATER)} "  # noqa: S608
    f"SELECT lane FROM lanes_{READY} WHERE lane IS NOT NULL "
    f"UNION SELECT lane FROM lanes_{LATER} WHERE (SELECT inbox.due_at FROM inbox "
    f"WHERE inbox.queue = {LATER} AND inbox.lane = lanes_{LATER}.lane ORDER BY inbox.due_at LIMIT 1) <= :now"
)
