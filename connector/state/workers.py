"""Processes that are alive, and which of them does what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.state.database import Database
from connector.state.tables import leases, workers
from connector.state.upsert import upsert

TTL_SECONDS = 4.0
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

    async def acquire(self, worker_id: str, names: Sequence[str]) -> set[str]:
        """Take those of these leases that nobody alive holds. Returns the ones that are this worker's now."""
        async with self._db.begin() as transaction:
            await _one_at_a_time(transaction)
            alive = set(await self._alive(transaction))
            found = await transaction.execute(sa.select(leases).where(leases.c.name.in_(names)))
            owners = {row.name: row.worker for row in found}
            mine = {name for name in names if owners.get(name) == worker_id}
            free = {name for name in names if name not in mine and owners.get(name) not in alive}
            if free:
                now = self._clock.now()
                rows = [{"name": name, "worker": worker_id, "since": now} for name in sorted(free)]
                await transaction.execute(upsert(self._db, leases), rows)
        return mine | free

    async def held(self, worker_id: str) -> set[str]:
        """The leases of this worker: one that was taken away while it slept is not among them."""
        async with self._db.read() as transaction:
            found = await transaction.execute(sa.select(leases.c.name).where(leases.c.worker == worker_id))
            return set(found.scalars())

    async def release(self, worker_id: str, names: Sequence[str]) -> None:
        """Give leases back."""
        async with self._db.begin() as transaction:
            await _one_at_a_time(transaction)
            await transaction.execute(
                sa.delete(leases).where(leases.c.worker == worker_id, leases.c.name.in_(list(names)))
            )

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

    async def _alive(self, transaction: AsyncConnection) -> Sequence[str]:
        fresh = workers.c.beat_at >= self._clock.now() - self._ttl
        return (await transaction.execute(sa.select(workers.c.id).where(fresh))).scalars().all()


async def _one_at_a_time(transaction: AsyncConnection) -> None:
    """Whoever takes leases sees what the one before took; SQLite has only one writer anyway."""
    if transaction.dialect.name == "postgresql":
        await transaction.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
