"""When something of each kind was last written to a platform: noted in memory, stored every second."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from connector.clock import Clock
from connector.state.database import Database
from connector.state.tables import last_writes
from connector.state.upsert import upsert


class LastWrites:
    """By connection, side and kind of entity. Whoever dies loses a second of it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._unsaved: dict[tuple[str, str, str], datetime] = {}
        self._saving = asyncio.Lock()

    def note(self, connection: str, side: str, entity: str) -> None:
        """Something was written just now."""
        self._unsaved[connection, side, entity] = self._clock.now()

    async def save(self) -> None:
        """Store what was noted; kept for the next time where that fails."""
        async with self._saving:
            saving, self._unsaved = self._unsaved, {}
            rows = [
                {"connection": connection, "side": side, "entity": entity, "at": at}
                for (connection, side, entity), at in sorted(saving.items())
            ]
            if not rows:
                return
            try:
                async with self._db.begin() as transaction:
                    await transaction.execute(upsert(self._db, last_writes), rows)
            except BaseException:
                self._unsaved = saving | self._unsaved
                raise

    async def read(self, connection: str | None = None) -> Mapping[tuple[str, str, str], datetime]:
        """The last write of each, of one connection or of all."""
        statement = sa.select(last_writes)
        if connection is not None:
            statement = statement.where(last_writes.c.connection == connection)
        async with self._db.read() as transaction:
            return {(row.connection, row.side, row.entity): row.at for row in await transaction.execute(statement)}
