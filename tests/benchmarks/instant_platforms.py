"""Both platforms of many connections in one small process: right in shape, instant, and without a memory of their own.

The sandboxes check every call, which costs more than the service that is measured. Here a store shows an empty
catalogue and a site takes whatever stock it is sent; what is counted is when each level came. Stores are told apart by
the first part of the path, as every connection has a base address of its own.
"""

import asyncio
import json
import sys
import time

ILL, REVOKED, SLOW = "ill", "revoked", "slow"
_EMPTY = b'{"total_count": 0, "rows": []}'
_SINGLE = {
    "stores": b'{"total_count": 1, "stores": [{"id": 1, "name": "bench", "domain_name": "bench.test"}]}',
    "settings": b'{"id": 1}',
    "token": b'{"access_token": "bench", "expires_in": 86400}',
    "stock-locations": b'[{"id": "1", "external_id": "default", "name": "Default"}]',
    "purchases": b"[]",
}
_SLOW_SECONDS = 0.1
_REFUSALS = {ILL: (500, b'{"details": "out of order"}'), REVOKED: (401, b'{"details": "The token has been revoked"}')}


class Calls:
    """What came in."""

    def __init__(self) -> None:
        self.applied: list[tuple[str, str, float, float]] = []
        self.count = 0


async def answer(calls: Calls, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    """Status and body of one call."""
    calls.count += 1
    connection, _, rest = path.lstrip("/").partition("/")
    if connection == "_applied":
        taken, calls.applied = calls.applied, []
        return 200, json.dumps({"calls": calls.count, "applied": taken}).encode()
    if connection in _REFUSALS:
        return _REFUSALS[connection]
    await asyncio.sleep(_SLOW_SECONDS if connection == SLOW else 0)
    if method == "POST" and rest.endswith("batch-update-stock"):
        now = time.time()
        calls.applied += [(connection, row["sku"], row["stock_level"], now) for row in json.loads(body)]
        return 204, b""
    return 200, _SINGLE.get(rest.partition("?")[0].rpartition("/")[2], _EMPTY)


class _Http(asyncio.Protocol):
    """As much of HTTP/1.1 as httpx speaks: one request after the other on a kept connection."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._received = b""
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            length = int(headers.get("content-length", 0))
            if len(self._received) < end + 4 + length:
                return
            body, self._received = self._received[end + 4 : end + 4 + length], self._received[end + 4 + length :]
            method, path, _ = lines[0].split(" ")
            task = asyncio.get_running_loop().create_task(self._serve(method, path, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, method: str, path: str, body: bytes) -> None:
        status, content = await answer(self._calls, method, path, body)
        head = (
            f"HTTP/1.1 {status} Some\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
            f"X-AC-Call-Limit: 1/1000\r\n\r\n"
        )
        self._transport.write(head.encode() + content)


async def _main() -> None:
    calls = Calls()
    server = await asyncio.get_running_loop().create_server(lambda: _Http(calls), "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
