"""One store's call budget for all tasks of this process, and through the stored window for all processes."""

import asyncio
import itertools
import logging
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from connector.budget.policy import Window
from connector.budget.reserve import Reserve
from connector.budget.shared_time import SharedTime
from connector.budget.turns import Claim, Turns
from connector.clock import Clock
from connector.errors import PayLayerError, Unavailable
from connector.ports import Priority, Ticket

Result = TypeVar("Result")

_log = logging.getLogger("paylayer.budget")

_LOOK_AGAIN = 1.0  # seconds: how long at most the news of other processes are missed
_LOOK_URGENTLY = 0.25  # while somebody interactive waits
_ANNOUNCED = 5.0  # seconds for which the others believe that we wait; so long a killed process holds them up
_ANNOUNCE_AGAIN = 2.5
_FRESH = 2.0  # seconds: a call that was let go longer ago did not leave in time, because the process stood still
_SLOW = 4.0  # seconds after which a call that is still out is told of, again and again
_GATHERED = 0.05  # seconds that a reply may wait for a call that leaves next: one transaction for both
_PATIENCE = 30.0  # seconds without the store of windows after which those who wait get its error
_RETRY = (0.25, 5.0)  # seconds between two tries to reach it, the first and the longest


class BudgetStore(Protocol):
    """Where windows are kept; `connector.state.budgets.BudgetRows` in the service.

    It also tells the time (seconds since the epoch): one clock for all processes, whatever their own ones say.
    """

    async def change(
        self, store: str, change: Callable[[Mapping[str, Any] | None, float], tuple[Mapping[str, Any], Result]]
    ) -> tuple[Result, float]:
        """Read, change and write while nobody else can; the result and the time. `change` may run again."""
        ...

    async def read(self, store: str) -> tuple[Mapping[str, Any] | None, float]:
        """What was written last, and the time."""
        ...


class Snapshot(NamedTuple):
    """For people: calls used in the window as far as known, and until when the store wants no calls at all."""

    used: int
    limit: int
    window_seconds: float
    held_until: datetime | None


@dataclass(frozen=True, slots=True)
class _Grant:
    call: str
    at: float  # monotonic


@dataclass(order=True, slots=True)
class _Waiter:
    priority: Priority
    order: int
    since: float = field(compare=False)  # monotonic
    granted: asyncio.Future[_Grant] = field(compare=False)


Granted = dict[str, _Waiter]  # by the name of the call


@dataclass(frozen=True, slots=True)
class _News:
    """What became of a call. Times are of this process's monotonic clock."""

    call: str
    at: float
    used: int | None = None
    limit: int | None = None
    retry_after: float | None = None
    made: bool = True
    over: bool = True

    def tell(self, window: Window, at: float) -> None:
        if not self.made:
            window.give_back(self.call)
        elif not self.over:
            window.still_out(self.call, at)
        elif self.retry_after is None:
            window.reply(self.call, at, self.used, self.limit)
        else:
            window.throttled(self.call, at, self.retry_after, self.limit)


