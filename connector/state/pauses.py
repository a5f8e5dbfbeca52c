"""Sides that stand still until somebody acts or a probe succeeds."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from connector.clock import Clock
from connector.state.database import Database
from connector.state.tables import side_pauses
from connector.state.upsert import upsert


@dataclass(frozen=True, slots=True)
class Pause:
    """Why and since when a side stands still; `probe_at` is when one row may try again, none = never by itself."""

    reason: str
    since: datetime
    probe_at: datetime | None


class SidePauses:
    """Pauses per connection and side."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def pause(self, connection: str, side: str, reason: str, resume_probe_at: datetime | None = None) -> None:
        """Pause a side; one that is paused already keeps its `since`."""
        values = {
            "connection": connection,
            "side": side,
            "reason": reason,
            "since": self._clock.now(),
            "probe_at": resume_probe_at,
        }
        async with self._db.begin() as transaction:
            await transaction.execute(upsert(self._db, side_pauses, keep=("since",)), values)

    async def resume(self, connection: str, side: str) -> None:
        """End a pause; nothing happens where there is none."""
        async with self._db.begin() as transaction:
            await transaction.execute(
                sa.delete(side_pauses).where(side_pauses.c.connection == connection, side_pauses.c.side == side)
            )

    async def paused(self, connection: str) -> dict[str, Pause]:
        """The sides of a connection that stand still."""
        async with self._db.read() as transaction:
            found = await transaction.execute(sa.select(side_pauses).where(side_pauses.c.connection == connection))
            return {row.side: Pause(row.reason, row.since, row.probe_at) for row in found}
