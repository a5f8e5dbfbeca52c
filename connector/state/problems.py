"""Sync problems: parts that were left out while the rest went on, until they are mended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.state.among import among
from connector.state.database import Database
from connector.state.tables import sync_problems

_CHUNK = 500


class Skipped(Protocol):
    """Anything that says which part was left out and why, for instance a handler's own `Skip`."""

    @property
    def code(self) -> str:
        """Stable, for programs."""
        ...

    @property
    def message(self) -> str:
        """For people."""
        ...

    @property
    def part(self) -> str | None:
        """None: the whole entity."""
        ...


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing about an entity that somebody should mend."""

    code: str
    message: str
    part: str | None = None


@dataclass(frozen=True, slots=True)
class SyncProblem:
    """A stored problem: whose it is and since when."""

    connection: str
    side: str
    entity: str
    key: str
    part: str | None
    code: str
    message: str
    since: datetime


class Problems:
    """The problems of all entities."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def replace(self, connection: str, side: str, entity: str, key: str, problems: Sequence[Skipped]) -> None:
        """These are all problems of that entity now; one that was there keeps its `since`."""
        async with self._db.begin() as transaction:
            await replace(transaction, connection, side, {(entity, key): problems}, self._clock.now())

    async def list(self, connection: str | None = None, limit: int = 1000) -> Sequence[SyncProblem]:
        """The newest problems of one connection or of all."""
        statement = sa.select(sync_problems).order_by(sync_problems.c.since.desc(), sync_problems.c.key).limit(limit)
        if connection is not None:
            statement = statement.where(sync_problems.c.connection == connection)
        async with self._db.read() as transaction:
            found = (await transaction.execute(statement)).all()
        return [
            SyncProblem(
                row.connection, row.side, row.entity, row.key, row.part or None, row.code, row.message, row.since
            )
            for row in found
        ]


async def replace(
    transaction: AsyncConnection,
    connection: str,
    side: str,
    problems: Mapping[tuple[str, str], Sequence[Skipped]],
    now: datetime,
) -> None:
    """`Problems.replace` of several (entity, key) within a transaction; what has none and had none costs nothing."""
    side_of = (sync_problems.c.connection == connection, sync_problems.c.side == side)
    since: dict[tuple[str, str, str, str], datetime] = {}
    for entity, group in groupby(sorted(problems), key=lambda name: name[0]):
        keys = [key for _, key in group]
        for start in range(0, len(keys), _CHUNK):
            whose = (
                *side_of,
                sync_problems.c.entity == entity,
                among(sync_problems.c.key, keys[start : start + _CHUNK]),
            )
            found = (await transaction.execute(sa.select(sync_problems).where(*whose))).all()
            if found:
                since |= {(entity, row.key, row.part, row.code): row.since for row in found}
                await transaction.execute(sa.delete(sync_problems).where(*whose))
    rows = {
        name: {
            "connection": connection,
            "side": side,
            "entity": entity,
            "key": key,
            "part": problem.part or "",
            "code": problem.code,
            "message": problem.message,
            "since": since.get(name, now),
        }
        for (entity, key), listed in problems.items()
        for problem in listed
        for name in [(entity, key, problem.part or "", problem.code)]
    }
    if rows:
        await transaction.execute(sa.insert(sync_problems), list(rows.values()))
