"""Processes that are alive, and which of them does what."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.state.database import Database
from connector.state.shares import to_give, to_take
from connector.state.tables import leases, workers
from connector.state.upsert import upsert

TTL_SECONDS = 3.5
_LOCK = 0x6C656173  # "leas": PostgreSQL's advisory lock for taking leases


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that serves."""

    id: str
    roles: tuple[str, ...]
    host: str
    pid: int
    started_at: datetime
    beat_at: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """The leases that are a worker's now, each with the beginning of its tenure, and those it should hand over."""

    since: Mapping[str, datetime]
    surplus: Sequence[str] = ()


class Workers:
    """Heartbeats and leases. The hosts' clocks have to agree to well within `ttl` seconds."""

    def __init__(self, db: Database, clock: Clock, ttl: float = TTL_SECONDS) -> None:
        self._db = db
        self._clock = clock
        self._ttl = timedelta(seconds=ttl)

    async def register(self, worker_id: str, roles: Sequence[str], host: str, pid: int) -> None:
        """Say that a process is there; it has to `beat` well within the time to live."""
        now = self._clock.now()
        values = {"id": worker_id, "roles": list(roles), "host": host, "pid": pid, "started_at": now, "beat_at": now}
        async with self._db.begin() as transaction:
            await transaction.execute(sa.delete(workers).where(workers.c.beat_at < now - timedelta(days=1)))
            await transaction.execute(upsert(self._db, workers), values)

    async def beat(self, worker_id: str) -> bool:
        """Still alive. False where nobody knows this worker any more: register again, hold no lease."""
        async with self._db.begin() as transaction:
            done = await transaction.execute(
                sa.update(workers).where(workers.c.id == worker_id).values(beat_at=self._clock.now())
            )
        return bool(done.rowcount)

    async def acquire(self, worker_id: str, wanted: Mapping[str, Sequence[str]]) -> Holding:
        """Take a fair part of the leases that nobody alive holds, and say which of one's own are more than that.

        `wanted` names, by role, what there is to do; the live processes that have the role share it.
        """
        mine: dict[str, datetime] = {}
        surplus: list[str] = []
        async with self._db.begin() as transaction:
            await _one_at_a_time(transaction)
            alive = await self._alive(transaction)
            names = [name for of_role in wanted.values() for name in of_role]
            found = await transaction.execute(sa.select(leases).where(leases.c.name.in_(names)))
            owned = {row.name: row for row in found if row.worker in alive}
            for role, of_role in wanted.items():
                own = {n: owned[n].since for n in of_role if n in owned and owned[n].worker == worker_id}
                free = sorted(name for name in of_role if name not in owned)
                counts = Counter(owned[name].worker for name in of_role if name in owned)
                # One that is about to leave has no role any more: what it holds is nobody's share until it lets go.
                held = {id_: counts[id_] for id_, roles in alive.items() if role in roles or id_ == worker_id}
                held.setdefault(worker_id, 0)
                if count := to_take(worker_id, held, len(free)):
                    own |= await self._take(transaction, worker_id, free[:count])
                newest_first = sorted(own, key=lambda name: (own[name], name), reverse=True)
                surplus += newest_first[: to_give(worker_id, held, len(free))]
                mine |= own
        return Holding(mine, surplus)

    async def _take(self, transaction: AsyncConnection, worker_id: str, names: Sequence[str]) -> dict[str, datetime]:
        """Make free leases this worker's; not yet those under which a frozen process has a transaction open."""
        there = sa.select(leases.c.name).where(leases.c.name.in_(names))
        known = set((await transaction.execute(there)).scalars())
        unlocked = set((await transaction.execute(there.with_for_update(skip_locked=True))).scalars())
        now = self._clock.now()
        taken = [name for name in names if name in unlocked or name not in known]
        if taken:
            rows = [{"name": name, "worker": worker_id, "since": now} for name in taken]
            await transaction.execute(upsert(self._db, leases), rows)
        return dict.fromkeys(taken, now)

    async def held(self, worker_id: str) -> set[str]:
        """The leases of this worker: one that was taken away while it slept is not among them."""
        async with self._db.read() as transaction:
            found = await transaction.execute(sa.select(leases.c.name).where(leases.c.worker == worker_id))
            return set(found.scalars())

    async def retire(self, worker_id: str) -> None:
        """The process is about to end: it takes no share any more, and keeps what it holds until it lets go of it."""
        async with self._db.begin() as transaction:
            await transaction.execute(sa.update(workers).where(workers.c.id == worker_id).values(roles=[]))

    async def release(self, worker_id: str, names: Sequence[str]) -> None:
        """Give leases back."""
        async with self._db.begin() as transaction:
            await _one_at_a_time(transaction)
            await transaction.execute(
                sa.delete(leases).where(leases.c.worker == worker_id, leases.c.name.in_(list(names)))
            )

    async def keep(self, worker_id: str, names: Sequence[str]) -> None:
        """Give back every lease but these."""
        async with self._db.begin() as transaction:
            await _one_at_a_time(transaction)
            others = leases.c.name.not_in(list(names))
            await transaction.execute(sa.delete(leases).where(leases.c.worker == worker_id, others))

    async def leave(self, worker_id: str) -> None:
        """The process ends: its leases are free at once."""
        async with self._db.begin() as transaction:
            await _one_at_a_time(transaction)
            await transaction.execute(sa.delete(leases).where(leases.c.worker == worker_id))
            await transaction.execute(sa.delete(workers).where(workers.c.id == worker_id))

    async def alive(self) -> list[Worker]:
        """The processes whose heartbeat is fresh."""
        statement = (
            sa.select(workers)
            .where(workers.c.beat_at >= self._clock.now() - self._ttl)
            .order_by(workers.c.started_at, workers.c.id)
        )
        async with self._db.read() as transaction:
            return [
                Worker(row.id, tuple(row.roles), row.host, row.pid, row.started_at, row.beat_at)
                for row in await transaction.execute(statement)
            ]

    async def _alive(self, transaction: AsyncConnection) -> dict[str, tuple[str, ...]]:
        """Roles by id of the processes whose heartbeat is fresh."""
        fresh = workers.c.beat_at >= self._clock.now() - self._ttl
        found = await transaction.execute(sa.select(workers.c.id, workers.c.roles).where(fresh))
        return {row.id: tuple(row.roles) for row in found}


async def _one_at_a_time(transaction: AsyncConnection) -> None:
    """Whoever takes leases sees what the one before took; SQLite has only one writer anyway."""
    if transaction.dialect.name == "postgresql":
        await transaction.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
