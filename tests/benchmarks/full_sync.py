"""Calls of a full sync of catalogue, customers and orders against the least that each platform allows, and its memory.

The least that Spark Pay allows is one page of 1,000 rows (the most that `count` takes) after the other of every table
that says something, each row once: products, stock rows, prices, pictures, and option rows where they are not told
otherwise; customers, addresses and associations; orders, their lines, payments, shipments and addresses; values of
custom fields; and each small table once. An empty table costs the call that shows it. There is no shorter way: reading
the same with `expand` takes pages of 100 parents, C/100 calls for C customers instead of C/1,000 and as many pages of
addresses, `select_many` takes 200 ids a call, and no route tells several tables at once.

SparkLayer has no bulk call for products, customers, groups and orders: one call each, two per new customer (there is no
list of them and a PUT replaces the whole, so what SparkLayer owns is read first); a list is made by a call, and 1,000
price rows (`pricing.batch`) and 500 stock rows (`stock.batch`) go at once.

The store's limit is raised, so that the window is not the brake. Memory of the service is shown every few seconds on
standard error; flat means that the last two thirds of the time need hardly more than the first third did.
"""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from connector.ports import Priority
from connector.sandbox.sparkpay import fill_trade
from contracts.events import Event
from tests.acceptance.system import TOKEN, System, running, until
from tests.benchmarks.figures import Figure, at_most, plain
from tests.benchmarks.memory_course import MemoryCourse
from tests.fakes.sparkpay_people import Counter, with_people
from tests.fakes.sparkpay_ports import FakeOutlet
from tests.fakes.sparkpay_shop import Shop, open_shop, synced

_PAGE = 1000
_PRICE_ROWS, _STOCK_ROWS = 1000, 500
_TABLES = (
    "products",
    "variant_inventory",
    "product_pricing",
    "product_pictures",
    "product_variants",
    "customers",
    "addresses",
    "customer_association",
    "orders",
    "order_items",
    "order_payments",
    "order_shipments",
    "order_addresses",
    "custom_field_values",
)
_SMALL = (
    "stores",
    "inventory/settings",
    "variant_groups",
    "product_statuses",
    "product_inactive_in_store",
    "customer_types",
    "warehouses",
    "order_statuses",
    "payment_methods",
    "custom_fields",
)
_SETTINGS = (
    "sparkpay.limit=1000",
    "poll.idle_share=0.0001",
    "poll.overlap_seconds=0",  # the store was filled a moment ago: no look is to take that for news
    "customers.association_type_id=1",
    "flow.customer=to_sparklayer",
    "flow.customer_group=to_sparklayer",
    "flow.order=to_sparklayer",
    "flow.stock_location=to_sparklayer",
)
_PEAK_EVERY = 0.25


