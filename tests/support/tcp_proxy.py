"""A TCP proxy before a broker, which can swallow the answers or end every connection."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class TcpProxy:
    """While `deaf`, requests still reach the broker and its answers are lost.

    A broker tells its clients where it is; in its answers that is replaced by where the proxy is.
    """

    upstream: tuple[str, int]
    port: int = 0
    deaf: bool = False
    swallowed: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            their_reader, their_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, their_writer}
        for source, sink, answers in ((reader, their_writer, False), (their_reader, writer, True)):
            task = asyncio.create_task(self._pump(source, sink, answers=answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if answers and self.deaf:
                    self.swallowed += len(data)
                    continue
                sink.write(data.replace(self._place(self.upstream[1]), self._place(self.port)) if answers else data)
                await sink.drain()
        sink.close()

    def _place(self, port: int) -> bytes:
        return self.upstream[0].encode() + struct.pack(">i", port)

    def hang_up(self) -> None:
        """Every connection breaks."""
        for writer in self._writers:
            writer.transport.abort()

    async def aclose(self) -> None:
        self.hang_up()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)


@asynccontextmanager
async def tcp_proxy(upstream: str, port: int = 0) -> AsyncIterator[TcpProxy]:
    """A proxy on 127.0.0.1."""
    host, _, number = upstream.rpartition(":")
    proxy = TcpProxy((host, int(number)))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", port)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.aclose()
