"""The OAuth flow of an app of a store (vendor docs: authentication): who may act for the store, and for how long.

The platform knows no `state` parameter, and a query in the redirect address breaks its signature: whoever begins a
flow keeps its own state elsewhere.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from connector.clock import Clock
from connector.cookies import no_cookies
from connector.errors import ContractFault, CredentialsRefused, PlatformError, TargetIll
from connector.redaction import without_secrets
from connector.sparkpay import failures
from connector.sparkpay.answers import UnreadableAnswer, parse
from connector.sparkpay.dates import moment
from connector.sparkpay.failures import SIDE
from connector.tls import trusted
from connector.version import USER_AGENT

_SECONDS = 20.0
_UNKNOWN_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StoreApp:
    """An app of one store: the pair that its admin console shows, or that an installation brings."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token with what renews it."""

    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime


def consent_url(store_url: str, app: StoreApp, scope: str, redirect_uri: str) -> str:
    """Where the admin of the store says yes."""
    query = urlencode({"client_id": app.id, "scope": scope, "redirect_uri": redirect_uri})
    return f"{store_url}/api/oauth?{query}"


def grant_signature(app: StoreApp, code: str, scope: str, redirect_uri: str) -> str:
    """Of the call that turns a consent into tokens; the redirect address is in lower case here and only here."""
    return _sha256(f"{app.secret}{code}{app.id}{scope}{redirect_uri.lower()}")


def refresh_signature(app: StoreApp, refresh_token: str) -> str:
    """Of the call that renews an access token."""
    return _sha256(f"{app.secret}{refresh_token}{app.id}")


class StoreOAuth:
    """The two calls of one store. They take no token, so they take nothing of its call budget.

    Raises `CredentialsRefused` where the store says no for good, else another `PlatformError`; never with a secret.
    """

    def __init__(self, store_url: str, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = store_url
        self._clock = clock
        self._transport = transport

    async def grant(self, app: StoreApp, auth_id: str, code: str, *, scope: str, redirect_uri: str) -> Grant:
        """Tokens for a consent."""
        body = {
            "client_id": app.id,
            "auth_id": auth_id,
            "signature": grant_signature(app, code, scope, redirect_uri),
        }
        return self._read(await self._post("access_token", body, (app.secret, code)), None)

    async def refresh(self, app: StoreApp, refresh_token: str) -> Grant:
        """A new access token of the old scope. A refresh token may be used again: a lost answer does no harm."""
        body = {
            "client_id": app.id,
            "refresh_token": refresh_token,
            "signature": refresh_signature(app, refresh_token),
        }
        return self._read(await self._post("refresh", body, (app.secret, refresh_token)), refresh_token)

    async def _post(self, name: str, body: dict[str, str], secrets: tuple[str, ...]) -> Any:  # noqa: ANN401
        endpoint = f"POST /api/oauth/{name}"
        try:
            async with httpx.AsyncClient(
                transport=self._transport,
                verify=trusted(),
                cookies=no_cookies(),
                follow_redirects=False,
                timeout=_SECONDS,
                headers={"Accept": "application/json", "User-Agent": USER_AGENT},
            ) as http:
                reply = await http.post(f"{self._url}/api/oauth/{name}", json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            text = without_secrets(f"{type(error).__name__}: {error}", secrets)
            raise TargetIll(text, side=SIDE, endpoint=endpoint) from None
        if not reply.is_success:
            failure = failures.failure_of(reply.status_code, reply.content, secrets)
            raise _refusal(failure, endpoint)
        try:
            return parse(reply.content)
        except UnreadableAnswer as error:
            raise ContractFault(str(error), side=SIDE, endpoint=endpoint) from None

    def _read(self, answer: Any, known: str | None) -> Grant:  # noqa: ANN401
        token = answer.get("access_token") if isinstance(answer, dict) else None
        renewing = answer.get("refresh_token") or known if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token or not isinstance(renewing, str):
            raise ContractFault("the answer has no tokens", side=SIDE, endpoint="POST /api/oauth")
        try:
            expires_at = moment(answer.get("expires"))
        except ValueError:
            expires_at = None
        return Grant(token, renewing, expires_at or self._clock.now() + _UNKNOWN_LIFE)


def _refusal(failure: failures.Failure, endpoint: str) -> PlatformError:
    """Every documented refusal of these calls is one of the app's keys, of the consent or of the refresh token."""
    if failures.meaning(failure) is failures.Meaning.FINAL:
        text = f"the store refuses the app ({failure.details}): check App ID and App Secret, and install it again"
        return CredentialsRefused(text, side=SIDE, endpoint=endpoint, status=failure.status, code="credentials")
    return failures.error_of(failure, endpoint, wrote=False)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
