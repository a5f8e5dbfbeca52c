"""Several processes on one store's budget: how much of each window is used, what is refused, who waits how long.

The stores are sandboxes in this process, each with its own plan and a window of random start; their own journal is the
judge. `aiolimiter` runs beside it on stores of its own: once divided among the processes, once whole in one process.
"""

import asyncio
import contextlib
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from connector.app.http_server import listen, serving
from connector.demo.stage import utc_now
from connector.sandbox import sparkpay as pay
from tests.benchmarks.budget_worker import PERIOD, TOKEN
from tests.benchmarks.figures import Figure, at_least, at_most, plain

NAME = "budget"
ROLES = ("sync", "apply", "command")
BURST_EVERY = 30.0  # seconds between two bursts of the other application


@dataclass
class Fleet:
    """One way to share a budget, on stores of its own."""

    label: str
    processes: int
    database: str | None = None  # none: aiolimiter
    foreign: bool = False
    stores: dict[str, int] = field(default_factory=dict)  # address to plan
    foreign_calls: Counter[str] = field(default_factory=Counter)
    foreign_refused: Counter[str] = field(default_factory=Counter)
    results: list[dict[str, Any]] = field(default_factory=list)

    async def run(self, seconds: float) -> None:
        share = 1.0 if self.database or self.processes == 1 else 1 / self.processes
        stores = [{"url": url, "limit": limit} for url, limit in self.stores.items()]
        jobs = [
            {"role": role, "database": self.database, "stores": stores, "seconds": seconds, "share": share}
            for role in roles(self.processes)
        ]
        callers = [asyncio.create_task(_other_application(self, url)) for url in self.stores if self.foreign]
        try:
            self.results = await asyncio.gather(*(_process(job) for job in jobs))
        finally:
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)


def roles(processes: int) -> list[str]:
    """What each process does; what is above three does more of the same."""
    return ["all"] if processes == 1 else [ROLES[number % len(ROLES)] for number in range(processes)]


