"""The store's side of `webhooks` as a process of its own: edits products and sends a webhook of each edit.

The job comes as JSON on stdin. Sending does not wait for answers: a webhook goes out when its moment has come, on a
kept connection that is free or on a new one. What came of it goes to stdout as JSON.
"""

import asyncio
import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit

_EDIT_SECONDS = 0.1
_LONGEST = 30.0

_KEPT_SECONDS = 2.0  # servers close what is idle for long

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Lines:
    """Kept connections to one address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._free: list[tuple[float, Line]] = []
        self.opened = 0

    async def post(self, path: str, body: bytes) -> tuple[int, float]:
        """Status, 0 where there was none, and the seconds until it."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(_LONGEST):
                line = self._kept() or await self._open()
                head = f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
                line[1].write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                status = int((await line[0].readline()).split()[1])
                length = 0
                while (header := (await line[0].readline()).strip()) != b"":
                    name, _, value = header.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                await line[0].readexactly(length)
        except (OSError, IndexError, ValueError, EOFError, TimeoutError):
            return 0, time.perf_counter() - began
        self._free.append((time.monotonic(), line))
        return status, time.perf_counter() - began

    def _kept(self) -> Line | None:
        since, line = self._free.pop() if self._free else (0.0, None)
        if line is not None and time.monotonic() > since + _KEPT_SECONDS:
            line[1].close()
            return None
        return line

    async def _open(self) -> Line:
        self.opened += 1
        return await asyncio.open_connection(self._host, self._port)

    async def close(self) -> None:
        for _, (_, writer) in self._free:
            writer.close()


async def send(job: dict[str, Any]) -> dict[str, Any]:
    """Edit, then tell: `rate` a second for `seconds`, each of the next product."""
    service, desk = Lines(job["address"]), Lines(job["desk"])
    products, kinds, rate = job["products"], job["kinds"], job["rate"]
    total, first = int(rate * job["seconds"]), int(job["first"])
    answers: list[tuple[int, float]] = []
    sent: dict[int, tuple[int, float]] = {}
    told_late = 0.0
    tasks: set[asyncio.Task[None]] = set()

    async def tell(number: int, product: int) -> None:
        body = json.dumps({"product": {"id": product, "item_name": f"Bench {number}"}}).encode()
        sent[first + number] = (product, time.time())
        answers.append(await service.post(job["path"], body))

    began = time.perf_counter()
    edited = 0
    for number in range(total):
        if number >= edited:
            edited = min(total, number + max(1, int(rate * _EDIT_SECONDS)))
            edits = [[products[n % len(products)], first + n, kinds[n % len(kinds)]] for n in range(number, edited)]
            status, _ = await desk.post("/edits", json.dumps(edits).encode())
            if status != 200:
                raise SystemExit("the store could not be edited")
        wait = began + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        told_late = max(told_late, -wait)
        task = asyncio.create_task(tell(number, products[number % len(products)]))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if tasks:
        await asyncio.wait(tasks)
    seconds = time.perf_counter() - began
    await service.close()
    await desk.close()
    return {"answers": answers, "sent": sent, "late": told_late, "lines": service.opened, "seconds": seconds}


if __name__ == "__main__":
    json.dump(asyncio.run(send(json.load(sys.stdin))), sys.stdout)
