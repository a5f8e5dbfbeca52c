"""The last look before a call leaves, over a real socket."""

import asyncio

import httpx
import pytest

from connector.clock import SystemClock
from connector.errors import Withheld
from connector.permit import CallPermit
from connector.sparklayer import Credentials, SparkLayerClient
from connector.sparklayer.gate import CallGate, GatePolicy


async def test_a_call_whose_right_is_lost_while_it_connects_sends_no_byte() -> None:
    held, heard, connected, served = [True], [b""], [0], asyncio.Semaphore(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected[0] += 1
        if connected[0] == 1:  # the token
            await reader.readuntil(b"\r\n\r\n")
            body = b'{"access_token":"t","expires_in":3600}'
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
        else:
            heard[0] += await reader.read(1)
        writer.close()
        await writer.wait_closed()
        served.release()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    class Slow(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "token" not in request.url.path:
                held[0] = False  # frozen on the way to a connection
            return await super().handle_async_request(request)

    clock = SystemClock()
    async with (
        server,
        SparkLayerClient(
            f"http://127.0.0.1:{port}", "site", Credentials("id", "secret"),
            clock=clock, gate=CallGate(GatePolicy(), clock), transport=Slow(), permit=CallPermit(lambda: held[0]),
        ) as client,
    ):  # fmt: skip
        with pytest.raises(Withheld):
            await client.stock.update([{"sku": "A"}])
        await served.acquire()
        await served.acquire()
    assert heard == [b""]
