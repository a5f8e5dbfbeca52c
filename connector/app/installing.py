"""Installing at a store: the admin's consent, or a token that was made there, becomes the store's half."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from connector.app.core import Core
from connector.app.joining import Joining
from connector.app.platforms import Transport
from connector.budget.shared import SharedBudget
from connector.errors import UserFault
from connector.settings.addresses import require_token, require_url
from connector.sparkpay.check import check_access
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.oauth import StoreApp, StoreOAuth, consent_url
from connector.state.connections import Connection
from connector.state.ignite_sites import InstalledStore, SiteKey, StoreGrant
from connector.state.oauth import Handshake

CALLBACK = "/oauth/sparkpay/callback"
_LONGEST = 2000
_LONGEST_HOST = 255
_BY_LINK, _BY_NAME = "link", "site"


class InstallRefused(UserFault):
    """The installation cannot go on; the message is for the merchant."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes now, and what it has to bring back."""

    url: str
    state: str


@dataclass(frozen=True, slots=True)
class Installing:
    """The steps of an installation. All raise `InstallRefused` in the merchant's language, and what a store raises."""

    core: Core
    transport: Transport

    async def site_of(self, link: str) -> SiteKey:
        """The site of an install link."""
        site = await self.core.sites.by_link(link) if link else None
        if site is None:
            raise InstallRefused(
                "this link is not valid any more; begin again in SparkLayer: Configuration, Integrations"
            )
        return site.key

    async def begin(self, key: SiteKey, store: str, app: StoreApp | None = None, *, invited: bool = False) -> Begun:
        """Ask the store's admin; without an app the one of this installation is taken.

        `invited`: by the site's own link, as `Joining.installed` wants to know it.
        """
        app = self._own_app() if app is None else StoreApp(_keepable(app.id), _keepable(app.secret))
        url = self._store_url(store)
        scope = self.core.settings.sparkpay_app_scope
        state = await self.core.handshakes.begin(Handshake(key.env, key.id, url, app.id, app.secret, scope))
        return Begun(consent_url(url, app, scope, self._callback()), self._signed(state, invited=invited))

    async def finish(
        self, cookie: str, auth_id: str, code: str, own: StoreApp | None = None
    ) -> tuple[SiteKey, Connection | None]:
        """The consent was given: the site, and its connection unless SparkLayer has yet to announce it.

        `own`: the pair that a published app's installation brings.
        """
        state, invited = self._verified(cookie)
        handshake = await self.core.handshakes.take(state)
        if handshake is None:
            raise InstallRefused("this installation was finished before, or took too long: begin again")
        if not auth_id or not code or max(len(auth_id), len(code)) > _LONGEST:
            raise InstallRefused("the store sent no consent: begin again")
        if own is not None:
            own = StoreApp(_keepable(own.id), _keepable(own.secret))
        app = own or StoreApp(handshake.app_id, handshake.app_secret)
        url = handshake.store_url
        oauth = StoreOAuth(url, self.core.clock, self.transport(url))
        grant = await oauth.grant(app, auth_id, code, scope=handshake.scope, redirect_uri=self._callback())
        key = SiteKey(handshake.site_env, handshake.site_id)
        await self._check(key, url, grant.token)
        renewing = StoreGrant(app.id, app.secret, grant.refresh_token, grant.expires_at)
        store = InstalledStore(url, grant.token, renewing)
        return key, await Joining(self.core).installed(key, store, invited=invited)

    async def with_token(self, key: SiteKey, store: str, token: str, *, invited: bool = False) -> Connection | None:
        """A store that uses a single token."""
        url = self._store_url(store)
        token = require_token(token, "the token")
        await self._check(key, url, token)
        return await Joining(self.core).installed(key, InstalledStore(url, token), invited=invited)

    async def _check(self, key: SiteKey, url: str, token: str) -> None:
        """No endpoint tells what a token may do, so everything that the connection will need is asked for once."""
        joining = Joining(self.core)
        joined = await joining.connection_of(key)
        settings = joining.settings() if joined is None else joined.settings
        reading = settings.sparkpay
        budget = SharedBudget(
            self.core.budgets, url, clock=self.core.clock, limit=reading.limit, period=reading.window_seconds
        )
        try:
            async with SparkPayClient(
                url, SecretStr(token), budget=budget, transport=self.transport(url), clock=self.core.clock
            ) as client:
                findings = await check_access(client, settings)
        finally:
            await budget.close()
        missing = list(dict.fromkeys(finding.scope for finding in findings if not finding.ok))
        problems = [finding.problem for finding in findings if finding.problem]
        if len(problems) == 1 and len(findings) == 1:
            raise InstallRefused(f"the store does not let us in: {problems[0]}")
        if missing:
            raise InstallRefused(
                f"the store let us in, but these permissions are missing: {'; '.join(missing)}. Add them and try again"
            )

    def _own_app(self) -> StoreApp:
        settings = self.core.settings
        if not settings.sparkpay_app_id or settings.sparkpay_app_secret is None:
            raise InstallRefused("give App ID and App Secret from Tools > Apps & Addons of the store, or a token")
        return StoreApp(settings.sparkpay_app_id, settings.sparkpay_app_secret.get_secret_value())

    def _callback(self) -> str:
        """In lower case and without a query, as the signature wants it."""
        if not self.core.settings.public_url:
            raise InstallRefused("PAYLAYER_PUBLIC_URL is not set")
        return f"{require_url(self.core.settings.public_url, 'PAYLAYER_PUBLIC_URL').lower()}{CALLBACK}"

    def _store_url(self, text: str) -> str:
        """The store's address. In the open only names of the public Internet: nobody may point us at what is within."""
        try:
            url = require_url(text[:_LONGEST_HOST], "the store's address").lower()
        except UserFault as error:
            raise InstallRefused(str(error)) from error
        if len(text) > _LONGEST_HOST:
            raise InstallRefused("this is no address of a store: it is too long")
        public = (self.core.settings.public_url or "").startswith("https://")
        if public and not _is_public(urlsplit(url).hostname or "", url):
            raise InstallRefused("write the store's address as its customers know it, such as https://shop.example.com")
        return url

    def _signed(self, state: str, *, invited: bool) -> str:
        """What the browser keeps: which door it came through, the state, and our mark of both."""
        door = _BY_LINK if invited else _BY_NAME
        key, *_ = self.core.settings.require_secret_keys()
        return f"{door}.{state}.{_mark(key, door, state)}"

    def _verified(self, cookie: str) -> tuple[str, bool]:
        """The state, and whether the browser came by the site's link."""
        door, _, rest = cookie.partition(".")
        state, _, mark = rest.partition(".")
        keys = self.core.settings.require_secret_keys()
        fits = [
            hmac.compare_digest(mark.encode("utf-8", "surrogatepass"), _mark(key, door, state).encode()) for key in keys
        ]
        if not any(fits):
            raise InstallRefused("this browser has begun no installation here: begin again, and let cookies be kept")
        return state, door == _BY_LINK


def _mark(key: str, door: str, state: str) -> str:
    text = f"install {door} {state}".encode("utf-8", "surrogatepass")
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()


def _keepable(text: str) -> str:
    """A key of an app as the store shows it. Raises `InstallRefused` for what no database could keep."""
    text = text.strip()
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise InstallRefused("App ID and App Secret: copy them once more, without line breaks")
    return text


def _is_public(host: str, url: str) -> bool:
    if not url.startswith("https://") or "." not in host or host.endswith((".local", ".internal", ".localhost")):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False
