"""What three bad connections do to all the others of one deployment: one revoked, one ill, one with a long backlog.

Two kinds of minutes take turns in one running deployment: with the bad ones active, and with them paused. The delay of
a level is from just before it is published to Kafka until the site of its connection has it.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from connector.app.core import Core, open_core
from connector.bus.publisher import Publisher
from connector.bus.topics import administration, create
from connector.ports import Priority
from connector.settings import ConnectionSettings, Settings
from connector.state.claims import Claim
from connector.state.connections import SparkLayerAccess, SparkPayAccess
from connector.state.inbox import Arrival
from contracts.entities import Stock, StockLevel
from contracts.events import Event, changed, encode
from contracts.topics import TopicNames, plan
from tests.acceptance.system import until
from tests.benchmarks.figures import Figure, at_most
from tests.benchmarks.instant_platforms import ILL, REVOKED, SLOW
from tests.support.ports import free_port

SIDE = "sparklayer"
BAD = (REVOKED, ILL, SLOW)
SKUS = 40
BACKLOG = 100_000
_CHUNK = 2000
_SETTLE_SECONDS = 3.0
_LONGEST_WARM_UP = 20  # looks of ten seconds


@dataclass(slots=True)
class Delays:
    """Of the healthy connections' levels."""

    seconds: list[float] = field(default_factory=list)
    missing: int = 0

    def quantile(self, part: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("inf")


@dataclass(slots=True)
class Deployment:
    """One service process, the platforms' process, and the bench's own hands on both."""

    core: Core
    publisher: Publisher
    platforms: httpx.AsyncClient
    probe: httpx.AsyncClient
    healthy: list[str]
    published: int = 0

    async def spent(self) -> tuple[int, float]:
        """Statements and CPU seconds of the service so far."""
        count, cpu = (await self.probe.get("/")).text.split()
        return int(count), float(cpu)

    async def applied(self) -> list[tuple[str, str, int, float]]:
        """What the sites were sent since the last time."""
        found: list[tuple[str, str, int, float]] = (await self.platforms.get("/_applied")).json()["applied"]
        return found

    async def calls(self) -> int:
        return int((await self.platforms.get("/_applied")).json()["calls"])

    async def bad(self, state: str) -> None:
        for id_ in BAD:
            await self.core.connections.set_state(id_, "active" if state == "active" else "paused")
            await self.core.pauses.resume(id_, SIDE)
            await self.core.pauses.resume(id_, "sparkpay")

    async def live(self, seconds: float, rate: float) -> Delays:
        """Publish so many levels a second, each of another SKU, and wait for what came of them."""
        await self.applied()
        sent: dict[tuple[str, str, int], float] = {}
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            due = int(passed * rate) - len(sent)
            for _ in range(max(0, due)):
                self.published += 1
                connection = self.healthy[self.published % len(self.healthy)]
                sku = f"SKU-{(self.published // len(self.healthy)) % SKUS}"
                sent[connection, sku, self.published] = time.time()
                await self.publisher.publish([_level(connection, sku, self.published)], Priority.LIVE)
            await asyncio.sleep(0.005)
        delays = Delays()
        until = time.monotonic() + 15
        while sent and time.monotonic() < until:
            await asyncio.sleep(0.2)
            for connection, sku, level, at in await self.applied():
                if (began_at := sent.pop((connection, sku, level), None)) is not None:
                    delays.seconds.append(at - began_at)
        delays.missing = len(sent)
        return delays


async def measure(settings: Settings, connections: int, seconds: float, rate: float, label: str) -> list[Figure]:
    async with _deployed(settings, connections) as on:
        figures = await _idle(on, connections, label)
        await on.live(seconds, rate)  # the first writes of each connection: tokens, lists, what a process remembers
        without, together = Delays(), Delays()
        for _ in range(2):
            await on.bad("paused")
            await asyncio.sleep(_SETTLE_SECONDS)
            _extend(without, await on.live(seconds, rate))
            await _pile_up(on)
            await on.bad("active")
            await asyncio.sleep(_SETTLE_SECONDS)
            _extend(together, await on.live(seconds, rate))
            left = (await on.core.inbox.backlog(SLOW, SIDE)).get("stock")
            figures.append(
                Figure(
                    "isolation",
                    f"{label}: rows of the backlog still there",
                    left.due if left else 0,
                    "rows, 1001 = more",
                )
            )
    for name, delays in (("without", without), ("with", together)):
        for part in (0.5, 0.95, 0.99):
            what = f"{label}: {name} the bad three, p{part * 100:g} of {len(delays.seconds)}"
            figures.append(Figure("isolation", what, delays.quantile(part), "s"))
        figures.append(at_most("isolation", f"{label}: {name} the bad three, not applied", delays.missing, "events", 0))
    grown = (together.quantile(0.95) / without.quantile(0.95) - 1) * 100
    return [*figures, at_most("isolation", f"{label}: growth of p95", grown, "%", 20)]


async def _idle(on: Deployment, connections: int, label: str) -> list[Figure]:
    """Until nothing but the live polls is going on, then ten seconds of it."""
    await on.bad("paused")
    rate = await _calls_per_second(on)
    for _ in range(_LONGEST_WARM_UP):
        before, rate = rate, await _calls_per_second(on)
        if abs(rate - before) <= 0.1 * before:  # every connection has read its reference data
            break
    count, cpu = await on.spent()
    calls, began = await on.calls(), time.monotonic()
    await asyncio.sleep(10)
    now, cpu_now = await on.spent()
    passed = time.monotonic() - began
    return [
        Figure("isolation", f"{label}: {connections} idle, calls to stores", (await on.calls() - calls) / passed, "/s"),
        Figure("isolation", f"{label}: {connections} idle, statements", (now - count) / passed, "/s"),
        Figure("isolation", f"{label}: {connections} idle, CPU", (cpu_now - cpu) / passed * 100, "% of a core"),
    ]


async def _calls_per_second(on: Deployment) -> float:
    calls, began = await on.calls(), time.monotonic()
    await asyncio.sleep(10)
    return (await on.calls() - calls) / (time.monotonic() - began)


async def _pile_up(on: Deployment) -> None:
    for start in range(0, BACKLOG, _CHUNK):
        on.published += 1
        await on.core.inbox.put(
            [_arrival(_level(SLOW, f"PILE-{n}", on.published)) for n in range(start, start + _CHUNK)]
        )


def _extend(delays: Delays, more: Delays) -> None:
    delays.seconds += more.seconds
    delays.missing += more.missing


def _level(connection: str, sku: str, level: int) -> Event:
    return changed(Stock(sku=sku, levels=(StockLevel(level=level),)), connection=connection, source="wms")


def _arrival(event: Event) -> Arrival:
    key, value, headers = encode(event)
    return Arrival(
        connection=event.connection, side=SIDE, entity="stock", key=event.data.key, version_time=event.time,
        event_id=event.id, deleted=False, priority=int(Priority.LIVE), topic="pile", partition=0, offset=0,
        record_key=key, value=value, headers=headers,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def _deployed(settings: Settings, connections: int) -> AsyncIterator[Deployment]:
    async with contextlib.AsyncExitStack() as stack:
        address = stack.enter_context(_platforms())
        async with administration(settings) as admin:
            await create(admin, plan(TopicNames(settings.topic_prefix), settings.topic_partitions))
        core = await stack.enter_async_context(open_core(settings))
        healthy = [f"shop-{number:03}" for number in range(connections - len(BAD))]
        for id_ in (*healthy, *BAD):
            await core.connections.add(
                id_,
                SparkPayAccess(f"{address}/{id_}", "bench"),
                SparkLayerAccess(f"{address}/{id_}", id_, "test", id_, "secret"),
                ConnectionSettings(),
                state="paused" if id_ in BAD else "active",
            )
            names = [f"SKU-{n}" for n in range(SKUS)] + [f"PILE-{n}" for n in range(BACKLOG if id_ == SLOW else 0)]
            claims = [Claim(name, f"v{n}", "live") for n, name in enumerate(names)]
            await core.claims.replace(id_, SIDE, "sparkpay:1", claims)
        port = free_port()
        stack.enter_context(_service(settings, port))
        probe = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30))
        platforms = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=30))
        publisher = await stack.enter_async_context(Publisher.connected(settings, core.clock))
        yield Deployment(core, publisher, platforms, probe, healthy)


@contextlib.contextmanager
def _platforms() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.instant_platforms"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@contextlib.contextmanager
def _service(settings: Settings, port: int) -> Iterator[None]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAYLAYER_")}
    environment = kept | {
        "PAYLAYER_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "PAYLAYER_DATABASE_URL": settings.database,
        "PAYLAYER_TOPIC_PREFIX": settings.topic_prefix,
        "PAYLAYER_SECRET_KEY": settings.require_secret_key(),
        "PAYLAYER_HTTP_PORT": str(port),
    }
    command = [sys.executable, "-m", "tests.benchmarks.isolation_service"]
    with subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[2]) as process:
        try:
            until(f"the service answers at port {port}", lambda: _answers(port), every=0.2)
            yield
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=30).is_success
    except httpx.HTTPError:
        return False
