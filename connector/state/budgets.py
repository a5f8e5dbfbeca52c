"""The state of each store's call budget: one row, changed by one process at a time."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.state.database import Database
from connector.state.tables import budgets
from connector.state.upsert import insert

Result = TypeVar("Result")
Stored = Mapping[str, Any]


class BudgetRows:
    """Reads and changes budget states, by the name of the store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def change(self, store: str, change: Callable[[Stored | None], tuple[Stored, Result]]) -> Result:
        """Read, change and write the row while nobody else can. `change` gets none the first time; may run again."""

        async def work(transaction: AsyncConnection) -> Result:
            made = insert(self._db, budgets).values(store=store, state=None).on_conflict_do_nothing()
            statement = sa.select(budgets.c.state).where(budgets.c.store == store).with_for_update()
            found = (await transaction.execute(statement)).one_or_none()
            if found is None:
                await transaction.execute(made)
                found = (await transaction.execute(statement)).one()
            state, result = change(found.state)
            await transaction.execute(sa.update(budgets).where(budgets.c.store == store).values(state=dict(state)))
            return result

        return await self._db.run(work)

    async def read(self, store: str) -> Stored | None:
        """The state as it was stored last; none where there is none."""
        async with self._db.read() as transaction:
            found: Stored | None = (
                await transaction.execute(sa.select(budgets.c.state).where(budgets.c.store == store))
            ).scalar_one_or_none()
        return found
