"""A clock that many tasks may sleep on: time jumps to the next sleeper when nobody has anything else to do."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta


class VirtualClock:
    """Implements `connector.clock.Clock`. `run_until` drives it; nothing sleeps for real."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + max(0.0, seconds), next(self._order), waiting))
        await waiting

    def advance(self, seconds: float) -> None:
        """Move the time; sleepers whose time has come wake."""
        self._elapsed += seconds
        self._wake()

    async def run_until(self, elapsed: float) -> None:
        """Let everything happen up to so many seconds after the start."""
        while True:
            await self._settle()
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if not self._sleepers or self._sleepers[0][0] > elapsed:
                self._elapsed = max(self._elapsed, elapsed)
                return
            self._elapsed = max(self._elapsed, self._sleepers[0][0])
            self._wake()

    def _wake(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            _, _, waiting = heapq.heappop(self._sleepers)
            if not waiting.done():
                waiting.set_result(None)

    async def _settle(self) -> None:
        """Give every task that can go on its turns."""
        for _ in range(30):
            await asyncio.sleep(0)
