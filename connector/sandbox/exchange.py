"""One HTTP exchange at its edge: a request comes in, an answer leaves or is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Self

import httpx
from starlette.types import Receive, Scope, Send

Sleep = Callable[[float], Awaitable[None]]
"""How a sandbox waits, in seconds."""

BAD_GATEWAY_PAGE = (
    b"<html><head><title>502</title></head><body><h1>502 - Web server received an invalid response</h1></body></html>"
)
"""What a gateway answers in place of the platform: no JSON."""


class ConnectionDropped(httpx.RemoteProtocolError):
    """The answer never comes. Raised only where there is no socket to close (httpx.ASGITransport).

    It is the error that httpx raises for a real server that closes without an answer, so a client under test takes
    the same path in both cases.
    """


class AnswerTimedOut(httpx.ReadTimeout):
    """As ConnectionDropped, for the fault `timeout`: what a client sees whose patience ended."""


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. `path` is without the query, as its platform looks at it; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    raw: bytes

    @classmethod
    async def read(cls, scope: Scope, receive: Receive, path: str) -> Self:
        """Take in a whole request."""
        raw = bytearray()
        more = True
        while more:
            message = await receive()
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        return cls(
            method=scope["method"],
            path=path,
            query=scope["query_string"].decode("latin-1"),
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
            raw=bytes(raw),
        )


def has_server(scope: Scope) -> bool:
    """Whether a server such as uvicorn carries the call; in-process transports leave `spec_version` out."""
    return "spec_version" in scope["asgi"]


async def send_answer(send: Send, status: int, headers: Mapping[str, str], raw: bytes) -> None:
    """Send a whole answer; one without content has no length."""
    sent = dict(headers)
    if status != HTTPStatus.NO_CONTENT:
        sent["Content-Length"] = str(len(raw))
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": raw})


def lose_answer(scope: Scope, kind: str | None) -> bool:
    """End a call whose answer never leaves.

    A server closes the connection when an application returns something, so True is returned for it to return.
    In-process there is no connection to close: raises ConnectionDropped, or AnswerTimedOut for the kind "timeout".
    """
    if has_server(scope):
        return True
    if kind == "timeout":
        raise AnswerTimedOut("The sandbox does not answer.")
    raise ConnectionDropped("The sandbox closed the connection without an answer.")


def http_date(moment: datetime) -> str:
    """IMF-fixdate, the form of the headers Date, Expires, Last-Modified and Retry-After."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)
