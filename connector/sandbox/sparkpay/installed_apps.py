"""Apps of a store and their tokens: the OAuth flow with its signatures (vendor docs: authentication)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from connector.sandbox.sparkpay.policy import SandboxPolicy


@dataclass(frozen=True, slots=True)
class _Consent:
    code: str
    client_id: str
    secret: str
    scope: str
    redirect_uri: str


class InstalledApps:
    """Who was let in, and until when."""

    def __init__(self, policy: Callable[[], SandboxPolicy], now: Callable[[], datetime]) -> None:
        self._policy = policy
        self._now = now
        self._consents: dict[str, _Consent] = {}
        self._tokens: dict[str, datetime] = {}
        self._refreshing: dict[str, tuple[str, str]] = {}
        self._count = 0
        self.refreshes = 0
        self.consenting = True

    def admits(self, token: str) -> bool:
        """Whether it is a token of an app that has not expired."""
        return self._now() < self._tokens.get(token, self._now())

    def revoke(self) -> None:
        """The merchant removes the app."""
        self._tokens.clear()
        self._refreshing.clear()

    def consent(self, given: Mapping[str, str]) -> str:
        """The admin of the store answers: where the browser goes next. Raises ValueError for an unknown app."""
        policy = self._policy()
        if not policy.app_id or given.get("client_id") != policy.app_id:
            raise ValueError("this store has no such app")
        back = given.get("redirect_uri", "")
        joint = "&" if "?" in back else "?"
        if not self.consenting:
            refused = {"error": "access_denied", "error_reason": "user_denied", "error_description": "No."}
            return f"{back}{joint}{urlencode(refused)}"
        client_id, secret = policy.app_id, policy.app_secret
        extra: dict[str, str] = {}
        if policy.app_is_published:
            client_id, secret = self._next("client"), self._next("secret")
            extra = {"client_id": client_id, "secret": secret}
        auth_id, code = self._next("auth"), self._next("code")
        self._consents[auth_id] = _Consent(code, client_id, secret, given.get("scope", ""), back)
        return f"{back}{joint}{urlencode({'auth_id': auth_id, 'code': code, **extra})}"

    def grant(self, given: Mapping[str, str]) -> dict[str, object] | None:
        """Tokens for a consent, once; none where the signature is wrong."""
        consent = self._consents.get(given.get("auth_id", ""))
        if consent is None or given.get("client_id") != consent.client_id:
            return None
        text = f"{consent.secret}{consent.code}{consent.client_id}{consent.scope}{consent.redirect_uri.lower()}"
        if not _signed(text, given):
            return None
        del self._consents[given["auth_id"]]
        return self._issue(consent.client_id, consent.secret)

    def refresh(self, given: Mapping[str, str]) -> dict[str, object] | None:
        """A new access token; none where the refresh token or the signature is wrong."""
        renewing = given.get("refresh_token", "")
        client_id, secret = self._refreshing.get(renewing, ("", ""))
        if not client_id or client_id != given.get("client_id") or not _signed(f"{secret}{renewing}{client_id}", given):
            return None
        self.refreshes += 1
        return self._issue(client_id, secret)

    def _issue(self, client_id: str, secret: str) -> dict[str, object]:
        token, renewing = self._next("access"), self._next("refresh")
        until = self._now() + timedelta(seconds=self._policy().app_token_seconds)
        self._tokens[token] = until
        self._refreshing[renewing] = (client_id, secret)
        return {"access_token": token, "refresh_token": renewing, "expires": until.isoformat(), "username": "admin"}

    def _next(self, what: str) -> str:
        self._count += 1
        return f"{what}-{self._count}-{hashlib.sha256(f'{what}{self._count}'.encode()).hexdigest()[:16]}"


def oauth_routes(apps: InstalledApps) -> list[Route]:
    """What the store serves beside its API; the admin who is asked says yes at once."""

    async def ask(request: Request) -> Response:
        try:
            return RedirectResponse(apps.consent(request.query_params), 302)
        except ValueError as error:
            return PlainTextResponse(str(error), 400)

    async def grant(request: Request) -> Response:
        return _answer(apps.grant(await _given(request)))

    async def refresh(request: Request) -> Response:
        return _answer(apps.refresh(await _given(request)))

    return [
        Route("/api/oauth", ask, methods=["GET"]),
        Route("/api/oauth/access_token", grant, methods=["POST"]),
        Route("/api/oauth/refresh", refresh, methods=["POST"]),
    ]


async def _given(request: Request) -> dict[str, str]:
    raw = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = json.loads(raw)
        except ValueError:
            return {}
        return {str(name): str(value) for name, value in body.items()} if isinstance(body, dict) else {}
    return dict(parse_qsl(raw.decode("utf-8", "replace")))


def _answer(tokens: dict[str, object] | None) -> Response:
    if tokens is None:
        body = {"status_code": 403, "message": "Forbidden", "details": "The signature or the app is not valid."}
        return JSONResponse(body, 403)
    return JSONResponse(tokens)


def _signed(text: str, given: Mapping[str, str]) -> bool:
    wanted = hashlib.sha256(text.encode()).hexdigest()
    return hmac.compare_digest(wanted.encode(), given.get("signature", "").encode())
