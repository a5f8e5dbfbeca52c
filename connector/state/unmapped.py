"""Entities that a platform shows and that cannot be mapped: kept from the reading that found so to the one that can."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from connector.clock import Clock
from connector.ports import Unmapped
from connector.state.among import among
from connector.state.claims import chunks
from connector.state.database import Database
from connector.state.tables import unmapped

_Entity = tuple[str, str]
_SKEW = timedelta(minutes=1)  # between the clocks of two processes
_LONGEST_MESSAGE = 2000


class UnmappedEntities:
    """Those of one connection and source; implements `connector.ports.Findings`.

    What is told is kept in memory until `save`, which whoever stores a position calls first: a position that is
    stored never lies behind a problem that is not.
    """

    def __init__(self, db: Database, clock: Clock, connection: str, source: str) -> None:
        self._db = db
        self._clock = clock
        self._connection = connection
        self._source = source
        self._of_source = (unmapped.c.connection == connection, unmapped.c.source == source)
        self._stored: set[_Entity] | None = None  # that have a problem on record
        self._unsaved: dict[_Entity, Sequence[Unmapped]] = {}
        self._in_part: dict[_Entity, dict[tuple[str | None, str], Unmapped]] = {}  # of readings that are not told yet
        self._saving = asyncio.Lock()

    def found(self, problem: Unmapped) -> None:
        """See `Findings`."""
        entity = (problem.kind, problem.key)
        if not problem.rest_is_told:
            self._in_part.pop(entity, None)
            self._unsaved[entity] = (problem,)
            return
        self._in_part.setdefault(entity, {})[problem.part, problem.code] = problem
        self._unsaved[entity] = tuple(self._in_part[entity].values())

    def read(self, kind: str, keys: Iterable[str]) -> None:
        """See `Findings`."""
        for key in keys:
            entity = (kind, key)
            left = tuple(self._in_part.pop(entity, {}).values())
            if left or self._stored is None or entity in self._stored or entity in self._unsaved:
                self._unsaved[entity] = left

    async def save(self) -> None:
        """Store what was told since the last time. Raises what the database raises; then it is kept for the next."""
        if not self._unsaved:
            return
        async with self._saving:
            saving, self._unsaved = self._unsaved, {}
            try:
                await self._save(saving)
            except BaseException:
                self._unsaved = saving | self._unsaved
                raise

    async def not_seen_since(self, kinds: Iterable[str], moment: datetime) -> None:
        """Everything of these kinds was read since then: what was not found again is gone from the platform."""
        await self.save()
        async with self._saving:
            async with self._db.begin() as transaction:
                await transaction.execute(
                    sa.delete(unmapped).where(
                        *self._of_source, unmapped.c.entity.in_(sorted(kinds)), unmapped.c.seen_at < moment - _SKEW
                    )
                )
            self._stored = None

    async def _save(self, saving: dict[_Entity, Sequence[Unmapped]]) -> None:
        if self._stored is None:
            self._stored = await self._load()
        now = self._clock.now()
        changed = {entity for entity, problems in saving.items() if problems or entity in self._stored}
        if not changed:
            return
        async with self._db.begin() as transaction:
            since: dict[tuple[str, str, str, str], datetime] = {}
            for kind in sorted({kind for kind, _ in changed}):
                for keys in chunks(sorted(key for of, key in changed if of == kind)):
                    which = (*self._of_source, unmapped.c.entity == kind, among(unmapped.c.key, keys))
                    for row in await transaction.execute(sa.select(unmapped).where(*which)):
                        since[row.entity, row.key, row.part, row.code] = row.since
                    await transaction.execute(sa.delete(unmapped).where(*which))
            rows = {
                name: {
                    "connection": self._connection,
                    "source": self._source,
                    "entity": problem.kind,
                    "key": problem.key,
                    "part": problem.part or "",
                    "code": problem.code,
                    "message": problem.message[:_LONGEST_MESSAGE],
                    "since": since.get(name, now),
                    "seen_at": now,
                }
                for entity in sorted(changed)
                for problem in saving[entity]
                for name in [(problem.kind, problem.key, problem.part or "", problem.code)]
            }
            if rows:
                await transaction.execute(sa.insert(unmapped), list(rows.values()))
        self._stored = (self._stored - changed) | {entity for entity in changed if saving[entity]}

    async def _load(self) -> set[_Entity]:
        statement = sa.select(unmapped.c.entity, unmapped.c.key).where(*self._of_source)
        async with self._db.read() as transaction:
            return {(row.entity, row.key) for row in await transaction.execute(statement)}
