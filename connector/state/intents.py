"""Marks of calls that must not be repeated blindly: stored before the call, so that a crash leaves them behind."""

from connector.clock import Clock
from connector.state.database import Database
from connector.state.tables import intents
from connector.state.upsert import insert


class SideIntents:
    """The marks of one connection and side."""

    def __init__(self, db: Database, clock: Clock, connection: str, side: str) -> None:
        self._db = db
        self._clock = clock
        self._connection = connection
        self._side = side

    async def first(self, entity: str, key: str, step: str) -> bool:
        """Set the mark, durably; whether it was not set before. If it was, an earlier call may have been taken."""
        row = {
            "connection": self._connection,
            "side": self._side,
            "entity": entity,
            "key": key,
            "step": step,
            "made_at": self._clock.now(),
        }
        async with self._db.begin() as transaction:
            done = await transaction.execute(insert(self._db, intents).values(row).on_conflict_do_nothing())
        return done.rowcount == 1
