"""What a server, or a proxy in front of it, may answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from tests.fuzz import values

_STATUSES = (
    200,
    200,
    200,
    200,
    201,
    202,
    204,
    207,
    301,
    302,
    304,
    400,
    401,
    403,
    404,
    405,
    408,
    409,
    410,
    413,
    415,
    418,
    422,
    425,
    429,
    429,
    451,
    499,
    500,
    501,
    502,
    503,
    504,
    520,
    599,
    600,
    999,
)
_HEADERS = ("Retry-After", "Date", "X-AC-Call-Limit", "Content-Type", "Content-Encoding", "Location", "Set-Cookie")
_CONTENTS = (
    "0",
    "-1",
    "1.5",
    "1e309",
    "nan",
    "inf",
    "9" * 400,
    "99999999999",
    "12/50",
    "a/b",
    "/",
    "1/2/3",
    "-1/50",
    "50/0",
    "Sun, 22 Nov 2026 10:00:00 GMT",
    "Sun, 22 Nov 9999 23:59:59 -2359",
    "Mon, 01 Jan 0001 00:00:00 GMT",
    " ",
    "-",
    "Sun, 99 Nov 2026 25:61:61 GMT",
    "Sun Nov 22 10:00:00 2026",
    "1 2 3 4 5 6 7",
    "22-Nov-2026",
    "gzip",
    "br",
    "identity",
    "application/json; charset=utf-99",
    "text/html",
    "application/json",
    "²",
    "Sun, 22 Nov 2026 10:00:00 +9999",
)
_FAILURES: tuple[Callable[[httpx.Request], httpx.HTTPError], ...] = (
    lambda request: httpx.ReadTimeout("timed out", request=request),
    lambda request: httpx.ConnectTimeout("", request=request),
    lambda request: httpx.ConnectError("refused", request=request),
    lambda request: httpx.RemoteProtocolError("peer closed the connection", request=request),
    lambda request: httpx.ReadError("", request=request),
    lambda request: httpx.LocalProtocolError(f"Illegal header value {dict(request.headers)!r}", request=request),
)


@dataclass(frozen=True)
class Reply:
    """One answer; `failure` says which breakdown comes instead."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    failure: int | None = None

    def to(self, request: httpx.Request) -> httpx.Response:
        """As httpx has it from the wire. Raises what httpx raises where the connection breaks."""
        if self.failure is not None:
            raise _FAILURES[self.failure](request)
        headers = [(name.encode(), text.encode("latin-1", "replace")) for name, text in self.headers]
        return httpx.Response(self.status, headers=headers, stream=httpx.ByteStream(self.body), request=request)


def reply(rng: Random, likely: Sequence[Any], known: Sequence[str]) -> Reply:
    """A likely body with changes, any status, odd headers; now and then an error that repeats a secret it was sent."""
    if rng.random() < 0.05:
        return Reply(failure=rng.randrange(len(_FAILURES)))
    body: Any = rng.choice(likely)
    if rng.random() < 0.7:
        body = values.changed(rng, body)
    if rng.random() < 0.1:
        body = _echo(rng, known)
    headers = tuple((rng.choice(_HEADERS), rng.choice(_CONTENTS)) for _ in range(rng.choice((0, 0, 1, 2))))
    return Reply(rng.choice(_STATUSES), headers, values.written(rng, body))


def _echo(rng: Random, known: Sequence[str]) -> Any:
    """Some servers tell in their error what they were given."""
    said = f"the header or field {rng.choice(known)} is not known"
    return rng.choice(
        (
            {"details": said},
            {"message": said},
            {"title": said, "detail": said, "errors": [{"property": said, "message": said, "code": said}]},
            [{"line": 1, "field": said, "message": said}],
        )
    )


class Played(httpx.AsyncBaseTransport):
    """Answers with these replies, one after the other, and then with the last one; else as `otherwise` says."""

    def __init__(
        self, replies: Sequence[Reply], otherwise: Callable[[httpx.Request, Reply], Reply] | None = None
    ) -> None:
        self._replies = list(replies)
        self._otherwise = otherwise
        self.calls = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        played = self._replies[min(self.calls, len(self._replies) - 1)]
        self.calls += 1
        return (self._otherwise(request, played) if self._otherwise else played).to(request)
