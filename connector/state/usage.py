"""How many calls were made to each platform, over all processes and for ever."""

from collections.abc import Mapping

import sqlalchemy as sa

from connector.state.database import Database
from connector.state.tables import platform_calls
from connector.state.upsert import insert


class Usage:
    """Counts by connection and side."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, calls: Mapping[tuple[str, str], int]) -> None:
        """Add to the counts."""
        rows = [{"connection": who, "side": side, "calls": count} for (who, side), count in sorted(calls.items())]
        if not rows:
            return
        made = insert(self._db, platform_calls)
        statement = made.on_conflict_do_update(
            index_elements=["connection", "side"], set_={"calls": platform_calls.c.calls + made.excluded.calls}
        )
        async with self._db.begin() as transaction:
            await transaction.execute(statement, rows)

    async def read(self, connection: str) -> dict[str, int]:
        """Calls by side; a side that was never called is left out."""
        statement = sa.select(platform_calls.c.side, platform_calls.c.calls).where(
            platform_calls.c.connection == connection
        )
        async with self._db.read() as transaction:
            return {row.side: int(row.calls) for row in await transaction.execute(statement)}
