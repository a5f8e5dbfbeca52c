"""Joining a store with a site, begun on either side: each half is kept until the other is known."""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog

from connector.app.core import Core
from connector.errors import PayLayerError, Unavailable, UserFault
from connector.settings import ConnectionSettings
from connector.settings.addresses import host_for, require_url
from connector.state.connections import Connection, SparkLayerAccess, SparkPayAccess
from connector.state.ignite_sites import InstalledStore, Site, SiteKey

log = structlog.get_logger("paylayer.joining")
_LONGEST_ID = 64
_ANOTHER = "this site is connected with another store: disconnect it in SparkLayer first"


class AnotherStore(PayLayerError):
    """SparkLayer names another store than the one that the site is joined with."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What SparkLayer says of a site when it wants it connected."""

    store_id: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class Joining:
    """Every step may be repeated, and taken up again by another process, at any point."""

    core: Core

    async def announced(self, key: SiteKey, said: Announcement) -> str | None:
        """SparkLayer wants the site connected: none where it is, else where the merchant connects the store.

        Raises `AnotherStore` where the site is joined with another store than SparkLayer names, and `UserFault`.
        """
        sites = self.core.sites
        known = await sites.get(key)
        joined = await self.connection_of(key)
        renamed = joined is None or _names(said.store_id, joined.sparkpay.url)
        if known is not None and known.store_id not in (None, said.store_id) and not renamed:
            raise AnotherStore(f"site {key.id} ({key.env}) is joined with store {known.store_id!r}: remove that first")
        site = await sites.announce(
            key,
            connection=joined.id if joined is not None else await self._free_id(key),
            store_id=said.store_id,
            client_id=said.client_id,
            client_secret=said.client_secret,
            renamed=renamed,
        )
        store = await sites.installed(key)
        if store is not None and not _names(said.store_id, store.url) and not _is_of(joined, store):
            store = None
        if joined is None and store is None:
            return f"{self._public_url()}/oauth/sparkpay/install?link={await sites.link(key)}"
        if joined is not None and known is not None and known.state == "removing":
            await self.core.connections.set_state(joined.id, "active")  # it stands still since that removal began
        await self._join(joined, site, store)
        return None

    async def installed(self, key: SiteKey, store: InstalledStore, *, invited: bool = False) -> Connection | None:
        """The store's admin has let us in: the connection, or none while SparkLayer has not announced the site.

        `invited`: the admin came by the site's own link. Anybody may name a site, so any other store waits until
        SparkLayer names it; and a site that is joined takes new credentials of its own store only.
        """
        site = await self.core.sites.get(key)
        joined = await self.connection_of(key)
        if joined is not None and not _is_of(joined, store):
            raise UserFault(_ANOTHER)
        await self.core.sites.install(key, store)
        welcome = joined is not None or (site is not None and (invited or _names(site.store_id or "", store.url)))
        if not welcome or (site is not None and site.state == "removing"):
            return None
        return await self._join(joined, site, store)

    async def connection_of(self, key: SiteKey) -> Connection | None:
        """The connection of a site, however it was made."""
        found = [
            one
            for one in await self.core.connections.all()
            if (one.sparklayer.site_env, one.sparklayer.site_id) == (key.env, key.id)
        ]
        return found[0] if found else None

    async def _join(self, joined: Connection | None, site: Site | None, store: InstalledStore | None) -> Connection:
        """Bring together what is known: the connection, SparkLayer's half, the store's half; two of them at least.

        Broken off anywhere it is done once more by whoever repeats his half: the waiting store and the link go last.
        A change of the connection starts its work anew, which registers the webhooks.
        """
        if joined is None:
            joined = await self._made(site, store)
        elif site is not None:
            joined = await self._with_keys(joined, self._access(site))
        if store is not None:
            await self._with_store(joined, store)
        await self.core.run_requests.once(joined.id, entities=(), full=True, requested_by="ignite")
        key = SiteKey(joined.sparklayer.site_env, joined.sparklayer.site_id)
        await self.core.sites.uninstall(key)
        await self.core.sites.set_state(key, "active")
        log.info("joined", connection=joined.id, store=joined.sparkpay.url, site=joined.sparklayer.site_id)
        return await self.core.connections.get(joined.id)

    async def _made(self, site: Site | None, store: InstalledStore | None) -> Connection:
        assert site is not None and store is not None  # noqa: S101, PT018 - two of three are known
        access = self._access(site)
        try:
            return await self.core.connections.add(
                site.connection, SparkPayAccess(store.url, store.token), access, self.settings()
            )
        except UserFault:  # somebody joins them at the same moment
            return await self.core.connections.get(site.connection)

    async def _with_keys(self, joined: Connection, access: SparkLayerAccess) -> Connection:
        """The site's keys may be new; then the token that was bought with the old ones goes."""
        if (joined.sparklayer.client_id, joined.sparklayer.client_secret) != (access.client_id, access.client_secret):
            await self.core.tokens.forget(f"{joined.id}/sparklayer/")
        return await self.core.connections.update(joined.id, sparklayer=access)

    async def _with_store(self, joined: Connection, store: InstalledStore) -> None:
        """The token first and then what renews it: a token that has no grant of its own is renewed by nobody."""
        if not _is_of(joined, store):
            raise UserFault(_ANOTHER)
        if joined.sparkpay.token != store.token:
            await self.core.connections.update(joined.id, sparkpay=SparkPayAccess(store.url, store.token))
        if store.grant is None:
            await self.core.grants.forget(joined.id)
            return
        await self.core.grants.save(
            joined.id,
            app_id=store.grant.app_id,
            app_secret=store.grant.app_secret,
            refresh_token=store.grant.refresh_token,
            token=store.token,
            expires_at=store.grant.expires_at,
        )

    def _access(self, site: Site) -> SparkLayerAccess:
        named = {"live": self.core.settings.sparklayer_live_url, "test": self.core.settings.sparklayer_test_url}
        variable = f"PAYLAYER_SPARKLAYER_{site.key.env.upper()}_URL"
        given = named.get(site.key.env)
        url = require_url(given, variable) if given else host_for(site.key.env)
        return SparkLayerAccess(url, site.key.id, site.key.env, site.client_id, site.client_secret)

    def settings(self) -> ConnectionSettings:
        """What a connection begins with that is joined like this: what everybody's does, and the operator's choices."""
        own = self.core.settings
        values = {"store.currency_code": own.default_currency, "flow.setting": "to_sparklayer"}
        settings = ConnectionSettings().with_values(values)
        types = own.default_b2b_customer_types
        return settings.with_b2b_types(types) if types else settings

    def _public_url(self) -> str:
        if not self.core.settings.public_url:
            raise Unavailable("PAYLAYER_PUBLIC_URL is not set: the merchant cannot be sent to the install page")
        return require_url(self.core.settings.public_url, "PAYLAYER_PUBLIC_URL")

    async def _free_id(self, key: SiteKey) -> str:
        """An id for the connection, from the site's: the same one each time, unless somebody has it."""
        plain = re.sub(r"[^a-z0-9-]+", "-", key.id.lower()).strip("-")
        wanted = plain if key.env == "live" else f"{plain}-{key.env}"
        if plain != key.id or not plain or len(wanted) > _LONGEST_ID or wanted in await self.core.connections.ids():
            mark = hashlib.sha256(f"{key.env}/{key.id}".encode()).hexdigest()[:8]
            wanted = f"{wanted[: _LONGEST_ID - 9].strip('-') or 'site'}-{mark}"
        return wanted


def _is_of(joined: Connection | None, store: InstalledStore) -> bool:
    return joined is not None and joined.sparkpay.url == store.url


def _names(store_id: str, url: str) -> bool:
    """Whether SparkLayer's name of a store is its address or its host: nobody else's store may slip in."""
    host = urlsplit(url).netloc.lower()
    return store_id.strip().lower().rstrip("/") in (url.lower(), host)
