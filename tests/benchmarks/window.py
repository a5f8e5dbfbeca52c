"""How much of a store's rate window is used under backlog, and how many calls are refused."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from pydantic import SecretStr

from connector.app.http_server import listen, serving
from connector.budget.shared import SharedBudget
from connector.clock import SystemClock
from connector.demo.stage import utc_now
from connector.ports import Priority
from connector.sandbox import sparkpay as pay
from connector.sparkpay.client import SparkPayClient
from connector.state.budgets import BudgetRows
from connector.state.database import Database
from tests.benchmarks.figures import Figure, at_least, at_most

CALLERS = 8
PERIOD = 10.0


@contextlib.asynccontextmanager
async def _store(limit: int, rng: random.Random) -> AsyncIterator[str]:
    store = pay.SparkPayStore(clock=utc_now, seed=2)
    pay.fill_catalogue(store, pay.CatalogueShape(products=10, skus_at_least=10), 2)
    policy = pay.SandboxPolicy(
        token="bench", limit=limit, window_seconds=PERIOD, window_phase=rng.uniform(0, PERIOD), latency_ms=100
    )
    listener = listen("127.0.0.1", 0)
    async with serving(pay.create_app(store, policy), listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def measure(folder: Path, limit: int, seconds: float, seed: int) -> list[Figure]:
    """From a cold start: the first window counts from the first call on."""
    rng = random.Random(seed)
    clock = SystemClock()
    async with _store(limit, rng) as url:
        database = await Database.open(f"sqlite:///{folder / f'budget-{limit}-{seed}.sqlite3'}", create=True)
        try:
            budget = SharedBudget(BudgetRows(database), url, clock=clock, limit=limit, period=PERIOD)
            async with SparkPayClient(
                url, SecretStr("bench"), budget=budget, transport=None, clock=clock, on_call=lambda *_: None
            ) as client:
                began = time.monotonic()

                async def caller() -> None:
                    while time.monotonic() - began < seconds:
                        await client.get("products", 1, priority=Priority.SYNC)

                await asyncio.gather(*(caller() for _ in range(CALLERS)))
            async with httpx.AsyncClient(base_url=url) as sandbox:
                stats = (await sandbox.get("/_sandbox/stats")).json()
        finally:
            await database.close()
    whole = stats["windows"][1:-1]  # the first and the last are cut off by start and end
    used = sum(window["used"] for window in whole) / (limit * len(whole)) if whole else 0.0
    most = max((window["used"] for window in stats["windows"]), default=0)
    return [
        at_least("window", f"{limit} per {PERIOD:g} s: used of {len(whole)} whole windows", used * 100, "%", 95),
        at_most("window", f"{limit} per {PERIOD:g} s: refused with 429", stats["refused_429"], "calls", 0),
        at_most("window", f"{limit} per {PERIOD:g} s: most calls in one window", most, "calls", limit),
    ]
