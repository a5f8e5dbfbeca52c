"""The state of each store's call budget: one row, changed by one process at a time."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.state.database import Database
from connector.state.tables import budgets
from connector.state.upsert import insert

Result = TypeVar("Result")
Stored = Mapping[str, Any]


class BudgetRows:
    """Reads and changes budget states, by the name of the store, and tells the time that goes with them.

    The time is that of the PostgreSQL server, so that processes on machines whose clocks differ agree. Processes that
    share a SQLite file share the machine, so there it is the machine's.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        server = self._db.dialect == "postgresql"
        self._now = sa.extract("epoch", sa.func.clock_timestamp()) if server else None

    async def change(
        self, store: str, change: Callable[[Stored | None, float], tuple[Stored, Result]]
    ) -> tuple[Result, float]:
        """Read, change and write the row while nobody else can; gives the result and the time (seconds, epoch).

        `change` gets none the first time, and the time; it may run again.
        """

        async def work(transaction: AsyncConnection) -> tuple[Result, float]:
            made = insert(self._db, budgets).values(store=store, state=None).on_conflict_do_nothing()
            found = await self._find(transaction, store, locked=True)
            if found is None:
                await transaction.execute(made)
                found = await self._find(transaction, store, locked=True)
            stored, now = found or (None, self._clock.now().timestamp())
            state, result = change(stored, now)
            await transaction.execute(sa.update(budgets).where(budgets.c.store == store).values(state=dict(state)))
            return result, now

        return await self._db.run(work)

    async def read(self, store: str) -> tuple[Stored | None, float]:
        """The state as it was stored last, none where there is none; and the time."""
        async with self._db.read() as transaction:
            found = await self._find(transaction, store, locked=False)
            return found or (None, self._clock.now().timestamp())

    async def _find(
        self, transaction: AsyncConnection, store: str, *, locked: bool
    ) -> tuple[Stored | None, float] | None:
        columns = [budgets.c.state] if self._now is None else [budgets.c.state, self._now]
        statement = sa.select(*columns).where(budgets.c.store == store)
        row = (await transaction.execute(statement.with_for_update() if locked else statement)).one_or_none()
        if row is None:
            return None
        return row[0], self._clock.now().timestamp() if self._now is None else float(row[1])
