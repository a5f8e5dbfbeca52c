"""The halves of connections that begin at SparkLayer or at a store: what is known until both are, sealed."""

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.state.database import Database
from connector.state.tables import ignite_sites, installed_stores, oauth_handshakes
from connector.state.upsert import insert, upsert
from connector.state.vault import Vault

LINK_LIFE = timedelta(hours=24)
LINK_RENEWED_AT = timedelta(hours=1)
STORE_LIFE = timedelta(days=7)

SiteState = Literal["pending", "active", "removing"]


@dataclass(frozen=True, slots=True)
class SiteKey:
    """One SparkLayer site: environment and id."""

    env: str
    id: str


@dataclass(frozen=True, slots=True)
class Site:
    """SparkLayer's half. `connection` is the id that the connection has, or will have."""

    key: SiteKey
    connection: str
    store_id: str | None
    client_id: str
    client_secret: str = field(repr=False)
    state: SiteState


@dataclass(frozen=True, slots=True)
class StoreGrant:
    """What renews the token of an installed app."""

    app_id: str
    app_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class InstalledStore:
    """The store's half. Without a grant its token does not expire."""

    url: str
    token: str = field(repr=False)
    grant: StoreGrant | None = None


class IgniteSites:
    """Reads and changes the halves."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        self._db = db
        self._vault = vault
        self._clock = clock

    async def get(self, key: SiteKey) -> Site | None:
        """What SparkLayer told of the site."""
        return await self._site(*_of(key))

    async def announce(
        self,
        key: SiteKey,
        *,
        connection: str,
        store_id: str | None,
        client_id: str,
        client_secret: str,
        renamed: bool = False,
    ) -> Site:
        """Store what SparkLayer tells now. The connection's id stays, and so does the store's first name.

        `renamed`: the store goes by the new name from now on. A removal that broke off is given up: the site is wanted
        again.
        """
        values = {
            "site_env": key.env,
            "site_id": key.id,
            "connection": connection,
            "store_id": store_id,
            "client_id": client_id,
            "client_secret": self._vault.seal(client_secret),
            "state": "pending",
            "updated_at": self._clock.now(),
        }
        statement = insert(self._db, ignite_sites)
        told = statement.on_conflict_do_update(
            index_elements=["site_env", "site_id"],
            set_={
                "store_id": statement.excluded.store_id
                if renamed
                else sa.func.coalesce(ignite_sites.c.store_id, statement.excluded.store_id),
                "client_id": statement.excluded.client_id,
                "client_secret": statement.excluded.client_secret,
                "state": sa.case((ignite_sites.c.state == "removing", "pending"), else_=ignite_sites.c.state),
                "updated_at": statement.excluded.updated_at,
            },
        )
        async with self._db.begin() as transaction:
            await transaction.execute(told, values)
            row = (await transaction.execute(sa.select(ignite_sites).where(*_of(key)))).one()
        return self._read(row)

    async def set_state(self, key: SiteKey, state: SiteState) -> None:
        """An active site needs no link any more."""
        values: dict[str, Any] = {"state": state, "updated_at": self._clock.now()}
        if state != "pending":
            values |= {"link": None, "link_digest": None, "link_until": None}
        async with self._db.begin() as transaction:
            await transaction.execute(sa.update(ignite_sites).where(*_of(key)).values(values))

    async def link(self, key: SiteKey) -> str:
        """The state of the install link: the same one while it is good for another hour, for answers get lost."""
        now = self._clock.now()
        made = secrets.token_urlsafe(32)

        async def work(transaction: AsyncConnection) -> str:
            statement = sa.select(ignite_sites).where(*_of(key)).with_for_update()
            row = (await transaction.execute(statement)).one()
            if row.link is not None and row.link_until > now + LINK_RENEWED_AT:
                return self._vault.unseal(row.link)
            values = {"link": self._vault.seal(made), "link_digest": _digest(made), "link_until": now + LINK_LIFE}
            await transaction.execute(sa.update(ignite_sites).where(*_of(key)).values(values))
            return made

        return await self._db.run(work)

    async def by_link(self, state: str) -> Site | None:
        """The site of an install link; none for one that is unknown, used or too old."""
        return await self._site(
            ignite_sites.c.link_digest == _digest(state), ignite_sites.c.link_until >= self._clock.now()
        )

    async def forget(self, key: SiteKey) -> None:
        """Everything of the site that is not the connection's: both halves, and installations under way."""
        async with self._db.begin() as transaction:
            await transaction.execute(sa.delete(ignite_sites).where(*_of(key)))
            for table in (installed_stores, oauth_handshakes):
                await transaction.execute(
                    sa.delete(table).where(table.c.site_env == key.env, table.c.site_id == key.id)
                )

    async def install(self, key: SiteKey, store: InstalledStore) -> None:
        """Keep a store that was installed for a site which SparkLayer has not announced yet, for a week."""
        now = self._clock.now()
        values = {
            "site_env": key.env,
            "site_id": key.id,
            "url": store.url,
            "token": self._vault.seal(store.token),
            "grant": None if store.grant is None else self._vault.seal(_grant_text(store.grant)),
            "installed_at": now,
        }
        async with self._db.begin() as transaction:
            await transaction.execute(
                sa.delete(installed_stores).where(installed_stores.c.installed_at < now - STORE_LIFE)
            )
            await transaction.execute(upsert(self._db, installed_stores), values)

    async def installed(self, key: SiteKey) -> InstalledStore | None:
        """The store that waits for the site."""
        async with self._db.read() as transaction:
            statement = sa.select(installed_stores).where(
                installed_stores.c.site_env == key.env,
                installed_stores.c.site_id == key.id,
                installed_stores.c.installed_at >= self._clock.now() - STORE_LIFE,
            )
            row = (await transaction.execute(statement)).one_or_none()
        if row is None:
            return None
        grant = None if row.grant is None else _grant_of(self._vault.unseal(row.grant))
        return InstalledStore(row.url, self._vault.unseal(row.token), grant)

    async def uninstall(self, key: SiteKey) -> None:
        """The store waits no longer."""
        async with self._db.begin() as transaction:
            await transaction.execute(
                sa.delete(installed_stores).where(
                    installed_stores.c.site_env == key.env, installed_stores.c.site_id == key.id
                )
            )

    async def _site(self, *conditions: sa.ColumnElement[bool]) -> Site | None:
        async with self._db.read() as transaction:
            row = (await transaction.execute(sa.select(ignite_sites).where(*conditions))).one_or_none()
        return None if row is None else self._read(row)

    def _read(self, row: sa.Row[Any]) -> Site:
        return Site(
            SiteKey(row.site_env, row.site_id),
            row.connection,
            row.store_id,
            row.client_id,
            self._vault.unseal(row.client_secret),
            row.state,
        )


def _of(key: SiteKey) -> tuple[sa.ColumnElement[bool], ...]:
    return ignite_sites.c.site_env == key.env, ignite_sites.c.site_id == key.id


def _grant_text(grant: StoreGrant) -> str:
    return json.dumps({**asdict(grant), "expires_at": grant.expires_at.isoformat()})


def _grant_of(text: str) -> StoreGrant:
    found = json.loads(text)
    return StoreGrant(**{**found, "expires_at": datetime.fromisoformat(found["expires_at"])})


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
