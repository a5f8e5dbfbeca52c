"""Who may call: one credential for SparkLayer, checked before anything is looked at. Nothing set, nobody in."""

import base64
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Mapping
from math import ceil
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connector.app.service import Service
from connector.settings import Settings
from connector.web.rate_limit import RateLimit

LARGEST_BYTES = 1_000_000
SKEW_SECONDS = 300
BURST, SECONDS = 30, 2.0
TIMESTAMP, SIGNATURE = "x-paylayer-timestamp", "x-paylayer-signature"


class IgniteGate:
    """ASGI: 401 without the right credential, 413 for a body too large, 429 for who goes on guessing."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._refused = RateLimit(service.core.clock, BURST, SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it."""
        if scope["type"] != "http":
            return
        who = scope["client"][0] if scope.get("client") else ""
        if self._refused.spent(who):
            await _answer(send, 429, "too-many-attempts", {"retry-after": str(ceil(SECONDS))})
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _whole(receive)
        if body is None:
            await _answer(send, 413, "body-too-large")
            return
        if not self._admits(who, scope, headers, body):
            self._refused.allows(who)
            await _answer(send, 401, "auth-failure", {"www-authenticate": "Bearer"})
            return
        if not _storable(body):
            await _answer(send, 400, "invalid-request")
            return
        await self._app(scope, _replay(body, receive), send)

    def _admits(self, who: str, scope: Scope, headers: Mapping[str, str], body: bytes) -> bool:
        settings = self._service.core.settings
        if settings.ignite_token is None or not _listed(settings.ignite_allow, who):
            return False
        secret = settings.ignite_token.get_secret_value()
        if not secret:
            return False
        if settings.ignite_auth == "hmac":
            return self._is_signed(secret, scope, headers, body)
        return _equal(headers.get("authorization", ""), _wanted(settings, secret))

    def _is_signed(self, secret: str, scope: Scope, headers: Mapping[str, str], body: bytes) -> bool:
        """HMAC-SHA256 over `<unix seconds>.<method>.<path and query>.` and the body, in hex; good for five minutes."""
        at = headers.get(TIMESTAMP, "")
        if not (at.isascii() and at.isdecimal() and len(at) < 12):  # noqa: PLR2004
            return False
        if abs(self._service.core.clock.now().timestamp() - int(at)) > SKEW_SECONDS:
            return False
        return _equal(headers.get(SIGNATURE, ""), signature(secret, at, scope["method"], _target(scope), body))


def signature(secret: str, at: str, method: str, target: str, body: bytes) -> str:
    """What a caller with `ignite_auth = hmac` sends."""
    return hmac.new(secret.encode(), f"{at}.{method}.{target}.".encode() + body, hashlib.sha256).hexdigest()


def _wanted(settings: Settings, secret: str) -> str:
    if settings.ignite_auth == "basic":
        return "Basic " + base64.b64encode(f"{settings.ignite_user}:{secret}".encode()).decode()
    return f"Bearer {secret}"


def _equal(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _target(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    path: str = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    return f"{path}?{query}" if query else path


def _listed(allow: str, who: str) -> bool:
    """Whether the address is on the list; an empty list is everybody."""
    networks = [part.strip() for part in allow.split(",") if part.strip()]
    if not networks:
        return True
    try:
        address = ipaddress.ip_address(who)
        return any(address in ipaddress.ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False


async def _whole(receive: Receive) -> bytes | None:
    raw = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        raw += message.get("body", b"")
        if len(raw) > LARGEST_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(raw)


def _storable(body: bytes) -> bool:
    """Whether no text of a JSON body has what neither database nor wire can carry; what is no JSON is judged later."""
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\\u0000" not in text


def _replay(body: bytes, receive: Receive) -> Receive:
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


async def _answer(send: Send, status: int, code: str, more: Mapping[str, str] | None = None) -> None:
    body: dict[str, Any] = {"error_code": code}
    raw = json.dumps(body).encode()
    headers = {"content-type": "application/json", "content-length": str(len(raw)), **(more or {})}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": raw})
