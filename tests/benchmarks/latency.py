"""From the poll that sees a change in Spark Pay to SparkLayer having it."""

import asyncio
import random
import statistics
from datetime import datetime

import httpx

from connector.demo.stage import Stage, stage, utc_now
from connector.sandbox import sparklayer as layer
from connector.sandbox import sparkpay as pay
from connector.settings import Settings
from tests.benchmarks.figures import Figure, at_most

CHANGES = 60


async def measure(settings: Settings) -> list[Figure]:
    store = pay.SparkPayStore(clock=utc_now, seed=8)
    pay.fill_catalogue(store, pay.CatalogueShape(products=300, skus_at_least=900), 8)
    site = layer.SparkLayerSite(clock=utc_now)
    async with stage(settings, store, site, limit=1000, values={"poll.idle_share": "1.0"}) as on:
        await on.sync(full=True)
        delays = [delay for number in range(CHANGES) if (delay := await _one(on, number)) is not None]
    ordered = sorted(delays)
    return [
        Figure("latency", "changes measured", len(ordered), "changes", f"= {CHANGES}", len(ordered) == CHANGES),
        Figure("latency", "poll to SparkLayer, median", statistics.median(ordered), "s"),
        at_most("latency", "poll to SparkLayer, p95", ordered[int(0.95 * (len(ordered) - 1))], "s", 1.0),
    ]


async def _one(on: Stage, number: int) -> float | None:
    rng = random.Random(number)
    plain = [
        row for row in on.store.rows("products") if on.site.product(str(row["id"])) and not row["use_variant_inventory"]
    ]
    product = rng.choice(plain)
    title = f"Renamed {number}"
    changed_at = utc_now()
    on.store.update("products", int(str(product["id"])), item_name=title)
    async with asyncio.timeout(30):
        while (found := on.site.product(str(product["id"]))) is None or found["title"] != title:
            await asyncio.sleep(0.005)
    arrived = utc_now()
    seen = await _seen(on, changed_at)
    return (arrived - seen).total_seconds() if seen is not None else None


async def _seen(on: Stage, since: datetime) -> datetime | None:
    """When the first poll of products after the change was asked for."""
    async with httpx.AsyncClient(base_url=on.pay_url) as client:
        log = (await client.get("/_sandbox/requests", params={"since": 0})).json()
    entries = log["requests"] if isinstance(log, dict) else log
    times = [
        datetime.fromisoformat(entry["time"]) for entry in entries if entry["path"].rstrip("/").endswith("/products")
    ]
    return min((moment for moment in times if moment >= since), default=None)
