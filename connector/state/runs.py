"""Sync runs: asked for by a person or by a new connection, done by the service, followed until all is settled."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from connector.choice import Choice, choice_of
from connector.clock import Clock
from connector.errors import UserFault
from connector.state.database import Database
from connector.state.tables import sync_run_parts, sync_runs
from connector.state.upsert import upsert

RunState = Literal["requested", "reading", "applying", "done", "failed"]
RUNNING = ("reading", "applying")
_OPEN = sync_runs.c.finished_at.is_(None)
_COUNTED = ("read", "published", "skipped", "applied", "unchanged", "rejected", "calls_sparkpay", "calls_sparklayer")


@dataclass(frozen=True, slots=True)
class Run:
    """One sync of one connection. `published_until` is where its last events lie, as the engine wrote it down."""

    id: str
    connection: str
    entities: tuple[str, ...]
    full: bool
    requested_by: str
    state: RunState
    requested_at: datetime
    started_at: datetime | None
    read_at: datetime | None
    finished_at: datetime | None
    published_until: Mapping[str, Any] | None
    read: int
    published: int
    skipped: int
    applied: int
    unchanged: int
    rejected: int
    calls: Mapping[str, int]
    message: str | None
    choice: Choice | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed")


class Runs:
    """Stores runs. Everything that meets an unknown id raises `UserFault`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def request(
        self,
        connection: str,
        entities: Sequence[str],
        *,
        full: bool,
        requested_by: str,
        choice: Choice | None = None,
    ) -> Run:
        """Ask for a run; the service that holds the connection takes it up. `choice`: of a part of the store."""
        values = new_run(
            connection, entities=entities, full=full, requested_by=requested_by, now=self.now(), choice=choice
        )
        async with self._db.begin() as transaction:
            await transaction.execute(sa.insert(sync_runs).values(values))
        return await self.get(values["id"])

    def now(self) -> datetime:
        """The time that runs are asked for at."""
        return self._clock.now()

    async def next_requested(self, connection: str) -> Run | None:
        """The oldest run of a connection that nobody has started."""
        return await self._first(connection, "requested", newest=False)

    async def requested(self) -> Mapping[str, frozenset[str]]:
        """The connections that somebody asked a run of that is not read yet, and the states of those runs."""
        statement = sa.select(sync_runs.c.connection, sync_runs.c.state).where(
            _OPEN, sync_runs.c.state.in_(("requested", "reading"))
        )
        found: dict[str, set[str]] = {}
        async with self._db.read() as transaction:
            for row in await transaction.execute(statement):
                found.setdefault(row.connection, set()).add(row.state)
        return {connection: frozenset(states) for connection, states in found.items()}

    async def to_read(self, connection: str, side: str) -> Run | None:
        """The oldest run of a connection that was started and for which that side's platform is still to be read."""
        read = sa.select(sync_run_parts.c.run).where(
            sync_run_parts.c.connection == connection, sync_run_parts.c.side == side
        )
        statement = (
            sa.select(sync_runs)
            .where(
                sync_runs.c.connection == connection,
                _OPEN,
                sync_runs.c.state == "reading",
                sync_runs.c.id.not_in(read),
            )
            .order_by(sync_runs.c.requested_at, sync_runs.c.id)
            .limit(1)
        )
        async with self._db.read() as transaction:
            found = (await transaction.execute(statement)).one_or_none()
        return None if found is None else _run(found)

    async def part_read(self, run: Run, side: str) -> None:
        """What the run wants of that side's platform is read and published."""
        values = {"run": run.id, "side": side, "connection": run.connection, "read_at": self._clock.now()}
        async with self._db.begin() as transaction:
            await transaction.execute(upsert(self._db, sync_run_parts), values)

    async def parts_read(self, id: str) -> frozenset[str]:  # noqa: A002
        """The sides whose platforms are read for a run, but for the one that leads it."""
        statement = sa.select(sync_run_parts.c.side).where(sync_run_parts.c.run == id)
        async with self._db.read() as transaction:
            return frozenset((await transaction.execute(statement)).scalars())

    async def under_way(self) -> dict[str, str]:
        """The oldest run that was started and is not over, of each connection that has one."""
        statement = (
            sa.select(sync_runs.c.connection, sync_runs.c.id)
            .where(_OPEN, sync_runs.c.state.in_(RUNNING))
            .order_by(sync_runs.c.requested_at.desc(), sync_runs.c.id.desc())
        )
        async with self._db.read() as transaction:
            return {row.connection: row.id for row in await transaction.execute(statement)}

    async def unfinished(self, connection: str) -> Sequence[Run]:
        """Runs that were started and are not over, oldest first: after a restart they are taken up again."""
        statement = (
            sa.select(sync_runs)
            .where(sync_runs.c.connection == connection, sync_runs.c.state.in_(RUNNING))
            .order_by(sync_runs.c.requested_at, sync_runs.c.id)
        )
        async with self._db.read() as transaction:
            return [_run(row) for row in await transaction.execute(statement)]

    async def start(self, id: str) -> Run:  # noqa: A002
        """Reading begins."""
        return await self._change(id, {"state": "reading", "started_at": self._clock.now()})

    async def progress(
        self,
        id: str,  # noqa: A002
        *,
        read: int = 0,
        published: int = 0,
        skipped: int = 0,
        applied: int = 0,
        unchanged: int = 0,
        rejected: int = 0,
        calls: Mapping[str, int] | None = None,
    ) -> None:
        """Add to the counts; `calls` by side."""
        added = {
            "read": read,
            "published": published,
            "skipped": skipped,
            "applied": applied,
            "unchanged": unchanged,
            "rejected": rejected,
            **{f"calls_{side}": number for side, number in (calls or {}).items()},
        }
        changes = {name: sync_runs.c[name] + number for name, number in added.items() if number}
        if changes:
            await self._write(id, changes)

    async def reading_done(self, id: str, published_until: Mapping[str, Any] | None = None) -> Run:  # noqa: A002
        """Everything is read and published; from now on the run waits for its rows."""
        now = self._clock.now()
        return await self._change(
            id,
            {
                "state": "applying",
                "read_at": now,
                "published_until": None if published_until is None else dict(published_until),
            },
        )

    async def settle_counts(self, id: str) -> Run:  # noqa: A002
        """What was published and neither applied nor rejected was there already: it counts as unchanged."""
        rest = sync_runs.c.published - sync_runs.c.applied - sync_runs.c.rejected
        return await self._change(id, {"unchanged": sa.case((rest > 0, rest), else_=0)})

    async def finish(self, id: str) -> Run:  # noqa: A002
        """All that it published is applied or rejected."""
        return await self._change(id, {"state": "done", "finished_at": self._clock.now()})

    async def fail(self, id: str, message: str) -> Run:  # noqa: A002
        """It stopped; the message says why and what to do."""
        return await self._change(id, {"state": "failed", "finished_at": self._clock.now(), "message": message})

    async def get(self, id: str) -> Run:  # noqa: A002
        """One run."""
        async with self._db.read() as transaction:
            found = (await transaction.execute(sa.select(sync_runs).where(sync_runs.c.id == id))).one_or_none()
        if found is None:
            raise UserFault(f"there is no sync run {id!r}: `paylayer sync` prints the id of the run that it starts")
        return _run(found)

    async def latest(self, connection: str) -> Run | None:
        """The run that was asked for last."""
        return await self._first(connection, None, newest=True)

    async def rounds(self, connection: str, limit: int = 100) -> Sequence[Run]:
        """The runs that were begun and not of a chosen part; the newest first."""
        statement = (
            sa.select(sync_runs)
            .where(
                sync_runs.c.connection == connection,
                sync_runs.c.started_at.is_not(None),
                sync_runs.c.choice.is_(None),
            )
            .order_by(sync_runs.c.requested_at.desc(), sync_runs.c.id.desc())
            .limit(limit)
        )
        async with self._db.read() as transaction:
            return [_run(row) for row in await transaction.execute(statement)]

    async def _first(self, connection: str, state: RunState | None, *, newest: bool) -> Run | None:
        order = (sync_runs.c.requested_at, sync_runs.c.id)
        statement = sa.select(sync_runs).where(sync_runs.c.connection == connection)
        statement = statement.order_by(*(column.desc() if newest else column for column in order)).limit(1)
        if state is not None:
            statement = statement.where(sync_runs.c.state == state)
        async with self._db.read() as transaction:
            found = (await transaction.execute(statement)).one_or_none()
        return None if found is None else _run(found)

    async def _change(self, id: str, values: Mapping[str, Any]) -> Run:  # noqa: A002
        await self._write(id, values)
        return await self.get(id)

    async def _write(self, id: str, values: Mapping[str, Any]) -> None:  # noqa: A002
        async with self._db.begin() as transaction:
            await transaction.execute(sa.update(sync_runs).where(sync_runs.c.id == id).values(values))


