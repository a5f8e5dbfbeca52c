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
        if known is not None and known.store_id not in (None, said.store_id) and joined is not None:
            raise AnotherStore(f"site {key.id} ({key.env}) is joined with store {known.store_id!r}: remove that first")
        site = await sites.announce(
            key,
            connection=joined.id if joined is not None else await self._free_id(key),
            store_id=said.store_id,
            client_id=said.client_id,
            client_secret=said.client_secret,
        )
        if joined is not None:
            await self._renew(joined, site)
            return None
        store = await sites.installed(key)
        if store is not None and _names(said.store_id, store.url):
            await self._join(site, store)
            return None
        return f"{self._public_url()}/oauth/sparkpay/install?link={await sites.link(key)}"

    async def installed(self, key: SiteKey, store: InstalledStore) -> Connection | None:
        """The store's admin has let us in: the connection, or none while SparkLayer has not announced the site."""
        site = await self.core.sites.get(key)
        if site is None or site.state == "removing":
            await self.core.sites.install(key, store)
            return None
        return await self._join(site, store)

    async def connection_of(self, key: SiteKey) -> Connection | None:
        """The connection of a site, however it was made."""
        found = [
            one
            for one in await self.core.connections.all()
            if (one.sparklayer.site_env, one.sparklayer.site_id) == (key.env, key.id)
        ]
        return found[0] if found else None

    async def _join(self, site: Site, store: InstalledStore) -> Connection:
        sparkpay = SparkPayAccess(store.url, store.token)
        joined = await self.connection_of(site.key)
        if joined is None:
            try:
                joined = await self.core.connections.add(site.connection, sparkpay, self._access(site), self.settings())
            except UserFault:  # somebody joins them at the same moment
                joined = await self.core.connections.get(site.connection)
        if (joined.sparkpay.url, joined.sparkpay.token) != (store.url, store.token):
            joined = await self.core.connections.update(joined.id, sparkpay=sparkpay)
        if store.grant is None:
            await self.core.grants.forget(joined.id)
        else:
            await self.core.grants.save(
                joined.id,
                app_id=store.grant.app_id,
                app_secret=store.grant.app_secret,
                refresh_token=store.grant.refresh_token,
                token=store.token,
                expires_at=store.grant.expires_at,
            )
        await self.core.sites.set_state(site.key, "active")
        await self.core.sites.uninstall(site.key)
        await self._complete(joined)
        log.info("joined", connection=joined.id, store=store.url, site=site.key.id)
        return joined

    async def _renew(self, joined: Connection, site: Site) -> None:
        """The site is connected already: its keys may be new, and the steps of completion are taken once more.

        A change of the connection starts its work anew, which registers the webhooks.
        """
        access = self._access(site)
        if joined.sparklayer.client_id != access.client_id or joined.sparklayer.client_secret != access.client_secret:
            await self.core.tokens.forget(f"{joined.id}/sparklayer/")
        await self.core.connections.update(joined.id, sparklayer=access)
        await self.core.sites.set_state(site.key, "active")
        await self._complete(joined)

    async def _complete(self, joined: Connection) -> None:
        """Bring everything over, unless that is under way. Webhooks are registered by whoever watches the store."""
        await self.core.run_requests.once(joined.id, entities=(), full=True, requested_by="ignite")

    def _access(self, site: Site) -> SparkLayerAccess:
        named = {"live": self.core.settings.sparklayer_live_url, "test": self.core.settings.sparklayer_test_url}
        variable = f"PAYLAYER_SPARKLAYER_{site.key.env.upper()}_URL"
        given = named.get(site.key.env)
        url = require_url(given, variable) if given else host_for(site.key.env)
        return SparkLayerAccess(url, site.key.id, site.key.env, site.client_id, site.client_secret)

    def settings(self) -> ConnectionSettings:
        """What a connection begins with that is joined like this: what everybody's does, and the operator's choices."""
        own = self.core.settings
        settings = ConnectionSettings().with_values({"store.currency_code": own.default_currency})
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


def _names(store_id: str, url: str) -> bool:
    """Whether SparkLayer's name of a store is its address or its host: nobody else's store may slip in."""
    host = urlsplit(url).netloc.lower()
    return store_id.strip().lower().rstrip("/") in (url.lower(), host)
