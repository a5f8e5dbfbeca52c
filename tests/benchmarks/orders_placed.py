"""Orders placed in Spark Pay while replies are lost and the worker is killed: all of them, none twice."""

import asyncio
import json
import logging
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.app.http_server import listen, serving
from connector.clock import SystemClock
from connector.ports import Priority
from connector.sandbox import sparkpay as pay
from connector.settings import ConnectionSettings
from connector.state.connections import Connections, SparkLayerAccess, SparkPayAccess
from connector.state.database import Database
from connector.state.inbox import Arrival, Inbox
from connector.state.vault import Vault
from contracts.entities import Address, Destination, Order, OrderCustomer, OrderLine, PaymentMethod, Shipping, Totals
from contracts.events import changed, encode
from tests.benchmarks.figures import Figure, at_most, plain
from tests.benchmarks.orders_worker import CONNECTION, SIDE, TOKEN

PERCENT = 5.0
CUSTOMERS = 500
AT_ONCE = 500
PLACED = datetime(2026, 2, 3, 15, 4, 5, tzinfo=UTC)
HERE = Address(line1="12 Oak St", city="Austin", region="TX", postal_code="78701", country="US")


async def measure(folder: Path, orders: int, *, plain_rows: bool) -> list[Figure]:
    """Through the integration route, or row by row as in a store that has none."""
    label = "plain rows" if plain_rows else "integration route"
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # every reply that is lost on purpose would be a line
    store = _store()
    policy = pay.SandboxPolicy(token=TOKEN, limit=10**9, integration_routes=not plain_rows)
    application = pay.create_app(store, policy, seed=7)
    lost = pay.FaultRule(kind="drop_after", method="POST", path="*", times=None, probability=PERCENT / 100)
    application.state.faults.add(lost)
    database = f"sqlite:///{folder / f'orders-{plain_rows}.db'}"
    await _fill(database, orders)
    listener = listen("127.0.0.1", 0)
    began = time.monotonic()
    async with serving(application, listener):
        job = {
            "store": f"http://127.0.0.1:{listener.getsockname()[1]}",
            "database": database,
            "seed": 11,
            "kill_percent": PERCENT,
            "settings": {"orders.integration_route": "false"} if plain_rows else {},
        }
        report = await _work(job)
    seconds = time.monotonic() - began
    journal = application.state.journal
    found = Counter(row["order_number"] for row in store.rows("orders"))
    calls = journal.stats()["calls"]
    # A process that is killed while it sends leaves half a body behind; that is not what it meant to say.
    broken = [one for one in journal.violations if "is no JSON" not in str(one)]
    name = "orders_placed"
    return [
        at_most(name, f"{label}: orders that are not in Spark Pay", orders - len(found), "orders", 0),
        at_most(name, f"{label}: orders twice", sum(count > 1 for count in found.values()), "orders", 0),
        at_most(name, f"{label}: orders with wrong lines, payments or cart", _wrong(store), "orders", 0),
        at_most(name, f"{label}: customers twice", len(store.rows("customers")) - min(CUSTOMERS, orders), "rows", 0),
        at_most(name, f"{label}: requests that break the vendor's description", len(broken), "calls", 0),
        at_most(name, f"{label}: refused orders", await _refused(database), "orders", 0),
        plain(name, f"{label}: orders", len(found), "orders"),
        plain(name, f"{label}: SIGKILLs", report["kills"], "kills"),
        plain(name, f"{label}: calls per order, looks after losses included", calls / orders, "calls"),
        plain(name, f"{label}: time", seconds, "s"),
    ]


def _store() -> pay.SparkPayStore:
    store = pay.SparkPayStore(clock=lambda: datetime.now(UTC), seed=3)
    store.insert("stores", name="Shop")
    store.insert("product_statuses", name="In Stock")
    store.insert("categories", name="Tools")
    for number in range(20):
        store.insert(
            "products", item_number=f"P-{number}", item_name=f"Item {number}", price=Decimal(20), product_status_id=1,
            primary_category_id=1,
        )  # fmt: skip
    store.insert("order_statuses", name="Fresh", is_open=True)
    return store


