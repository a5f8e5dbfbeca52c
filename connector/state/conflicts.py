"""Two changes of one entity on both sides that did not know of each other: which one won, and in which fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from connector.clock import Clock
from connector.state.database import Database
from connector.state.tables import conflicts
from connector.state.upsert import insert

KEPT = 1000
"""So many of each connection are kept, the newest."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The newer change won; of the older one these fields were given up. `fields` is empty where all of it was."""

    connection: str
    entity: str
    key: str
    loser_event: str
    loser_source: str
    loser_time: datetime
    winner_event: str
    winner_source: str
    winner_time: datetime
    fields: tuple[str, ...]
    found_at: datetime


class Conflicts:
    """The conflicts of all connections. Each is recorded once, whichever side finds it first."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def record(self, found: Sequence[Conflict]) -> None:
        """Store them, and forget the oldest beyond what is kept."""
        if not found:
            return
        rows = [
            {name: getattr(one, name) for name in conflicts.c.keys() if name != "fields"}  # noqa: SIM118
            | {"fields": list(one.fields)}
            for one in found
        ]
        async with self._db.begin() as transaction:
            await transaction.execute(insert(self._db, conflicts).on_conflict_do_nothing(), rows)
            for connection in sorted({one.connection for one in found}):
                of = conflicts.c.connection == connection
                oldest = (
                    sa.select(conflicts.c.found_at)
                    .where(of)
                    .order_by(conflicts.c.found_at.desc())
                    .offset(KEPT)
                    .limit(1)
                    .scalar_subquery()
                )
                await transaction.execute(sa.delete(conflicts).where(of, conflicts.c.found_at <= oldest))

    async def list(self, connection: str, limit: int = KEPT) -> list[Conflict]:
        """The newest first."""
        statement = (
            sa.select(conflicts)
            .where(conflicts.c.connection == connection)
            .order_by(conflicts.c.found_at.desc(), conflicts.c.entity, conflicts.c.key)
            .limit(limit)
        )
        async with self._db.read() as transaction:
            return [
                Conflict(**{**row, "fields": tuple(row["fields"])})
                for row in (await transaction.execute(statement)).mappings()
            ]

    async def counts(self, connection: str | None = None) -> dict[str, int]:
        """How many are kept, by connection."""
        statement = sa.select(conflicts.c.connection, sa.func.count()).group_by(conflicts.c.connection)
        if connection is not None:
            statement = statement.where(conflicts.c.connection == connection)
        async with self._db.read() as transaction:
            return {row[0]: int(row[1]) for row in await transaction.execute(statement)}
