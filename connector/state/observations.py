"""What a source showed last, which is how its producer tells a change from a repeat."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from connector.clock import Clock
from connector.ports import Observed
from connector.state import claims
from connector.state.among import among
from connector.state.claims import Claim, SkuClaims, chunks, source_side
from connector.state.database import Database
from connector.state.tables import cursors, observations
from connector.state.unmapped import UnmappedEntities
from connector.state.upsert import upsert

_PRODUCT = "product"
_OBSERVED = "observed"


class SourceMemory:
    """The memory of one connection and source; implements `connector.ports.Memory`."""

    def __init__(
        self, db: Database, clock: Clock, connection: str, source: str, unmapped: UnmappedEntities | None = None
    ) -> None:
        """`unmapped` is stored before any position that lies behind it."""
        self._db = db
        self._clock = clock
        self._connection = connection
        self._source = source
        self._unmapped = unmapped
        self._claims = SkuClaims(db, clock)

    async def observed(self, entity: str, keys: Sequence[str]) -> Mapping[str, Observed]:
        """What is remembered of these keys; unknown ones are left out."""
        found: dict[str, Observed] = {}
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(set(keys))):
                rows = await transaction.execute(
                    sa.select(observations).where(self._of(entity), among(observations.c.key, chunk))
                )
                found |= {row.key: _observed(row) for row in rows}
        return found

    async def remember(self, observed: Sequence[Observed]) -> None:
        """Store observations whose events the bus has acknowledged; products replace their SKU claims."""
        newest = {(one.entity, one.key): one for one in observed}
        if not newest:
            return
        now = self._clock.now()
        rows = [
            {
                "connection": self._connection,
                "source": self._source,
                "entity": one.entity,
                "key": one.key,
                "hash": one.hash,
                "event_id": one.event_id,
                "time": one.time,
                "number": one.number,
                "skus": [list(pair) for pair in one.skus],
                "deleted": one.deleted,
                "observed_at": now,
            }
            for _, one in sorted(newest.items())
        ]
        held = {
            one.key: [Claim(sku, part, _OBSERVED) for sku, part in one.skus if not one.deleted]
            for one in newest.values()
            if one.entity == _PRODUCT
        }
        async with self._db.begin() as transaction:
            await transaction.execute(upsert(self._db, observations), rows)
            await claims.replace(transaction, self._connection, source_side(self._source), held, now)

    async def numbers(self, entity: str, after: int, until: int | None) -> Sequence[int]:
        """Numbers of the not deleted entities with after < number <= until, ascending."""
        statement = (
            sa.select(observations.c.number)
            .where(self._of(entity), observations.c.number > after, observations.c.deleted.is_(sa.false()))
            .order_by(observations.c.number)
        )
        if until is not None:
            statement = statement.where(observations.c.number <= until)
        async with self._db.read() as transaction:
            return [int(number) for number in (await transaction.execute(statement)).scalars()]

    async def keyed(self, entity: str, numbers: Sequence[int]) -> Mapping[int, Sequence[str]]:
        """The keys of the not deleted entities with these numbers."""
        found: dict[int, list[str]] = {}
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(set(numbers))):
                rows = await transaction.execute(
                    sa.select(observations.c.number, observations.c.key)
                    .where(self._of(entity), observations.c.number.in_(chunk), observations.c.deleted.is_(sa.false()))
                    .order_by(observations.c.key)
                )
                for number, key in rows:
                    found.setdefault(int(number), []).append(key)
        return found

    async def claimants(self, skus: Sequence[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        """(product key, variant id) of everything that claims a SKU at this source."""
        found = await self._claims.holders(self._connection, source_side(self._source), skus)
        return {sku: [(holder.product, holder.part) for holder in holders] for sku, holders in found.items()}

    async def cursor(self, name: str) -> Mapping[str, Any] | None:
        """A stored position; none at the first start."""
        async with self._db.read() as transaction:
            found: Mapping[str, Any] | None = (
                await transaction.execute(sa.select(cursors.c.position).where(*self._cursor(name)))
            ).scalar_one_or_none()
        return found

    async def save_cursor(self, name: str, position: Mapping[str, Any] | None) -> None:
        """Store (or with none, forget) a position."""
        if self._unmapped is not None:
            await self._unmapped.save()
        async with self._db.begin() as transaction:
            if position is None:
                await transaction.execute(sa.delete(cursors).where(*self._cursor(name)))
                return
            values = {
                "connection": self._connection,
                "source": self._source,
                "name": name,
                "position": dict(position),
                "saved_at": self._clock.now(),
            }
            await transaction.execute(upsert(self._db, cursors), values)

    def _of(self, entity: str) -> sa.ColumnElement[bool]:
        return sa.and_(
            observations.c.connection == self._connection,
            observations.c.source == self._source,
            observations.c.entity == entity,
        )

    def _cursor(self, name: str) -> tuple[sa.ColumnElement[bool], ...]:
        return cursors.c.connection == self._connection, cursors.c.source == self._source, cursors.c.name == name


def _observed(row: sa.Row[Any]) -> Observed:
    return Observed(
        entity=row.entity,
        key=row.key,
        hash=row.hash,
        event_id=row.event_id,
        time=row.time,
        number=row.number,
        skus=tuple((sku, part) for sku, part in row.skus),
        deleted=bool(row.deleted),
    )
