"""Rows that a platform said have changed, until they were read: one row each, so that repeats and floods collapse."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.ports import Hint
from connector.state.among import among
from connector.state.database import Database
from connector.state.tables import connections, hint_arrivals, hints
from connector.state.upsert import insert, upsert

Told = tuple[str, str, int]
"""Connection, resource and the platform's own id."""


class HintStore:
    """Takes what webhooks of all connections say."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def store(self, told: Collection[Told]) -> None:
        """Keep these, durably, in one transaction. What a removed connection's store still sends leaves no trace."""
        if not told:
            return
        now, stamp = self._clock.now(), secrets.token_hex(8)

        async def work(transaction: AsyncConnection) -> None:
            alive = await _alive(transaction, sorted({connection for connection, _, _ in told}))
            rows = [
                {"connection": connection, "resource": resource, "number": number, "stamp": stamp, "received_at": now}
                for connection, resource, number in sorted(set(told))
                if connection in alive
            ]
            if not rows:
                return
            statement = insert(self._db, hints)
            renewed = statement.on_conflict_do_update(
                index_elements=["connection", "resource", "number"], set_={"stamp": statement.excluded.stamp}
            )
            await transaction.execute(renewed, rows)
            signs = sorted({(row["connection"], row["resource"]) for row in rows})
            await transaction.execute(
                upsert(self._db, hint_arrivals),
                [{"connection": one, "resource": resource, "arrived_at": now} for one, resource in signs],
            )

        await self._db.run(work)

    async def waiting(self) -> set[str]:
        """The connections that have hints."""
        async with self._db.read() as transaction:
            return set((await transaction.execute(sa.select(hints.c.connection).distinct())).scalars())


class ConnectionHints:
    """The hints of one connection; implements `connector.ports.Hints`."""

    def __init__(self, db: Database, connection: str) -> None:
        self._db = db
        self._connection = connection

    async def take(self, limit: int) -> Sequence[Hint]:
        """The oldest ones."""
        statement = (
            sa.select(hints.c.resource, hints.c.number, hints.c.stamp)
            .where(hints.c.connection == self._connection)
            .order_by(hints.c.received_at, hints.c.resource, hints.c.number)
            .limit(limit)
        )
        async with self._db.read() as transaction:
            return [Hint(row.resource, row.number, row.stamp) for row in await transaction.execute(statement)]

    async def forget(self, taken: Sequence[Hint]) -> None:
        """Remove those that were not renewed since they were taken."""
        if not taken:
            return
        statement = sa.delete(hints).where(
            hints.c.connection == self._connection,
            hints.c.resource == sa.bindparam("one_resource"),
            hints.c.number == sa.bindparam("one_number"),
            hints.c.stamp == sa.bindparam("one_stamp"),
        )
        ordered = sorted(taken, key=lambda hint: (hint.resource, hint.number))
        rows = [{"one_resource": hint.resource, "one_number": hint.number, "one_stamp": hint.stamp} for hint in ordered]

        async def work(transaction: AsyncConnection) -> None:
            await transaction.execute(statement, rows)

        await self._db.run(work)

    async def arrivals(self) -> Mapping[str, datetime]:
        """By resource, when the latest hint came."""
        statement = sa.select(hint_arrivals.c.resource, hint_arrivals.c.arrived_at).where(
            hint_arrivals.c.connection == self._connection
        )
        async with self._db.read() as transaction:
            return {row.resource: row.arrived_at for row in await transaction.execute(statement)}


async def _alive(transaction: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Those that exist, and go on existing until the transaction ends."""
    statement = (
        sa.select(connections.c.id).where(among(connections.c.id, ids)).with_for_update(read=True, key_share=True)
    )
    return set((await transaction.execute(statement)).scalars())
