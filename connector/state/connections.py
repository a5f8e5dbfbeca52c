"""Connections: which Spark Pay store is joined to which SparkLayer site, with sealed credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.errors import UserFault
from connector.settings import ConnectionSettings
from connector.state.database import Database
from connector.state.pauses import BY_ACCESS, Pause, SidePauses
from connector.state.tables import budgets, connections, ignite_sites, leases, metadata, side_pauses, tokens
from connector.state.vault import Vault

TAKEN_OVER = timedelta(seconds=4)  # within this time a running service works with what was changed

__all__ = ["Connection", "Connections", "Pause", "SidePauses", "SparkLayerAccess", "SparkPayAccess", "State"]

State = Literal["active", "paused"]


@dataclass(frozen=True, slots=True)
class SparkPayAccess:
    """How to reach a Spark Pay store."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SparkLayerAccess:
    """How to reach a SparkLayer site."""

    url: str
    site_id: str
    site_env: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """One store joined to one site. `version`, `created_at` and `updated_at` are given by `Connections`."""

    id: str
    sparkpay: SparkPayAccess
    sparklayer: SparkLayerAccess
    settings: ConnectionSettings
    state: State
    version: int
    created_at: datetime
    updated_at: datetime


class Connections:
    """Reads and changes connections. Everything that meets an unknown id raises `UserFault` naming the known ones."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        self._db = db
        self._vault = vault
        self._clock = clock

    async def add(
        self,
        id: str,  # noqa: A002
        sparkpay: SparkPayAccess,
        sparklayer: SparkLayerAccess,
        settings: ConnectionSettings | None = None,
        state: State = "active",
    ) -> Connection:
        """Store a new one. Raises `UserFault` where the id is taken."""
        now = self._clock.now()
        made = Connection(id, sparkpay, sparklayer, settings or ConnectionSettings(), state, 1, now, now)
        try:
            async with self._db.begin() as connection:
                await connection.execute(sa.insert(connections).values(self._values(made)))
        except IntegrityError as error:
            raise UserFault(f"connection {id!r} exists already: use `paylayer connections update {id}`") from error
        return made

    async def get(self, id: str) -> Connection:  # noqa: A002
        """One connection with its credentials."""
        async with self._db.read() as connection:
            found = (await connection.execute(sa.select(connections).where(connections.c.id == id))).one_or_none()
        if found is None:
            raise await self._unknown(id)
        return self._connection(found)

    async def all(self) -> list[Connection]:
        """Every connection, by id."""
        async with self._db.read() as connection:
            found = (await connection.execute(sa.select(connections).order_by(connections.c.id))).all()
        return [self._connection(row) for row in found]

    async def ids(self) -> list[str]:
        """Every id, sorted; needs no key."""
        return sorted(await self.versions())

    async def versions(self) -> dict[str, int]:
        """The version of each connection: what a running service compares to notice changes."""
        async with self._db.read() as connection:
            found = await connection.execute(sa.select(connections.c.id, connections.c.version))
            return {row.id: row.version for row in found}

    async def update(
        self,
        id: str,  # noqa: A002
        *,
        sparkpay: SparkPayAccess | None = None,
        sparklayer: SparkLayerAccess | None = None,
        settings: ConnectionSettings | None = None,
    ) -> Connection:
        """Replace what is given."""
        old = await self.get(id)
        new = replace(
            old,
            sparkpay=sparkpay or old.sparkpay,
            sparklayer=sparklayer or old.sparklayer,
            settings=settings or old.settings,
        )
        values = self._values(new)
        if sparkpay is None:  # only what was named is written: somebody else may be changing the rest
            values = {name: value for name, value in values.items() if not name.startswith("sparkpay_")}
        if sparklayer is None:
            theirs = ("sparklayer_url", "site_id", "site_env", "client_id", "client_secret")
            values = {name: value for name, value in values.items() if name not in theirs}
        if settings is None:
            del values["settings"]
        for name in ("id", "state", "version", "created_at", "updated_at"):
            del values[name]
        await self._change(id, values)
        for side, before, after in (
            ("sparkpay", old.sparkpay, new.sparkpay),
            ("sparklayer", old.sparklayer, new.sparklayer),
        ):
            if after != before:
                await self.probe_soon(id, side)
        return await self.get(id)

    async def probe_soon(self, id: str, side: str) -> None:  # noqa: A002
        """New credentials: a side that was refused for the old ones tries as soon as a service has taken them over."""
        async with self._db.begin() as connection:
            await connection.execute(
                sa.update(side_pauses)
                .where(side_pauses.c.connection == id, side_pauses.c.side == side, side_pauses.c.kind.in_(BY_ACCESS))
                .values(probe_at=self._clock.now() + TAKEN_OVER, probes=0)
            )

    async def set_state(self, id: str, state: State) -> None:  # noqa: A002
        """Pause or resume the whole connection."""
        await self._change(id, {"state": state})

    async def remove(self, id: str) -> None:  # noqa: A002
        """Forget the connection and everything that any table holds of it."""
        async with self._db.begin() as connection:
            gone = await connection.execute(
                sa.delete(connections).where(connections.c.id == id).returning(connections.c.sparkpay_url)
            )
            removed = gone.scalar_one_or_none()
            await _forget(connection, id)
            in_use = sa.select(connections.c.id).where(connections.c.sparkpay_url == budgets.c.store)
            await connection.execute(sa.delete(budgets).where(~in_use.exists()))  # of its former addresses, too
        if removed is None:
            raise await self._unknown(id)

    async def sweep_up(self, id: str) -> None:  # noqa: A002
        """Forget what a process that had not heard of the removal still wrote; nothing where the connection is back.

        Nor where its site is announced anew, and waits for its store.
        """
        async with self._db.begin() as connection:
            there = sa.select(connections.c.id).where(connections.c.id == id)
            waits = sa.select(ignite_sites.c.site_id).where(ignite_sites.c.connection == id)
            if (await connection.execute(sa.union_all(there, waits))).first() is None:
                await _forget(connection, id)

    async def _change(self, id: str, values: Mapping[str, Any]) -> None:  # noqa: A002
        raised = {"version": connections.c.version + 1, "updated_at": self._clock.now()}
        async with self._db.begin() as connection:
            done = await connection.execute(
                sa.update(connections).where(connections.c.id == id).values({**values, **raised})
            )
        if not done.rowcount:
            raise await self._unknown(id)

    async def _unknown(self, id: str) -> UserFault:  # noqa: A002
        known = ", ".join(await self.ids())
        return UserFault(
            f"there is no connection {id!r}: "
            + (f"known are {known}" if known else "add the first one with `paylayer connections add`")
        )

    def _values(self, connection: Connection) -> dict[str, Any]:
        return {
            "id": connection.id,
            "sparkpay_url": connection.sparkpay.url,
            "sparkpay_token": self._vault.seal(connection.sparkpay.token),
            "sparklayer_url": connection.sparklayer.url,
            "site_id": connection.sparklayer.site_id,
            "site_env": connection.sparklayer.site_env,
            "client_id": connection.sparklayer.client_id,
            "client_secret": self._vault.seal(connection.sparklayer.client_secret),
            "settings": connection.settings.model_dump(mode="json", exclude_defaults=True),
            "state": connection.state,
            "version": connection.version,
            "created_at": connection.created_at,
            "updated_at": connection.updated_at,
        }

    def _connection(self, row: sa.Row[Any]) -> Connection:
        return Connection(
            id=row.id,
            sparkpay=SparkPayAccess(row.sparkpay_url, self._vault.unseal(row.sparkpay_token)),
            sparklayer=SparkLayerAccess(
                row.sparklayer_url, row.site_id, row.site_env, row.client_id, self._vault.unseal(row.client_secret)
            ),
            settings=ConnectionSettings.model_validate(row.settings),
            state=row.state,
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


async def locked(transaction: AsyncConnection, id: str) -> None:  # noqa: A002
    """Keep the connection from being removed until the transaction ends, so that nothing is written after it.

    Raises `UserFault` where it is gone.
    """
    statement = sa.select(connections.c.id).where(connections.c.id == id).with_for_update(read=True, key_share=True)
    if (await transaction.execute(statement)).first() is None:
        raise UserFault(f"there is no connection {id!r} (any more)")


async def _forget(transaction: AsyncConnection, id: str) -> None:  # noqa: A002
    """Every row of the connection. Without its leases nobody who works for it can write any more."""
    await transaction.execute(sa.delete(leases).where(leases.c.name.endswith(f":{id}", autoescape=True)))
    for table in metadata.sorted_tables:
        if "connection" in table.c:
            await transaction.execute(sa.delete(table).where(table.c.connection == id))
    await transaction.execute(sa.delete(tokens).where(tokens.c.name.startswith(f"{id}/", autoescape=True)))