def _run(row: sa.Row[Any]) -> Run:
    return Run(
        id=row.id,
        connection=row.connection,
        entities=tuple(row.entities),
        full=bool(row.full_walk),
        requested_by=row.requested_by,
        state=row.state,
        requested_at=row.requested_at,
        started_at=row.started_at,
        read_at=row.read_at,
        finished_at=row.finished_at,
        published_until=row.published_until,
        read=row.read,
        published=row.published,
        skipped=row.skipped,
        applied=row.applied,
        unchanged=row.unchanged,
        rejected=row.rejected,
        calls={"sparkpay": row.calls_sparkpay, "sparklayer": row.calls_sparklayer},
        message=row.message,
        choice=choice_of(row.choice),
    )


def new_run(
    connection: str,
    *,
    entities: Sequence[str],
    full: bool,
    requested_by: str,
    now: datetime,
    choice: Choice | None = None,
) -> dict[str, Any]:
    """The row of a run that is asked for."""
    return {
        "id": uuid.uuid4().hex[:12],
        "connection": connection,
        "entities": list(entities),
        "full_walk": full,
        "requested_by": requested_by,
        "state": "requested",
        "requested_at": now,
        "choice": None if choice is None else choice.as_json(),
        **dict.fromkeys(_COUNTED, 0),
    }
