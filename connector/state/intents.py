"""What is stored before a call, so that a crash in it leaves a trace."""

from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.state import settlements
from connector.state.database import Database
from connector.state.reopening import displace
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

    async def displaces(self, product: str, sku: str, part: str) -> None:
        """That product's claim is void and its row pending, durably, before it is made to leave the SKU.

        Its state is sent in full again, whether the call was made or not.
        """
        of = (self._connection, self._side, "product", product)

        async def work(transaction: AsyncConnection) -> None:
            await settlements.lock(transaction, self._connection, self._side)
            await displace(transaction, of, sku=sku, part=part, now=self._clock.now())

        await self._db.run(work)
