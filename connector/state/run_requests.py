"""Asking for a sync only where none of the same kind is under way, over all processes."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.errors import UserFault
from connector.state.database import Database
from connector.state.runs import Run, Runs, new_run
from connector.state.tables import connections, sync_runs


class RunRequests:
    """Sync requests of people and platforms that may ask twice."""

    def __init__(self, db: Database, runs: Runs) -> None:
        self._db = db
        self._runs = runs

    async def once(self, connection: str, *, entities: Sequence[str], full: bool, requested_by: str) -> Run | None:
        """The new run; none where one that brings these entities was asked for and is not over.

        Raises `UserFault` for an unknown connection.
        """
        values = new_run(connection, entities=entities, full=full, requested_by=requested_by, now=self._runs.now())

        async def work(transaction: AsyncConnection) -> bool:
            alone = sa.select(connections.c.id).where(connections.c.id == connection).with_for_update()
            if (await transaction.execute(alone)).first() is None:
                raise UserFault(f"there is no connection {connection!r} (any more)")
            open_ = sa.select(sync_runs.c.entities).where(
                sync_runs.c.connection == connection, sync_runs.c.finished_at.is_(None)
            )
            if any(_covers(found, entities) for found in (await transaction.execute(open_)).scalars()):
                return False
            await transaction.execute(sa.insert(sync_runs).values(values))
            return True

        return await self._runs.get(values["id"]) if await self._db.run(work) else None


def _covers(found: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a run of these entities brings any of those; none named means all."""
    return not found or bool(set(found) & set(wanted))
