"""Several processes with one budget each, on virtual time, against a store that judges them."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from connector.budget import SharedBudget
from connector.errors import Unavailable
from connector.ports import Priority
from tests.support.stepping import VirtualClock
from tests.unit.budget.store import Store

Result = TypeVar("Result")


class Rows:
    """Windows in memory, with the time of `clock`; `down` makes them unreachable. Counts what is asked."""

    def __init__(self, clock: VirtualClock, seconds: float = 0.0) -> None:
        self.clock = clock
        self.seconds = seconds  # that an answer takes
        self.kept: dict[str, Mapping[str, Any]] = {}
        self.down = False
        self.changes = self.reads = self.failures = 0
        self._one_at_a_time = asyncio.Lock()

    async def change(
        self, store: str, change: Callable[[Mapping[str, Any] | None, float], tuple[Mapping[str, Any], Result]]
    ) -> tuple[Result, float]:
        async with self._one_at_a_time:
            await self._answer()
            self.changes += 1
            now = self.clock.now().timestamp()
            self.kept[store], result = change(self.kept.get(store), now)
            return result, now

    async def read(self, store: str) -> tuple[Mapping[str, Any] | None, float]:
        await self._answer()
        self.reads += 1
        return self.kept.get(store), self.clock.now().timestamp()

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.seconds:
            await self.clock.sleep(self.seconds)
        if self.down:
            self.failures += 1
            raise Unavailable("the database does not answer")


@dataclass
class OwnClock:
    """The clock of one process: its wall time is wrong by so much, its monotonic one began somewhere."""

    clock: VirtualClock
    wrong_by: float = 0.0
    began: float = 0.0

    def now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=self.wrong_by)

    def monotonic(self) -> float:
        return self.clock.monotonic() + self.began

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


@dataclass
class Process:
    """One process of the fleet: its budget, and the tasks that call the store through it."""

    budget: SharedBudget
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    rows: "Cut | None" = None


class Cut:
    """The way of one process to the rows; a process that was killed writes nothing any more."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.dead = False

    async def change(self, store: str, change: Any) -> Any:
        await self._alive()
        return await self.rows.change(store, change)

    async def read(self, store: str) -> Any:
        await self._alive()
        return await self.rows.read(store)

    async def _alive(self) -> None:
        if self.dead:
            await asyncio.Event().wait()


class Fleet:
    """`start` processes, then `run`; the store's own count says whether the limit was kept."""

    def __init__(self, limit: int, seed: int, *, latency: tuple[float, float] = (0.05, 0.3)) -> None:
        self.random = random.Random(seed)
        self.clock = VirtualClock()
        self.rows = Rows(self.clock, seconds=0.002)
        self.store = Store(limit, 10.0, self.random.uniform(0, 10))
        self.latency = latency
        self.counter = True
        self.processes: list[Process] = []
        self.waits: dict[Priority, list[float]] = defaultdict(list)
        self.left: list[tuple[float, Priority, int]] = []  # when, how urgent, which process
        self.foreign = 0
        self._tasks: list[asyncio.Task[None]] = []

    def now(self) -> float:
        return self.clock.now().timestamp()

    def start(self, *callers: Priority, configured: int | None = None, wrong_by: float = 0.0) -> Process:
        """A process whose callers always have more to do."""
        cut = Cut(self.rows)
        clock = OwnClock(self.clock, wrong_by, self.random.uniform(0, 1e6))
        budget = SharedBudget(cut, "shop", clock, configured or self.store.limit, 10.0)
        process = Process(budget, rows=cut)
        self.processes.append(process)
        for priority in callers:
            process.tasks.append(asyncio.create_task(self._busy(process, priority)))
        return process

    def now_and_then(self, process: Process, priority: Priority, every: float) -> None:
        """A caller who comes at random moments."""

        async def come() -> None:
            while True:
                await self.clock.sleep(self.random.expovariate(1 / every))
                await self.call(process, priority)

        process.tasks.append(asyncio.create_task(come()))

    def foreigner(self, *, steady: float = 0.0, burst: int = 0, burst_every: float = 30.0) -> None:
        """Another application: calls a second at even distances, and bursts at random moments."""

        async def steadily() -> None:
            while steady:
                await self.clock.sleep(self.random.uniform(0.5, 1.5) / steady)
                self._foreign_call()

        async def in_bursts() -> None:
            while burst:
                await self.clock.sleep(self.random.expovariate(1 / burst_every))
                for _ in range(burst):
                    self._foreign_call()
                    await self.clock.sleep(0.05)

        self._tasks += [asyncio.create_task(steadily()), asyncio.create_task(in_bursts())]

    def _foreign_call(self) -> None:
        self.foreign += 1
        self.store.arrive(self.now(), own=False)

    async def kill(self, process: Process) -> None:
        """As SIGKILL: nothing is written any more, no reply is read."""
        assert process.rows is not None
        process.rows.dead = True
        for task in process.tasks:
            task.cancel()
        await asyncio.gather(*process.tasks, return_exceptions=True)

    async def run(self, until: float) -> "Fleet":
        await self.clock.run_until(until)
        return self

    async def stop(self) -> None:
        for task in [*self._tasks, *(task for process in self.processes for task in process.tasks)]:
            task.cancel()
        await asyncio.gather(
            *self._tasks, *(task for process in self.processes for task in process.tasks), return_exceptions=True
        )
        self.rows.down = False
        for process in self.processes:
            if process.rows is not None and process.rows.dead:
                if process.budget._task is not None:
                    process.budget._task.cancel()
                continue
            closing = asyncio.create_task(process.budget.close())
            for _ in range(20):
                await self.clock.run_until(self.clock.monotonic() + 1)
                if closing.done():
                    break
            await closing

    async def _busy(self, process: Process, priority: Priority) -> None:
        while True:
            await self.call(process, priority)

    async def call(self, process: Process, priority: Priority) -> None:
        asked = self.clock.monotonic()
        try:
            async with process.budget.call(priority) as ticket:
                self.waits[priority].append(self.clock.monotonic() - asked)
                self.left.append((self.clock.monotonic(), priority, self.processes.index(process)))
                total = self.random.uniform(*self.latency)
                there = total * self.random.random()
                await self.clock.sleep(there)
                taken, used, end = self.store.arrive(self.now())
                ends_in = end - self.now()
                await self.clock.sleep(total - there)
                if not self.counter:
                    used = None
                ticket.answered(used, None if used is None else self.store.limit)
                if not taken:
                    ticket.throttled(max(0.5, ends_in - (total - there)) + self.random.random() * 0.5)
        except Unavailable:
            await self.clock.sleep(1)

    def share(self, since: float, until: float) -> float:
        """The part of the whole windows between two moments that was used, by whomever."""
        begin = self.now() - self.clock.monotonic()
        first, last = self.store.window(begin + since) + 1, self.store.window(begin + until) - 1
        used = sum(self.store.used[window] for window in range(first, last + 1))
        return used / ((last - first + 1) * self.store.limit)

    def calls(self) -> int:
        return len(self.store.arrivals)


@asynccontextmanager
async def fleet(limit: int, seed: int, *, latency: tuple[float, float] = (0.05, 0.3)) -> AsyncIterator[Fleet]:
    """A fleet that is stopped in the end."""
    made = Fleet(limit, seed, latency=latency)
    try:
        yield made
    finally:
        await made.stop()
