"""What the state knows of one side, page by page: SKUs, and ids of entities that were applied there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from connector.ports import Wanted
from connector.state.among import among
from connector.state.claims import chunks, source_side
from connector.state.columns import headers_of
from connector.state.database import Database
from connector.state.inbox_rows import OPEN
from connector.state.tables import inbox, sku_claims
from contracts.entities import Entity
from contracts.event_types import Deleted
from contracts.events import Unreadable, decode

_REFUSED = "refused"


class KnownThere:
    """One connection and side; implements `connector.ports.Known`.

    `shown_by` are sources whose SKUs count as well, `as_sent` is what becomes of an entity on its way there.
    """

    def __init__(
        self,
        db: Database,
        connection: str,
        side: str,
        *,
        shown_by: Sequence[str] = (),
        as_sent: Callable[[str, Entity], Entity] = lambda _kind, entity: entity,
    ) -> None:
        self._db = db
        self._as_sent = as_sent
        self._connection = connection
        self._side = side
        self._sides = [side, *(source_side(source) for source in shown_by)]

    async def skus(self, after: str, limit: int) -> Sequence[str]:
        """SKUs that are there or that a source shows, ascending."""
        statement = (
            sa.select(sku_claims.c.sku)
            .distinct()
            .where(
                sku_claims.c.connection == self._connection,
                sku_claims.c.side.in_(self._sides),
                sku_claims.c.state != _REFUSED,
                sku_claims.c.sku > after,
            )
            .order_by(sku_claims.c.sku)
            .limit(limit)
        )
        async with self._db.read() as transaction:
            return [str(sku) for sku in (await transaction.execute(statement)).scalars()]

    async def entities(self, entity: str, after: str, limit: int) -> Sequence[tuple[str, str]]:
        """Key, and id on that side, of what was applied there and is not deleted, by key."""
        statement = (
            sa.select(inbox.c.key, inbox.c.refs, inbox.c.applied_refs)
            .where(
                inbox.c.connection == self._connection,
                inbox.c.side == self._side,
                inbox.c.entity == entity,
                inbox.c.key > after,
                inbox.c.deleted.is_(sa.false()),
                inbox.c.applied_at.is_not(None),
            )
            .order_by(inbox.c.key)
            .limit(limit)
        )
        async with self._db.read() as transaction:
            rows = (await transaction.execute(statement)).all()
        return [(row.key, str({**row.refs, **(row.applied_refs or {})}.get(self._side, ""))) for row in rows]

    async def wanted(self, entity: str, keys: Sequence[str]) -> Mapping[str, Wanted]:
        """What was wanted there last, of those keys of which anything was."""
        columns = (inbox.c.key, inbox.c.state, inbox.c.applied_at, inbox.c.record_key, inbox.c.value, inbox.c.headers)
        found: dict[str, Wanted] = {}
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(set(keys))):
                rows = await transaction.execute(
                    sa.select(*columns).where(
                        inbox.c.connection == self._connection,
                        inbox.c.side == self._side,
                        inbox.c.entity == entity,
                        among(inbox.c.key, chunk),
                    )
                )
                found |= {
                    row.key: Wanted(
                        _entity(row.record_key, row.value, row.headers) if row.state == "applied" else None,
                        row.state not in OPEN,
                        row.applied_at,
                    )
                    for row in rows
                }
        return {
            key: one if one.entity is None else replace(one, entity=self._as_sent(entity, one.entity))
            for key, one in found.items()
        }


def _entity(key: bytes, value: bytes, headers: str) -> Entity | None:
    try:
        data = decode(bytes(key), bytes(value), headers_of(headers)).data
    except Unreadable:  # an event of a contract that this version no longer reads
        return None
    return None if isinstance(data, Deleted) else data
