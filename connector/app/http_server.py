"""An HTTP server inside our own event loop, ended by us and not by signals."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

from connector.errors import Unavailable


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the process, which has more to end than HTTP."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing to capture."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises `Unavailable` in one sentence."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise Unavailable(
            f"{host}:{port} cannot be listened on ({(error.strerror or str(error)).partition(' (while')[0]}): another "
            "program may have it; name another one (PAYLAYER_HTTP_HOST, PAYLAYER_HTTP_PORT; --port of a sandbox)"
        ) from error


@contextlib.asynccontextmanager
async def serving(
    application: Any,  # noqa: ANN401 - any ASGI application
    listener: socket.socket,
    *,
    dates: bool = True,
    trusted_proxies: str = "",
) -> AsyncIterator[asyncio.Task[None]]:
    """Serve until the block ends; gives the task, which ends by itself only when something is wrong.

    `dates` False: the application sends the header `Date` itself. Whose `X-Forwarded-For` and `-Proto` are believed say
    the `trusted_proxies`, addresses and networks separated by commas; none named, none believed.
    """
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
        backlog=2048,
        date_header=dates,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies or None,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name=f"http:{listener.getsockname()[1]}")
    try:
        yield task
    finally:
        server.should_exit = True
        await asyncio.wait([task], timeout=5)
        listener.close()
