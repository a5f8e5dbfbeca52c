"""`/oauth/sparkpay/...`: the pages on which a merchant connects a store."""

import re
from html import escape
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from connector.app.installing import Installing, InstallRefused
from connector.app.service import Service
from connector.errors import PayLayerError, PlatformError, UserFault
from connector.sparkpay.oauth import StoreApp
from connector.state.ignite_sites import SiteKey
from connector.web.rate_limit import RateLimit
from connector.web.webhooks import body_up_to

log = structlog.get_logger("paylayer.install")
router = APIRouter()
COOKIE = "paylayer_install"
BURST, SECONDS = 20, 3.0
_COOKIE_SECONDS = 900
_LARGEST_FORM = 20_000
_SITE_ID = re.compile(r"[!-~]{1,200}")
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:34em;margin:3em auto;padding:0 1em}"
    "label{display:block;margin:.8em 0}input{width:100%;font:inherit;padding:.3em}"
)


class TooOften(InstallRefused):
    """An address that has tried too often."""


def install_limit(service: Service) -> RateLimit:
    """How often one address may try to install."""
    return RateLimit(service.core.clock, BURST, SECONDS)


@router.get("/oauth/sparkpay/install")
async def form(request: Request, link: str = "") -> Response:
    """Asks for the store's address, and for App ID and secret or a token where this installation has no app."""
    installing = _installing(request)
    try:
        _limit(request)
        if link:
            await installing.site_of(link)
    except PayLayerError as error:
        return _failed(error)
    own_app = installing.core.settings.sparkpay_app_id is not None
    return _page("Connect your store", _form(link, own_app=own_app))


@router.post("/oauth/sparkpay/install")
async def begin(request: Request) -> Response:
    """To the store's own consent page; or, with a token, straight on."""
    installing = _installing(request)
    try:
        _limit(request)
        raw = await body_up_to(request, _LARGEST_FORM)
        if raw is None:
            return _page("This did not work", "<p>that is too much for this form</p>", 413)
        given = dict(parse_qsl(raw.decode("utf-8", "replace")))
        key, invited = await _site(installing, given), bool(given.get("link"))
        if given.get("token"):
            joined = await installing.with_token(key, given.get("store", ""), given["token"], invited=invited)
            return _done(key, connected=joined is not None)
        app = None
        if given.get("app_id") and given.get("app_secret"):
            app = StoreApp(given["app_id"].strip(), given["app_secret"].strip())
        begun = await installing.begin(key, given.get("store", ""), app, invited=invited)
    except PayLayerError as error:
        return _failed(error)
    answer = RedirectResponse(begun.url, 303, headers=_HEADERS)
    secure = (installing.core.settings.public_url or "").startswith("https://")
    answer.set_cookie(
        COOKIE, begun.state, max_age=_COOKIE_SECONDS, path="/oauth/sparkpay", secure=secure, httponly=True,
        samesite="lax",
    )  # fmt: skip
    return answer


@router.get("/oauth/sparkpay/callback")
async def callback(request: Request) -> Response:
    """Where the store sends its admin back to."""
    installing, given = _installing(request), request.query_params
    try:
        _limit(request)
        if "error" in given:
            said = given.get("error_description") or given.get("error_reason") or given["error"]
            raise InstallRefused(f"the store did not let us in: {said[:300]}")
        own = None
        if given.get("client_id") and given.get("secret"):
            own = StoreApp(given["client_id"], given["secret"])
        key, joined = await installing.finish(
            request.cookies.get(COOKIE, ""), given.get("auth_id", ""), given.get("code", ""), own
        )
    except PayLayerError as error:
        answer = _failed(error)
    else:
        answer = _done(key, connected=joined is not None)
    answer.delete_cookie(COOKIE, path="/oauth/sparkpay")
    return answer


def _installing(request: Request) -> Installing:
    service: Service = request.app.state.service
    return Installing(service.core, service.platforms.transport)


def _limit(request: Request) -> None:
    limit: RateLimit = request.app.state.install_limit
    if not limit.allows(request.client.host if request.client else ""):
        raise TooOften("too many attempts: wait a minute")


async def _site(installing: Installing, given: dict[str, str]) -> SiteKey:
    """By the link; or, for whoever begins at the store, by the site that is named."""
    if given.get("link"):
        return await installing.site_of(given["link"])
    env, site_id = given.get("site_env", "live").strip(), given.get("site_id", "").strip()
    if _SITE_ID.fullmatch(site_id) is None or env not in ("live", "test"):
        raise InstallRefused("name the SparkLayer site: its id is in the Dashboard under Settings, API")
    return SiteKey(env, site_id)


def _form(link: str, *, own_app: bool) -> str:
    fields = [f'<input type="hidden" name="link" value="{escape(link)}">'] if link else [
        _field("site_id", "SparkLayer site id"),
        _field("site_env", "SparkLayer environment (live or test)", value="live"),
    ]  # fmt: skip
    fields.append(_field("store", "Address of your store, such as https://shop.example.com"))
    if not own_app:
        fields += [
            "<p>From Tools &gt; Apps &amp; Addons &gt; API Apps &amp; Integrations, either:</p>",
            _field("app_id", "App ID"),
            _field("app_secret", "App Secret", kind="password"),
            "<p>or:</p>",
            _field("token", "Access token (Single Token Flow)", kind="password"),
        ]
    return f'<form method="post" action="install">{"".join(fields)}<button>Connect</button></form>'


def _field(name: str, label: str, *, kind: str = "text", value: str = "") -> str:
    filled = f' value="{escape(value)}"' if value else ""
    return f'<label>{escape(label)}<input name="{name}" type="{kind}" autocomplete="off"{filled}></label>'


def _done(key: SiteKey, *, connected: bool) -> HTMLResponse:
    text = (
        f"<p>Your store is connected with the SparkLayer site {escape(key.id)}. Products and customers are being "
        "brought over; SparkLayer's Dashboard shows how far that is.</p>"
        if connected
        else f"<p>Your store is installed. Now connect it in SparkLayer's Dashboard for the site {escape(key.id)}: "
        "Configuration, Integrations, eCommerce Platform.</p>"
    )
    return _page("Connected" if connected else "Installed", text)


def _failed(error: PayLayerError) -> HTMLResponse:
    """One sentence that the merchant can act on; what only we can mend is in the log."""
    known = isinstance(error, UserFault)
    said = str(error) if known else getattr(error, "message", "")
    if isinstance(error, PlatformError):
        said = f"the store answered: {error.message}"
    if not known:
        log.warning("install_failed", error=str(error))
    text = said or "something that we need does not answer; try again in a minute"
    status = 429 if isinstance(error, TooOften) else 400 if known else 502
    answer = _page("This did not work", f"<p>{escape(text)}</p>", status=status)
    if status == 429:  # noqa: PLR2004
        answer.headers["Retry-After"] = str(round(SECONDS * BURST))
    return answer


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )
    return HTMLResponse(text, status, headers=_HEADERS)
