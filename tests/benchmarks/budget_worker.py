"""One process of the `budget` benchmark: callers of several stores. The job comes as JSON on stdin."""

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiolimiter import AsyncLimiter
from pydantic import SecretStr

from connector.budget.shared import SharedBudget
from connector.clock import SystemClock
from connector.errors import PayLayerError
from connector.ports import CallBudget, Priority, Ticket
from connector.sparkpay.client import SparkPayClient
from connector.state.budgets import BudgetRows, Stored
from connector.state.database import Database

PERIOD = 10.0
TOKEN = "bench"
Result = TypeVar("Result")

# Who calls, by role: callers that always have more to do, and the mean seconds between calls that come by themselves.
BACKLOG = {"sync": {Priority.SYNC: 8}, "apply": {Priority.SYNC: 4}, "command": {}, "all": {Priority.SYNC: 12}}
NOW_AND_THEN = {
    "sync": {},
    "apply": {Priority.LIVE: 0.5},
    "command": {Priority.INTERACTIVE: 1.0},
    "all": {Priority.LIVE: 0.5, Priority.INTERACTIVE: 1.0},
}  # in windows


@dataclass
class Rows:
    """Counts and times the transactions."""

    rows: BudgetRows
    changes: int = 0
    reads: int = 0
    seconds: float = 0.0

    async def change(
        self, store: str, change: Callable[[Stored | None, float], tuple[Stored, Result]]
    ) -> tuple[Result, float]:
        began = time.perf_counter()
        done = await self.rows.change(store, change)
        self.changes, self.seconds = self.changes + 1, self.seconds + time.perf_counter() - began
        return done

    async def read(self, store: str) -> tuple[Stored | None, float]:
        began = time.perf_counter()
        done = await self.rows.read(store)
        self.reads, self.seconds = self.reads + 1, self.seconds + time.perf_counter() - began
        return done


class Limiter:
    """`aiolimiter` as a budget: a rate of this process, a pause after a 429, nothing else."""

    def __init__(self, limit: float) -> None:
        self._limiter = AsyncLimiter(limit, PERIOD)
        self._until = 0.0

    @asynccontextmanager
    async def call(self, priority: Priority) -> AsyncIterator[Ticket]:
        del priority  # it knows none
        await self._limiter.acquire()
        while (wait := self._until - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        yield self

    def answered(self, used: int | None, limit: int | None) -> None:
        """It does not listen."""

    def throttled(self, retry_after: float) -> None:
        self._until = time.monotonic() + retry_after


@dataclass
class Counts:
    """What this process did at one store."""

    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[str] = field(default_factory=Counter)
    refused_at: float | None = None
    recovery: float = 0.0  # the longest time from a 429 to the next call that was taken

    def on_call(self, _method: str, _route: str, status: int | None, _seconds: float) -> None:
        now = time.monotonic()
        self.statuses[str(status)] += 1
        if status == 429:
            self.refused_at = self.refused_at or now
        elif self.refused_at is not None:
            self.recovery, self.refused_at = max(self.recovery, now - self.refused_at), None


@dataclass
class Timed:
    """A budget that notes how long each call waited."""

    budget: CallBudget
    counts: Counts

    def call(self, priority: Priority) -> AbstractAsyncContextManager[Ticket]:
        return self._call(priority)

    @asynccontextmanager
    async def _call(self, priority: Priority) -> AsyncIterator[Ticket]:
        asked = time.monotonic()
        async with self.budget.call(priority) as ticket:
            self.counts.waits[priority.name].append(round(time.monotonic() - asked, 2))
            yield ticket


async def _work(url: str, budget: CallBudget, counts: Counts, role: str, seconds: float) -> None:
    rng = random.Random(url + role)
    until = time.monotonic() + seconds
    async with SparkPayClient(
        url,
        SecretStr(TOKEN),
        budget=Timed(budget, counts),
        transport=None,
        clock=SystemClock(),
        on_call=counts.on_call,
    ) as client:

        async def call(priority: Priority) -> None:
            with contextlib.suppress(PayLayerError):
                await client.get("products", 1, priority=priority)

        async def backlog(priority: Priority) -> None:
            while time.monotonic() < until:
                await call(priority)

        async def now_and_then(priority: Priority, windows: float) -> None:
            while time.monotonic() < until:
                await asyncio.sleep(rng.expovariate(1 / (windows * PERIOD)))
                await call(priority)

        callers = [backlog(priority) for priority, number in BACKLOG[role].items() for _ in range(number)]
        callers += [now_and_then(priority, windows) for priority, windows in NOW_AND_THEN[role].items()]
        tasks = [asyncio.create_task(caller) for caller in callers]
        await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def run(job: Mapping[str, Any]) -> dict[str, Any]:
    """Call every store of the job in the job's role."""
    database = None if job["database"] is None else await Database.open(job["database"], create=True)
    rows = None if database is None else Rows(BudgetRows(database, SystemClock()))
    counts = {store["url"]: Counts() for store in job["stores"]}
    budgets: list[SharedBudget] = []
    try:
        async with asyncio.TaskGroup() as group:
            for store in job["stores"]:
                budget: CallBudget = Limiter(store["limit"] * job["share"])
                if rows is not None:
                    budget = SharedBudget(rows, store["url"], SystemClock(), store["limit"], PERIOD)
                    budgets.append(budget)
                group.create_task(_work(store["url"], budget, counts[store["url"]], job["role"], job["seconds"]))
        for shared in budgets:
            await shared.close()
    finally:
        if database is not None:
            await database.close()
    return {
        "changes": 0 if rows is None else rows.changes,
        "reads": 0 if rows is None else rows.reads,
        "seconds": 0.0 if rows is None else rows.seconds,
        "stores": {
            url: {"waits": found.waits, "statuses": found.statuses, "recovery": found.recovery}
            for url, found in counts.items()
        },
    }


if __name__ == "__main__":
    json.dump(asyncio.run(run(json.load(sys.stdin))), sys.stdout)
