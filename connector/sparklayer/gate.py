"""The gate of one site: everybody who calls it passes here, whatever the call is for."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiolimiter import AsyncLimiter

from connector.clock import Clock
from connector.sparklayer.gate_policy import Backoff, Concurrency, GatePolicy, LatencyWatch

__all__ = ["CallGate", "GatePolicy", "Pass"]


class Pass:
    """One call under way; tell it how the call ended, or nothing if it was given up."""

    def __init__(self, gate: "CallGate", route: str, epoch: int) -> None:
        self._gate = gate
        self._route = route
        self._epoch = epoch

    def answered(self, seconds: float) -> None:
        """Report any answer but 429 and 5xx."""
        self._gate.note_answer(self._route, seconds, self._epoch)

    def throttled(self, retry_after: float | None) -> None:
        """Report a 429; nobody calls the site before the wait is over."""
        self._gate.note_throttle(retry_after, self._epoch)

    def timed_out(self) -> None:
        """Report that no answer came in time."""
        self._gate.note_time_out(self._epoch)


class CallGate:
    """Bounded concurrency that adapts, one hold for all after a 429, and an optional steady rate.

    Callers pass in the order in which they came. Time comes from the injected clock, except for the steady rate
    (`max_rps`), which aiolimiter keeps by the event loop's own time.
    """

    def __init__(self, policy: GatePolicy, clock: Clock) -> None:
        self._clock = clock
        self._concurrency = Concurrency(policy)
        self._latency = LatencyWatch(policy)
        self._backoff = Backoff(policy)
        self._steady = AsyncLimiter(1, 1 / policy.max_rps) if policy.max_rps is not None else None
        self._queue: deque[asyncio.Future[None]] = deque()
        self._held_until = clock.monotonic()
        self.under_way = 0

    @property
    def limit(self) -> int:
        """Calls that may be under way at once now."""
        return self._concurrency.limit

    @property
    def hold_left(self) -> float:
        """Seconds until anybody may call again; 0 when open."""
        return max(0.0, self._held_until - self._clock.monotonic())

    @asynccontextmanager
    async def enter(self, route: str) -> AsyncIterator[Pass]:
        """Wait for a turn and hold it for the length of the block."""
        await self._take()
        try:
            await self.wait_until_open()
            yield Pass(self, route, self._concurrency.epoch)
        finally:
            self.under_way -= 1
            self._wake()

    async def wait_until_open(self) -> None:
        """Wait out a hold and the steady rate, without taking a place: for token calls, which others wait for."""
        while (left := self.hold_left) > 0:
            await self._clock.sleep(left)
        if self._steady is not None:
            await self._steady.acquire()

    def note_answer(self, route: str, seconds: float, epoch: int) -> None:
        """Count an answer in time, or cut the limit if the route has become slow."""
        self._backoff.reset()
        if self._latency.doubled(route, seconds):
            self._concurrency.trouble(epoch)
        else:
            self._concurrency.good()
        self._wake()

    def note_throttle(self, retry_after: float | None, epoch: int | None = None) -> None:
        """Close the gate after a 429; a later answer never shortens the hold."""
        until = self._clock.monotonic() + self._backoff.hold(retry_after)
        self._held_until = max(self._held_until, until)
        self._concurrency.trouble(self._concurrency.epoch if epoch is None else epoch)

    def note_time_out(self, epoch: int) -> None:
        """Cut the limit."""
        self._concurrency.trouble(epoch)

    async def _take(self) -> None:
        if self.under_way < self.limit and not self._queue:
            self.under_way += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn came in the same moment: pass it on
                self.under_way -= 1
                self._wake()
            raise

    def _wake(self) -> None:
        while self._queue and self.under_way < self.limit:
            turn = self._queue.popleft()
            if not turn.cancelled():
                self.under_way += 1
                turn.set_result(None)
