"""Events a second through Kafka into the inbox, with nothing applied."""

import asyncio
import time

from connector.app.core import open_core
from connector.app.service import started
from connector.bus.topics import administration, create
from connector.demo.stage import CONNECTION
from connector.ports import Priority
from connector.settings import ConnectionSettings, Settings
from connector.state.connections import SparkLayerAccess, SparkPayAccess
from contracts.entities import Stock, StockLevel
from contracts.events import changed
from contracts.topics import TopicNames, plan
from tests.benchmarks.figures import Figure, at_least

_CHUNK = 2000


async def measure(settings: Settings, events: int, *, label: str, target: float) -> list[Figure]:
    async with administration(settings) as admin:
        await create(admin, plan(TopicNames(settings.topic_prefix), settings.topic_partitions))
    async with open_core(settings) as core:
        nowhere = SparkLayerAccess("http://localhost:1", "bench", "test", "none", "none")
        await core.connections.add(
            CONNECTION, SparkPayAccess("http://localhost:1", "none"), nowhere, ConnectionSettings()
        )
        await core.connections.set_state(CONNECTION, "paused")
        async with started(core, frozenset({"intake"})) as service:
            for start in range(0, events, _CHUNK):
                made = [
                    changed(Stock(sku=f"SKU-{n}", levels=(StockLevel(level=n),)), connection=CONNECTION, source="erp")
                    for n in range(start, min(start + _CHUNK, events))
                ]
                await service.publisher.publish(made, Priority.LIVE)
            began = time.perf_counter()
            working = asyncio.create_task(service.run())
            ends = await service.lag.ends()
            first: float | None = None
            while not await service.lag.caught_up("sparklayer", ends):
                if first is None and await core.inbox.busy(CONNECTION):
                    first = time.perf_counter()
                await asyncio.sleep(0.05)
            ended = time.perf_counter()
            working.cancel()
            await asyncio.wait([working])
            counts = await core.inbox.counts(CONNECTION)
            stored = counts[CONNECTION, "sparklayer", "stock"].waiting
    joined = first or began
    return [
        Figure(
            "intake", f"{label}: rows in the inbox of {events} events", stored, "rows", f"= {events}", stored == events
        ),
        Figure("intake", f"{label}: joining the group", joined - began, "s"),
        at_least("intake", f"{label}: into the inbox", events / max(ended - joined, 1e-9), "events/s", target),
    ]