async def _process(job: Mapping[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.budget_worker",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, _ = await process.communicate(json.dumps(job).encode())
    except BaseException:
        process.kill()
        raise
    if process.returncode:
        raise RuntimeError(f"a process of the benchmark ended with {process.returncode}")
    result: dict[str, Any] = json.loads(out)
    return result


async def _other_application(fleet: Fleet, url: str) -> None:
    """Uses a fifth of the window steadily, and now and then a burst of a third of it."""
    limit, rng = fleet.stores[url], random.Random(url)
    async with httpx.AsyncClient(base_url=url, headers={"X-AC-Auth-Token": TOKEN}, timeout=30) as client:

        async def call() -> None:
            try:
                reply = await client.get("/api/v1/products/1")
            except httpx.HTTPError:  # a connection that the server had closed
                return
            fleet.foreign_calls[url] += 1
            fleet.foreign_refused[url] += reply.status_code == httpx.codes.TOO_MANY_REQUESTS

        async def steadily() -> None:
            while True:
                await asyncio.sleep(rng.uniform(0.5, 1.5) * PERIOD / (limit * 0.2))
                await call()

        async def in_bursts() -> None:
            while True:
                await asyncio.sleep(rng.expovariate(1 / BURST_EVERY))
                await asyncio.gather(*(call() for _ in range(max(2, round(limit * 0.3)))))

        await asyncio.gather(steadily(), in_bursts())


@contextlib.asynccontextmanager
async def _store(limit: int, rng: random.Random) -> AsyncIterator[str]:
    store = pay.SparkPayStore(clock=utc_now, seed=2)
    pay.fill_catalogue(store, pay.CatalogueShape(products=10, skus_at_least=10), 2)
    policy = pay.SandboxPolicy(
        token=TOKEN,
        limit=limit,
        window_seconds=PERIOD,
        window_phase=rng.uniform(0, PERIOD),
        latency_ms=100,
    )
    listener = listen("127.0.0.1", 0)
    async with serving(pay.create_app(store, policy), listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def measure(
    folder: Path,
    plans: Sequence[int],
    seconds: float,
    processes: int,
    *,
    foreign: bool,
    postgres: str | None,
    compared: bool = True,
) -> list[Figure]:
    """From a cold start, all plans and all ways side by side."""
    rng = random.Random()
    fleets = [Fleet("shared, SQLite", processes, f"sqlite:///{folder / 'budget.sqlite3'}", foreign)]
    if postgres is not None:
        fleets.append(Fleet("shared, PostgreSQL", processes, postgres, foreign))
    if compared:
        fleets.append(Fleet(f"aiolimiter, divided by {processes}", processes, None, foreign))
        fleets.append(Fleet("aiolimiter, one process", 1, None, foreign))
    async with contextlib.AsyncExitStack() as stack:
        for fleet in fleets:
            for limit in plans:
                fleet.stores[await stack.enter_async_context(_store(limit, rng))] = limit
        await asyncio.gather(*(fleet.run(seconds) for fleet in fleets))
        figures: list[Figure] = []
        for fleet in fleets:
            for url in fleet.stores:
                async with httpx.AsyncClient(base_url=url) as sandbox:
                    figures += _figures(fleet, url, (await sandbox.get("/_sandbox/stats")).json())
            if fleet.database:
                figures += _round_trips(fleet)
        return figures


def _figures(fleet: Fleet, url: str, stats: Mapping[str, Any]) -> list[Figure]:
    limit, ours = fleet.stores[url], fleet.database is not None
    label = f"{fleet.label}{', another application' if fleet.foreign else ''}: {limit} per {PERIOD:g} s"
    whole = stats["windows"][1:-1]  # the first and the last are cut off by start and end
    shares = [window["used"] / limit for window in whole] or [0.0]
    refused = stats["refused_429"] - fleet.foreign_refused[url]
    found = [result["stores"][url] for result in fleet.results]
    calls = sum(sum(one["statuses"].values()) for one in found)
    waits: dict[str, list[float]] = defaultdict(list)
    for one in found:
        for priority, seconds in one["waits"].items():
            waits[priority] += seconds
    used, share = 100 * sum(shares) / len(shares), 100 * refused / max(1, calls)
    lines = [
        at_least(NAME, f"{label}: used of {len(whole)} whole windows", used, "%", 95)
        if ours and not fleet.foreign
        else plain(NAME, f"{label}: used of {len(whole)} whole windows, by all", used, "%"),
        plain(NAME, f"{label}: least used window", 100 * min(shares), "%"),
        plain(NAME, f"{label}: calls", calls, "calls"),
    ]
    if not ours:
        lines.append(plain(NAME, f"{label}: refused with 429", share, "% of calls"))
    elif fleet.foreign:
        lines.append(at_most(NAME, f"{label}: refused with 429", share, "% of calls", 0.5))
        lines.append(
            at_most(NAME, f"{label}: from a 429 to the next call", max(one["recovery"] for one in found), "s", 11)
        )
    else:
        lines.append(at_most(NAME, f"{label}: refused with 429", refused, "calls", 0))
    for priority, seconds in sorted(waits.items()):
        longest = f"{label}: longest wait, {priority.lower()}"
        if ours and priority == "INTERACTIVE":
            lines.append(at_most(NAME, longest, max(seconds), "s", 11))
        else:
            lines.append(plain(NAME, longest, max(seconds), "s"))
        lines.append(plain(NAME, f"{label}: mean wait, {priority.lower()}", sum(seconds) / len(seconds), "s"))
    if fleet.foreign:
        lines.append(plain(NAME, f"{label}: calls of the other application", fleet.foreign_calls[url], "calls"))
        lines.append(plain(NAME, f"{label}: of them refused", fleet.foreign_refused[url], "calls"))
    return lines


def _round_trips(fleet: Fleet) -> list[Figure]:
    calls = sum(sum(one["statuses"].values()) for result in fleet.results for one in result["stores"].values())
    label = f"{fleet.label}{', another application' if fleet.foreign else ''}"
    changes, reads = (sum(result[name] for result in fleet.results) for name in ("changes", "reads"))
    seconds = sum(result["seconds"] for result in fleet.results)
    return [
        plain(NAME, f"{label}: write transactions per call", changes / max(1, calls), ""),
        plain(NAME, f"{label}: reads per call", reads / max(1, calls), ""),
        plain(NAME, f"{label}: mean time of one", 1000 * seconds / max(1, changes + reads), "ms"),
    ]
