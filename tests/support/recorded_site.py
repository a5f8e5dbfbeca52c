"""A SparkLayer sandbox in this process, behind real HTTP, that keeps the body of every write that it took."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connector.app.http_server import listen, serving
from connector.demo.stage import utc_now
from connector.sandbox import sparklayer as layer
from tests.acceptance.system import SECRET

_WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Write:
    """One write that was answered with success; `at` is monotonic."""

    at: float
    method: str
    path: str
    body: Any


@dataclass
class RecordedSite:
    """What was written, in the order in which the site applied it."""

    port: int = 0
    writes: list[Write] = field(default_factory=list)

    def app(self, inner: Any) -> Any:
        async def recording(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["method"] not in _WRITES or "/_sandbox/" in scope["path"]:
                await inner(scope, receive, send)
                return
            body = b""
            status = 0

            async def heard() -> Any:
                nonlocal body
                message = await receive()
                body += message.get("body", b"")
                return message

            async def answered(message: Any) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    if status < 300 and "auth" not in scope["path"]:
                        content = json.loads(body) if body else None
                        self.writes.append(Write(time.monotonic(), scope["method"], scope["path"], content))
                await send(message)

            await inner(scope, heard, answered)

        return recording


@contextmanager
def recorded_site(*, latency_ms: int = 0) -> Iterator[RecordedSite]:
    """A site called acme-tools with the keys that `System` uses."""
    site = RecordedSite()
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        policy = layer.SitePolicy(site_id="acme-tools", client_id="client", client_secret=SECRET, latency_ms=latency_ms)
        app = layer.create_app(layer.SparkLayerSite(clock=utc_now), policy)
        socket = listen("127.0.0.1", 0)
        site.port = socket.getsockname()[1]
        async with serving(site.app(app), socket):
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="recorded-site")
    thread.start()
    try:
        assert ready.wait(30)
        yield site
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(30)
        loop.close()
