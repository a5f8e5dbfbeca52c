"""Events a second through Kafka into the inbox, with nothing applied."""

import asyncio
import time
from decimal import Decimal

from connector.app.core import open_core
from connector.app.service import started
from connector.bus.topics import administration, create
from connector.demo.stage import CONNECTION
from connector.ports import Priority
from connector.settings import ConnectionSettings, Settings
from connector.state.connections import SparkLayerAccess, SparkPayAccess
from contracts.entities import Price, PriceList, PriceRow, Product, Stock, StockLevel, Variant
from contracts.events import Event, changed
from contracts.topics import TopicNames, plan
from tests.benchmarks.figures import Figure, at_least

_CHUNK = 2000


async def measure(settings: Settings, events: int, *, label: str, target: float) -> list[Figure]:
    """Once with new stock keys, once with three kinds of entities of which half are newer states of known keys."""
    figures = []
    async with administration(settings) as admin:
        await create(admin, plan(TopicNames(settings.topic_prefix), settings.topic_partitions))
    async with open_core(settings) as core:
        nowhere = SparkLayerAccess("http://localhost:1", "bench", "test", "none", "none")
        await core.connections.add(
            CONNECTION, SparkPayAccess("http://localhost:1", "none"), nowhere, ConnectionSettings()
        )
        await core.connections.set_state(CONNECTION, "paused")
    for kind, rows in (("new stock", events), ("mixed", events // 2)):
        figures += await _taken(settings, [_event(kind, n, rows) for n in range(events)], kind, label, target)
    return figures


async def _taken(settings: Settings, made: list[Event], kind: str, label: str, target: float) -> list[Figure]:
    wanted = {(event.type.split(".")[1], event.data.key) for event in made}
    async with open_core(settings) as core, started(core, frozenset({"intake"})) as service:
        for start in range(0, len(made), _CHUNK):
            await service.publisher.publish(made[start : start + _CHUNK], Priority.LIVE)
        began = time.perf_counter()
        working = asyncio.create_task(service.run())
        ends = await service.lag.ends()
        while not (service.intakes and service.intakes["sparklayer"].health().counts.get("taken")):
            await asyncio.sleep(0.02)
        joined, cpu = time.perf_counter(), time.process_time()
        while not await service.lag.caught_up("sparklayer", ends):
            await asyncio.sleep(0.05)
        ended, cpu_ended = time.perf_counter(), time.process_time()
        working.cancel()
        await asyncio.wait([working])
        counts = await core.inbox.counts(CONNECTION)
        stored = sum(
            found.waiting for (_, _, entity), found in counts.items() if entity in {name for name, _ in wanted}
        )
    what = f"{label}, {kind}"
    return [
        Figure("intake", f"{what}: rows in the inbox of {len(made)} events", stored, "rows"),
        Figure("intake", f"{what}: joining the group", joined - began, "s"),
        Figure("intake", f"{what}: CPU of the process", (cpu_ended - cpu) / len(made) * 1e6, "us for an event"),
        at_least("intake", f"{what}: into the inbox", len(made) / max(ended - joined, 1e-9), "events/s", target),
    ]


def _event(kind: str, number: int, rows: int) -> Event:
    key = number % rows
    if kind == "new stock":
        return changed(Stock(sku=f"SKU-{key}", levels=(StockLevel(level=number),)), connection=CONNECTION, source="erp")
    if key % 3 == 0:
        stock = Stock(sku=f"MIX-{key}", levels=(StockLevel(level=number),))
        return changed(stock, connection=CONNECTION, source="erp")
    if key % 3 == 1:
        row = PriceRow(amount=Decimal(number) / 100)
        price = Price(sku=f"MIX-{key}", currency="EUR", lists=(PriceList(list="base", rows=(row,)),))
        return changed(price, connection=CONNECTION, source="erp")
    variants = tuple(Variant(id=f"v{order}", sku=f"MIX-{key}-{order}") for order in range(3))
    product = Product(key=f"erp:{key}", title=f"Product {number}", variants=variants)
    return changed(product, connection=CONNECTION, source="erp")