class SharedBudget:
    """Implements `connector.ports.CallBudget`.

    Waiters stand in one queue over all processes: the most urgent first, then the oldest; once in a period the one
    who has waited for too long. Whether one may leave is decided on the stored window, one process at a time. Replies
    are written with the next decision, at the latest at once. While the store of windows cannot be reached nobody
    leaves: no call is made without being counted. Who waits for more than 30 seconds then gets an `Unavailable`.
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
        self._name = uuid.uuid4().hex[:12]  # of this budget among those of other processes
        self._time = SharedTime()
        self._waiters: list[_Waiter] = []
        self._order = itertools.count()
        self._news: list[_News] = []
        self._out: dict[str, float] = {}  # calls without a reply, and when (monotonic) was told of them last
        self._announced_at: float | None = None
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()  # there is more than replies that can wait a moment
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def call(self, priority: Priority) -> AbstractAsyncContextManager[Ticket]:
        """Wait for a free call; leaving the block counts it as answered now, whatever happened."""
        return self._call(priority)

    async def snapshot(self) -> Snapshot:
        """What is known of the window, of all processes together."""
        stored, now = await self._rows.read(self._store)
        used, limit, period, held = self._load(stored, now).snapshot(now)
        return Snapshot(used, limit, period, None if held is None else datetime.fromtimestamp(held, UTC))

    async def close(self) -> None:
        """Write what is not written yet. Who still waits is cancelled."""
        self._closing.set()
        self._out.clear()
        for waiter in self._waiters:
            waiter.granted.cancel()
        self._waiters.clear()
        if self._announced_at is not None:
            self._wake()
        self._changed.set()
        self._urgent.set()
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
        order, since = next(self._order), self._clock.monotonic()
        while True:
            waiter = _Waiter(priority, order, since, asyncio.get_running_loop().create_future())
            self._waiters.append(waiter)
            self._urgent.set()
            self._wake()
            try:
                grant = await waiter.granted
            except asyncio.CancelledError:
                if waiter.granted.done() and not waiter.granted.cancelled() and waiter.granted.exception() is None:
                    self._unused(waiter.granted.result())  # granted in the very tick in which we were cancelled
                else:
                    waiter.granted.cancel()
                    self._wake()
                raise
            if self._clock.monotonic() - grant.at <= _FRESH:
                return grant.call
            self._unused(grant)

    def _unused(self, grant: _Grant) -> None:
        self._tell(_News(grant.call, grant.at, made=False))

    def _tell(self, news: _News) -> None:
        self._out.pop(news.call, None)
        self._news.append(news)
        if news.retry_after is not None:
            self._urgent.set()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._serve(), name=f"budget of {self._store}")

    async def _serve(self) -> None:
        """Runs while there is somebody waiting or something to write."""
        failures, failing_since = 0, 0.0
        while self._waiters or self._news or self._out or self._announced_at is not None:
            if self._news and not self._waiters and not self._closing.is_set():
                await self._pause(_GATHERED, self._urgent)
            self._urgent.clear()
            slow = self._tell_of_slow_calls()
            changed = self._changed.is_set() or slow
            self._changed.clear()
            try:
                if not self._waiters and not self._news and self._announced_at is None:
                    delay = 0.0  # only calls that are out
                elif changed or failures:
                    delay = await self._decide()
                else:
                    delay = await self._look() or await self._decide()
            except Exception as error:  # noqa: BLE001 (whatever it is, nobody may leave, and those who wait must know)
                failures += 1
                failing_since = failing_since if failures > 1 else self._clock.monotonic()
                await self._without_the_store(error, failures, failing_since)
                if self._closing.is_set():
                    return
                continue
            if failures:
                _log.warning("the call budget of %s is back after %d failures: calls go on", self._store, failures)
                failures = 0
            if self._waiters and not self._changed.is_set():
                urgent = min(self._waiters).priority == Priority.INTERACTIVE
                await self._pause(min(delay, _LOOK_URGENTLY if urgent else _LOOK_AGAIN), self._changed)
            elif self._out and not self._closing.is_set():
                await self._pause(_SLOW / 4, self._changed)

    def _tell_of_slow_calls(self) -> bool:
        """A reply that is late does not make its call a lost one, as long as this process lives."""
        now = self._clock.monotonic()
        slow = [call for call, told in self._out.items() if now - told >= _SLOW]
        for call in slow:
            self._out[call] = now
            self._news.append(_News(call, now, over=False))
        return bool(slow)

    async def _without_the_store(self, error: Exception, failures: int, since: float) -> None:
        """Wait before the next try. Whoever has waited for too long hears why."""
        if failures == 1:
            _log.error(
                "the call budget of %s cannot be reached, so no call leaves until it is back: %s: %s",
                self._store, type(error).__name__, error,
            )  # fmt: skip
        now = self._clock.monotonic()
        told = error
        if not isinstance(error, PayLayerError):
            told = Unavailable(f"the call budget of {self._store} cannot be reached: {type(error).__name__}: {error}")
            told.__cause__ = error
        for waiter in self._waiters:
            if not waiter.granted.done() and now - max(since, waiter.since) >= _PATIENCE:
                waiter.granted.set_exception(told)
        self._waiters = [waiter for waiter in self._waiters if not waiter.granted.done()]
        first, longest = _RETRY
        await self._pause(min(longest, first * 2 ** min(failures - 1, 10)), self._closing)

    async def _look(self) -> float:
        """Seconds until somebody may leave, by what is stored; 0 where there is something to write."""
        before = self._clock.monotonic()
        if self._announced_at is None or before - self._announced_at >= _ANNOUNCE_AGAIN:
            return 0.0
        stored, now = await self._rows.read(self._store)
        self._time.learn(before, now, self._clock.monotonic())
        granted, delay = self._let_go(self._load(stored, now), now, self._queue())
        return 0.0 if granted else max(delay, 0.001)

    async def _decide(self) -> float:
        """One transaction: write the news, let go whoever may. Returns the seconds until the next one may leave."""
        queue, news = self._queue(), self._news[:]
        before = self._clock.monotonic()

        def change(stored: Mapping[str, Any] | None, now: float) -> tuple[Mapping[str, Any], tuple[Granted, float]]:
            window = self._load(stored, now)
            for item in news:
                item.tell(window, min(now, self._time.at(item.at, now)))
            granted, delay = self._let_go(window, now, queue)
            left = [self._claim(waiter, now) for waiter in queue if waiter not in granted.values()]
            window.announce(self._name, left, now, _ANNOUNCED)
            return window.dump(), (granted, delay)

        (granted, delay), now = await self._rows.change(self._store, change)
        after = self._clock.monotonic()
        self._time.learn(before, now, after)
        self._announced_at = before if len(granted) < len(queue) else None
        del self._news[: len(news)]
        for call, waiter in granted.items():
            self._grant(_Grant(call, after), waiter)
        return delay

    def _queue(self) -> list[_Waiter]:
        self._waiters = [waiter for waiter in self._waiters if not waiter.granted.done()]
        return sorted(self._waiters)

    def _claim(self, waiter: _Waiter, now: float) -> Claim:
        return Claim(waiter.priority, min(now, self._time.at(waiter.since, now)))

    def _let_go(self, window: Window, now: float, queue: Sequence[_Waiter]) -> tuple[Granted, float]:
        """Who may leave now, and how long the next one waits."""
        others = window.claims_of_others(self._name, now)
        claims = [(self._claim(waiter, now), waiter) for waiter in queue]
        waiting = [*(claim for claim, _ in claims), *others]
        turns = Turns.among(waiting, now, window.period) if window.may_favour(now) else Turns()
        claims.sort(key=lambda one: turns.place(one[0]))
        granted: Granted = {}
        for claim, waiter in claims:
            delay = window.wait(now, claim.priority, turns.ahead_of(claim, others))
            if delay > 0:
                return granted, delay
            call = uuid.uuid4().hex[:12]
            window.leave(call, now)
            granted[call] = waiter
            if claim is turns.favoured:
                window.favour(now)
        return granted, 0.0

    def _grant(self, grant: _Grant, waiter: _Waiter) -> None:
        """To whom it was meant for, or else to the most urgent one who still waits."""
        taker = next((one for one in (waiter, *sorted(self._waiters)) if not one.granted.done()), None)
        if taker is None:
            self._unused(grant)
        else:
            self._out[grant.call] = grant.at
            taker.granted.set_result(grant)

    async def _pause(self, seconds: float, until: asyncio.Event) -> None:
        """Until time has passed or that has happened."""
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        happened = asyncio.ensure_future(until.wait())
        try:
            await asyncio.wait([sleeping, happened], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            happened.cancel()
            await asyncio.gather(sleeping, happened, return_exceptions=True)

    def _load(self, stored: Mapping[str, Any] | None, now: float) -> Window:
        return Window.load(stored, limit=self._limit, period=self._period, now=now, reserve=self._reserve)

    def _monotonic(self) -> float:
        return self._clock.monotonic()


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
        self._used, self._limit, self._at = used, limit, self._budget._monotonic()  # noqa: SLF001 (its own other half)

    def throttled(self, retry_after: float) -> None:
        """The reply was 429."""
        self._retry_after, self._at = retry_after, self._budget._monotonic()  # noqa: SLF001

    def close(self) -> None:
        """The call is over: written with the next decision."""
        at = self._budget._monotonic() if self._at is None else self._at  # noqa: SLF001
        self._budget._tell(_News(self._call, at, self._used, self._limit, self._retry_after))  # noqa: SLF001