def order(number: int, lines: int = 2) -> Order:
    """One of many: two lines of its own quantities."""
    cart = f"{number:012x}-0000-4000-8000-000000000000"
    made = [
        OrderLine(
            id=str(at), sku=f"P-{(number + at) % 20}", name="Item", quantity=Decimal(1 + (number + at) % 7),
            unit_price=Decimal("9.95"), net=Decimal("9.95") * (1 + (number + at) % 7),
        )
        for at in range(lines)
    ]  # fmt: skip
    there = HERE.model_copy(update={"line1": f"{number} Elm St"})
    net = sum((line.net for line in made), Decimal(0))
    return Order(
        key=f"sparklayer:{cart}",
        refs={"sparklayer": cart},
        placed_at=PLACED + timedelta(seconds=number),
        currency="USD",
        customer=OrderCustomer(email=f"buyer{number % CUSTOMERS}@x.example", first_name="Ana", last_name="Ruiz"),
        billing=HERE,
        destinations=(Destination(address=there),),
        lines=tuple(made),
        shipping=Shipping(method="Ground", net=Decimal(12)),
        totals=Totals(grand=net + 12),
        payment_method=PaymentMethod.ON_ACCOUNT,
        customer_reference=f"PO-{number}",
    )


async def _fill(url: str, orders: int) -> None:
    database = await Database.open(url, create=True)
    clock = SystemClock()
    secret = "orders-placed-0123456789-0123456789"
    layer = SparkLayerAccess("http://layer.test", "site", "test", "client", "secret")
    connections = Connections(database, Vault(secret), clock)
    await connections.add(CONNECTION, SparkPayAccess("http://pay.test", TOKEN), layer, ConnectionSettings())
    inbox = Inbox(database, clock)
    for start in range(0, orders, AT_ONCE):
        await inbox.put([_arrival(order(number)) for number in range(start, min(orders, start + AT_ONCE))])
    await database.close()


def _arrival(wanted: Order) -> Arrival:
    event = changed(wanted, connection=CONNECTION, source="sparklayer", time=wanted.placed_at)
    key, value, headers = encode(event)
    return Arrival(
        connection=CONNECTION, side=SIDE, entity="order", key=wanted.key, version_time=event.time, event_id=event.id,
        deleted=False, priority=int(Priority.LIVE), topic="paylayer.orders", partition=0, offset=0, record_key=key,
        value=value, headers=headers,
    )  # fmt: skip


async def _work(job: dict[str, Any]) -> dict[str, Any]:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.orders_worker",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, _ = await worker.communicate(json.dumps(job).encode())
    finally:
        if worker.returncode is None:
            worker.terminate()
            await worker.wait()
    report: dict[str, Any] = json.loads(out)
    if report["code"] != 0:
        raise SystemExit(f"the worker ended with {report['code']}")
    return report


async def _refused(url: str) -> int:
    database = await Database.open(url)
    counts = (await Inbox(database, SystemClock()).counts(CONNECTION)).get((CONNECTION, SIDE, "order"))
    await database.close()
    return 0 if counts is None else counts.rejected


def _wrong(store: pay.SparkPayStore) -> int:
    """Orders that differ from what was wanted."""
    items, payments, values = store.rows("order_items"), store.rows("order_payments"), store.rows("custom_field_values")
    lines: dict[Any, Counter[Any]] = {}
    for item in items:
        row = (item["item_number"], item["quantity"], item["price"], item["product_id"])
        lines.setdefault(item["order_id"], Counter())[row] += 1
    paid = Counter(payment["order_id"] for payment in payments)
    fields: dict[Any, set[Any]] = {}
    for value in values:
        fields.setdefault(value["resource_id"], set()).add(value["value"])
    wrong = 0
    for row in store.rows("orders"):
        wanted = order(int(str(row["order_number"]).removeprefix("SL-"), 16))
        expected = Counter(
            (line.sku, int(line.quantity), line.unit_price, int(str(line.sku).removeprefix("P-")) + 1)
            for line in wanted.lines
        )
        whole = lines.get(row["id"]) == expected and paid[row["id"]] == 1
        told = fields.get(row["id"]) == {wanted.refs["sparklayer"], wanted.customer_reference}
        wrong += not (whole and told and row["grand_total"] == wanted.totals.grand)
    return wrong
