"""A site that is read and never written to: writes are noted, and answered as if they had been taken."""

import re
from typing import Any

import httpx

from connector.rehearsal import Rehearsal
from connector.sparklayer import endpoint
from connector.sparklayer.endpoint import SIDE, Endpoint
from connector.sparklayer.wire import decode, encode

NEW_ID = "(new)"
"""Stands for the id that SparkLayer would give."""

_READS = [
    (found.method, re.compile("/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in _parts)))
    for found in vars(endpoint).values()
    if isinstance(found, Endpoint) and not found.writes
    for _parts in [found.template.split("/")]
]


class RehearsalTransport(httpx.AsyncBaseTransport):
    """Lets through what the table of endpoints calls a read, and nothing else."""

    def __init__(self, inner: httpx.AsyncBaseTransport, rehearsal: Rehearsal) -> None:
        self._inner = inner
        self._rehearsal = rehearsal

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises what the network raises, for reads."""
        path = request.url.raw_path.decode("ascii").partition("?")[0]
        if any(request.method == method and template.fullmatch(path) for method, template in _READS):
            return await self._inner.handle_async_request(request)
        content = await request.aread()
        body = decode(content) if content else None
        self._rehearsal.note(SIDE, request.method, path, body)
        return httpx.Response(200, content=encode(_answer(body)), headers={"Content-Type": "application/json"})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _answer(body: Any) -> Any:  # noqa: ANN401 - JSON
    """An object is answered as it was sent, with an id; a bulk call with an empty list of complaints."""
    return {"id": NEW_ID, **body} if isinstance(body, dict) else []
