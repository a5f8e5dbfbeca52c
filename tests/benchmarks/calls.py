"""Calls of a full sync against the least possible, of a second one, and of a burst of price changes."""

import math
import random
from decimal import Decimal

from connector.app.syncs import report
from connector.demo.stage import CONNECTION, Stage, stage, utc_now
from connector.ports import Priority
from connector.sandbox import sparklayer as layer
from connector.sandbox import sparkpay as pay
from connector.settings import Settings
from contracts.entities import Price, PriceList, PriceRow
from contracts.events import changed
from tests.benchmarks.figures import Figure, at_most

REFERENCE_CALLS = 7  # variant_groups, product_statuses, customer_types, warehouses, settings, inactive, stores
PAGE = 1000
CATALOGUE_ONLY = {"flow.customer": "off", "flow.customer_group": "off", "flow.order": "off"}
"""The other kinds have a benchmark of their own: `full_sync`."""


def least_reading(store: pay.SparkPayStore) -> int:
    """The call-cost table: flat walks of 1,000 rows, option rows only where some product needs them."""
    plain_options = {row["product_id"] for row in store.rows("product_variants")}
    with_inventory = {row["product_id"] for row in store.rows("variant_inventory")}
    needed = ["products", "variant_inventory", "product_pricing", "product_pictures"]
    if plain_options - with_inventory:
        needed.append("product_variants")
    return REFERENCE_CALLS + sum(max(1, math.ceil(len(store.rows(name)) / PAGE)) for name in needed)


async def measure(settings: Settings, products: int) -> list[Figure]:
    store = pay.SparkPayStore(clock=utc_now, seed=5)
    pay.fill_catalogue(store, pay.CatalogueShape(products=products, skus_at_least=products * 3), 5)
    site = layer.SparkLayerSite(clock=utc_now)
    async with stage(settings, store, site, limit=1000, values={"poll.idle_share": "0.0001", **CATALOGUE_ONLY}) as on:
        first = await on.sync(full=True)
        reads, writes = await counted(on)
        known = site.dump()
        listed = len(known["products"])
        skus = sum(len(product["variants"]) for product in known["products"])
        allowed = 1.02 * listed + 0.01 * skus
        least = least_reading(store)
        figures = [
            Figure("calls", "products on SparkLayer", listed, "products"),
            Figure("calls", "SKUs on SparkLayer", skus, "SKUs"),
            Figure("calls", "full sync", report(first)["seconds"], "s"),
            at_most("calls", "Spark Pay calls / least possible", first.calls["sparkpay"] / least, "ratio", 1.1),
            at_most("calls", "SparkLayer calls / (1.02 products + 0.01 SKUs)", writes / allowed, "ratio", 1.0),
        ]
        await on.sync(full=True)
        again_reads, again_writes = await counted(on)
        figures.append(at_most("calls", "write calls of a second full sync", again_writes - writes, "calls", 0))
        figures.append(Figure("calls", "read calls of a second full sync", again_reads - reads, "calls"))
        figures.append(await _burst(on))
    return figures


async def counted(on: Stage) -> tuple[int, int]:
    pay_stats, layer_stats = await on.stats("sparkpay"), await on.stats("sparklayer")
    return int(pay_stats["calls"]), int(layer_stats["calls"])


async def _burst(on: Stage) -> Figure:
    """1,000 price changes on 300 SKUs of two lists, published within a second."""
    dump = on.site.dump()
    skus = [variant["sku"] for product in dump["products"] for variant in product["variants"]][:300]
    rng = random.Random(3)
    before = (await counted(on))[1]
    events = []
    for number in range(1000):
        sku = skus[number] if number < len(skus) else rng.choice(skus)
        amount = Decimal(rng.randint(100, 99999)) / 100
        lists = tuple(PriceList(list=name, rows=(PriceRow(amount=amount),)) for name in ("base", "ct-1"))
        events.append(changed(Price(sku=sku, currency="USD", lists=lists), connection=CONNECTION, source="erp"))
    await on.service.publisher.publish(events, Priority.LIVE)
    await on.service.until_settled(CONNECTION)
    after = (await counted(on))[1]
    return at_most("calls", "1,000 price changes on 300 SKUs of 2 lists", after - before, "calls", 4)
