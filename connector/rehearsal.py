"""Requests that would be sent: what a rehearsal writes down instead of sending it, and what it read meanwhile."""

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Intended:
    """One write as the platform's client would have sent it; `path` begins with a slash, the body is parsed JSON."""

    side: str
    method: str
    path: str
    body: Any


@dataclass(frozen=True, slots=True)
class Heard:
    """One read and its answer."""

    method: str
    path: str
    status: int
    answer: Any


@dataclass(slots=True)
class Rehearsal:
    """Collects the writes of one or more clients that only read; while `listening`, their reads as well.

    `calls` counts what was really sent, by side.
    """

    intended: list[Intended] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    listening: bool = False
    calls: Counter[str] = field(default_factory=Counter)

    def note(self, side: str, method: str, path: str, body: Any) -> None:  # noqa: ANN401 - JSON
        """One write that stays here."""
        self.intended.append(Intended(side, method, path, body))

    def taken(self) -> list[Intended]:
        """The writes that were noted since the last time."""
        taken, self.intended = self.intended, []
        return taken


class ListeningTransport(httpx.AsyncBaseTransport):
    """Passes everything on and counts it, and keeps what is read while the rehearsal listens."""

    def __init__(self, inner: httpx.AsyncBaseTransport, rehearsal: Rehearsal, side: str) -> None:
        self._inner = inner
        self._side = side
        self._rehearsal = rehearsal

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises what the network raises."""
        self._rehearsal.calls[self._side] += 1
        response = await self._inner.handle_async_request(request)
        if self._rehearsal.listening and "token" not in request.url.path:
            content = await response.aread()
            path = request.url.raw_path.decode("ascii")
            self._rehearsal.heard.append(Heard(request.method, path, response.status_code, _json(content)))
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _json(content: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
