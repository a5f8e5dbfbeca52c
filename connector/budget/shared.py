"""One store's call budget for all tasks of this process, and through the stored window for all processes."""

import asyncio
import heapq
import itertools
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from connector.budget.policy import Reserve, Window
from connector.clock import Clock
from connector.ports import Priority, Ticket

Result = TypeVar("Result")

_LOOK_AGAIN = 1.0  # seconds: how long at most the news of other processes are missed


class BudgetStore(Protocol):
    """Where windows are kept; `connector.state.budgets.BudgetRows` in the service."""

    async def change(
        self, store: str, change: Callable[[Mapping[str, Any] | None], tuple[Mapping[str, Any], Result]]
    ) -> Result:
        """Read, change and write while nobody else can; `change` may run again."""
        ...

    async def read(self, store: str) -> Mapping[str, Any] | None:
        """What was written last."""
        ...


class Snapshot(NamedTuple):
    """For people: calls used in the window as far as known, and until when the store wants no calls at all."""

    used: int
    limit: int
    window_seconds: float
    held_until: datetime | None


@dataclass(order=True, slots=True)
class _Waiter:
    priority: Priority
    order: int
    granted: asyncio.Future[str] = field(compare=False)


class SharedBudget:
    """Implements `connector.ports.CallBudget`.

    Waiters of this process stand in one queue, the most urgent first; whether one may leave is decided on the stored
    window, one process at a time. Replies are written with the next decision, at the latest at once. When the store
    of windows cannot be reached, the waiters get its error: no call leaves without being counted.
    """

    def __init__(
        self, rows: BudgetStore, store: str, clock: Clock, limit: int, period: float, *, reserve: Reserve | None = None
    ) -> None:
        """`limit` calls per `period` seconds until the store itself says otherwise."""
        self._rows = rows
        self._store = store
        self._clock = clock
        self._limit = limit
        self._period = period
        self._reserve = reserve or Reserve()
        self._waiters: list[_Waiter] = []
        self._order = itertools.count()
        self._news: list[Callable[[Window], None]] = []
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def call(self, priority: Priority) -> AbstractAsyncContextManager[Ticket]:
        """Wait for a free call; leaving the block counts it as answered now, whatever happened."""
        return self._call(priority)

    async def snapshot(self) -> Snapshot:
        """What is known of the window, of all processes together."""
        now = self._now()
        window = self._load(await self._rows.read(self._store), now)
        used, limit, period, held = window.snapshot(now)
        return Snapshot(used, limit, period, None if held is None else datetime.fromtimestamp(held, UTC))

    async def close(self) -> None:
        """Write what is not written yet. Who still waits is cancelled."""
        for waiter in self._waiters:
            waiter.granted.cancel()
        self._waiters.clear()
        self._changed.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    @asynccontextmanager
    async def _call(self, priority: Priority) -> AsyncGenerator[Ticket, None]:
        ticket = _Ticket(self, await self._wait(priority))
        try:
            yield ticket
        finally:
            ticket.close()

    async def _wait(self, priority: Priority) -> str:
        waiter = _Waiter(priority, next(self._order), asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiters, waiter)
        self._wake()
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            if waiter.granted.done() and not waiter.granted.cancelled() and waiter.granted.exception() is None:
                self._unused(waiter.granted.result())  # granted in the very tick in which we were cancelled
            else:
                waiter.granted.cancel()
                self._wake()
            raise

    def _unused(self, call: str) -> None:
        self._tell(lambda window: window.give_back(call))

    def _tell(self, news: Callable[[Window], None]) -> None:
        self._news.append(news)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._serve(), name=f"budget of {self._store}")

    async def _serve(self) -> None:
        """Runs while there is somebody waiting or something to write."""
        while self._waiters or self._news:
            self._changed.clear()
            try:
                delay = await self._decide()
            except Exception as error:  # noqa: BLE001 (whatever it is, those who wait must hear of it)
                self._fail(error)
                return
            if self._waiters and not self._changed.is_set():
                await self._pause(min(delay, _LOOK_AGAIN))

    async def _decide(self) -> float:
        """One transaction: write the news, let go whoever may. Returns the seconds until the next one may leave."""
        self._waiters = [waiter for waiter in self._waiters if not waiter.granted.done()]
        heapq.heapify(self._waiters)
        waiting = sorted(self._waiters)
        news = self._news[:]

        def change(stored: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], tuple[list[str], float]]:
            now = self._now()
            window = self._load(stored, now)
            for tell in news:
                tell(window)
            granted: list[str] = []
            delay = 0.0
            for waiter in waiting:
                delay = window.wait(now, waiter.priority)
                if delay > 0:
                    break
                granted.append(uuid.uuid4().hex[:12])
                window.leave(granted[-1], now)
            return window.dump(), (granted, delay)

        granted, delay = await self._rows.change(self._store, change)
        del self._news[: len(news)]
        for call in granted:
            self._grant(call)
        return delay

    def _grant(self, call: str) -> None:
        """To the most urgent one who still waits; somebody more urgent may have come meanwhile."""
        while self._waiters:
            waiter = heapq.heappop(self._waiters)
            if not waiter.granted.done():
                waiter.granted.set_result(call)
                return
        self._unused(call)

    def _fail(self, error: Exception) -> None:
        for waiter in self._waiters:
            if not waiter.granted.done():
                waiter.granted.set_exception(error)
        self._waiters.clear()

    async def _pause(self, seconds: float) -> None:
        """Until time has passed or something changed."""
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait([sleeping, changed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            changed.cancel()
            await asyncio.gather(sleeping, changed, return_exceptions=True)

    def _load(self, stored: Mapping[str, Any] | None, now: float) -> Window:
        return Window.load(stored, limit=self._limit, period=self._period, now=now, reserve=self._reserve)

    def _now(self) -> float:
        return self._clock.now().timestamp()


class _Ticket:
    """One call that may leave now; what its reply says is written when the block ends."""

    def __init__(self, budget: SharedBudget, call: str) -> None:
        self._budget = budget
        self._call = call
        self._used: int | None = None
        self._limit: int | None = None
        self._retry_after: float | None = None
        self._at: float | None = None

    def answered(self, used: int | None, limit: int | None) -> None:
        """The reply's counter."""
        self._used, self._limit, self._at = used, limit, self._budget._now()  # noqa: SLF001 (its own other half)

    def throttled(self, retry_after: float) -> None:
        """The reply was 429."""
        self._retry_after, self._at = retry_after, self._budget._now()  # noqa: SLF001

    def close(self) -> None:
        """The call is over: written with the next decision."""
        call, used, limit, retry_after = self._call, self._used, self._limit, self._retry_after
        at = self._budget._now() if self._at is None else self._at  # noqa: SLF001

        def news(window: Window) -> None:
            if retry_after is None:
                window.reply(call, at, used, limit)
            else:
                window.throttled(call, at, retry_after, limit)

        self._budget._tell(news)  # noqa: SLF001