def measure(folder: Path, bootstrap: str, products: int, customers: int, orders: int) -> list[Figure]:
    """A tenth of everything, and all of it, each in a service of its own."""
    small, _ = _synced(folder / "small", bootstrap, products // 10, customers // 10, orders // 10)
    large, figures = _synced(folder / "large", bootstrap, products, customers, orders)
    return [
        *figures,
        plain("full_sync", "time", large.seconds, "s"),
        plain("full_sync", "peak memory", large.peak, "MiB"),
        at_most("full_sync", "growth from a tenth of everything", large.peak - small.peak, "MiB", 40),
        at_most("full_sync", "growth from the first third of the time to the end", large.growth, "MiB", 20),
    ]


def _synced(
    folder: Path, bootstrap: str, products: int, customers: int, orders: int
) -> tuple[MemoryCourse, list[Figure]]:
    """The service's memory, and the calls."""
    folder.mkdir(parents=True)
    system = System(folder, bootstrap, f"sqlite:///{folder / 'state.db'}", f"full{os.getpid()}-{folder.name}")
    with running(system):
        system.sandboxes(products=products, customers=customers, orders=orders, limit=1000)
        system.connect(*_SETTINGS)
        system.service()
        course = MemoryCourse(system.processes["service"].pid, f"full_sync {products:,} / {customers:,} / {orders:,}")

        def done() -> bool:
            course.sample()
            return "sync_finished" in system.log("service")

        until("everything is synchronised", done, seconds=7200, every=_PEAK_EVERY)
        read, written = int(system.pay("GET", "stats")["calls"]), int(system.layer("GET", "stats")["calls"])
        rows = {name: _rows(system, name) for name in _TABLES}
        least = _least_reading(rows)
        site = system.layer("GET", "state")
        figures = [
            *(plain("full_sync", name, rows[name], "rows") for name in ("products", "customers", "orders")),
            plain("full_sync", "Spark Pay calls", read, "calls"),
            plain("full_sync", "Spark Pay: least calls", least, "calls"),
            at_most("full_sync", "Spark Pay: calls / least", read / least, "ratio", 1.1),
            plain("full_sync", "SparkLayer calls", written, "calls"),
            plain("full_sync", "SparkLayer: least calls", _least_writing(site), "calls"),
            at_most("full_sync", "SparkLayer: calls / least", written / _least_writing(site), "ratio", 1.1),
        ]
    return course, figures


def _rows(system: System, resource: str) -> int:
    """How many rows the store has; asked after the counting is over."""
    answer = httpx.get(
        f"http://127.0.0.1:{system.pay_port}/api/v1/{resource}",
        params={"count": "1"},
        headers={"X-AC-Auth-Token": TOKEN},
        timeout=60,
    )
    return int(answer.raise_for_status().json()["total_count"])


def _least_writing(site: dict[str, Any]) -> int:
    """What has to be written one by one, and bulk calls for the rest."""
    skus = sum(len(product["variants"]) for product in site["products"])
    lists = max(1, len(site["price_lists"]))
    one_by_one = sum(len(site[name]) for name in ("products", "customer_groups", "purchases"))
    return (
        one_by_one
        + 2 * len(site["customers"])
        + lists
        + math.ceil(skus * lists / _PRICE_ROWS)
        + math.ceil(skus / _STOCK_ROWS)
    )


class _Sink(FakeOutlet):
    """Forgets what is published."""

    async def publish(self, events: Sequence[Event], priority: Priority, target: str | None = None) -> None:
        pass


async def reading(products: int, customers: int, orders: int) -> list[Figure]:
    """Calls of the reading alone, in one process and on a clock that stands: no look and no restart comes between."""
    async with open_shop(products=products, skus=3 * products, values=_values()) as shop:
        fill_trade(shop.store, customers=customers, orders=orders, seed=3)
        shop.outlet = _Sink()
        await shop.poller().full_sync("first")
        least = _least_reading({name: len(shop.store.rows(name)) for name in _TABLES})
        return [
            plain("full_sync", f"reading {products:,} / {customers:,} / {orders:,}", shop.calls, "calls"),
            plain("full_sync", "reading: least calls", least, "calls"),
            at_most("full_sync", "reading: calls / least", shop.calls / least, "ratio", 1.1),
        ]


def _values() -> dict[str, str]:
    chosen = dict(setting.split("=", 1) for setting in _SETTINGS)
    return {name: value for name, value in chosen.items() if not name.startswith(("poll.", "sparkpay."))}


def _least_reading(rows: Mapping[str, int]) -> int:
    return len(_SMALL) + sum(max(1, math.ceil(count / _PAGE)) for count in rows.values())


async def detection() -> list[Figure]:
    """Calls of the look that finds one changed customer or order; idle looks at what did not change are not counted."""
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        buyer = counter.customer(addresses=2)
        order = counter.order(buyer, lines=20)
        poller = await synced(shop)
        shop.store.update("customers", buyer, company="Other")
        customer = await _look(shop, poller, "customer", "customers")
        address = counter.address(buyer, address_line_1="9 New St")
        book = await _look(shop, poller, "customer", "addresses")
        shop.store.update("orders", order, order_status_id=counter.shipped)
        status = await _look(shop, poller, "order", "orders")
        placed = counter.order(buyer, lines=20)
        new = await _look(shop, poller, "order", "orders")
        counter.shipment(placed)
        shipment = await _look(shop, poller, "order", "order_shipments")
        assert address
    what = {
        "customer with another company": customer,
        "customer with another address": book,
        "order with another status": status,
        "new order of a known customer": new,
        "order with another shipment": shipment,
    }
    return [at_most("full_sync", f"calls to detect a {name}", calls, "calls", 2) for name, calls in what.items()]


async def _look(shop: Shop, poller: Any, kind: str, resource: str) -> int:
    shop.clock.advance(30)
    before = shop.calls
    stream = next(stream for stream in poller.streams if kind in stream.kinds)
    _, told = await stream.poll([f"{kind}:{resource}"], Priority.LIVE)
    assert told.published == 1
    return shop.calls - before
