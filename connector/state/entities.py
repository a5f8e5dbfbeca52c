"""What was applied to a side, for entities that others refer to: their ids in each system."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from connector.state.among import among
from connector.state.claims import chunks
from connector.state.database import Database
from connector.state.tables import inbox


class SideEntities:
    """The entities of one connection and side, as a handler asks for them."""

    def __init__(self, db: Database, connection: str, side: str) -> None:
        self._db = db
        self._whose = (inbox.c.connection == connection, inbox.c.side == side)

    async def refs(self, entity: str, keys: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Ids by key of those of a kind that are there; what was never applied is left out.

        What is deleted at its source is there as long as its deletion left it an id (a customer who may not sign in).
        """
        found: dict[str, Mapping[str, str]] = {}
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(set(keys))):
                rows = await transaction.execute(
                    sa.select(inbox.c.key, inbox.c.deleted, inbox.c.refs, inbox.c.applied_refs).where(
                        *self._whose,
                        inbox.c.entity == entity,
                        among(inbox.c.key, chunk),
                        inbox.c.applied_at.is_not(None),
                    )
                )
                found |= {
                    row.key: {**row.refs, **(row.applied_refs or {})}
                    for row in rows
                    if row.applied_refs or not row.deleted
                }
        return found
