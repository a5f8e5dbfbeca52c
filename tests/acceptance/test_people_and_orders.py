"""Customers and orders with real processes, in both directions, over each broker and database."""

from datetime import UTC, datetime
from random import Random

import pytest

from tests.acceptance.agreement import expect_agreement
from tests.acceptance.system import System, until
from tests.acceptance.trading import JUDGE, SETTINGS, judge, last_event, order_of, place, publish, rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def writes(system: System) -> int:
    return int(system.layer("GET", "stats")["writes"])


@pytest.mark.parametrize("api", ["purchases", "orders_v1"])
def test_people_and_orders_reach_sparklayer_and_follow_their_changes(system: System, api: str) -> None:
    system.sandboxes(products=15, customers=25, orders=30)
    flow = ("flow.order=to_sparklayer",) if api == "orders_v1" else ()
    system.connect(*SETTINGS, *flow, f"orders.api={api}", sync=False)
    system.service()
    assert system.json("sync", "acme", "--full", "--wait")["state"] == "done"
    expect_agreement(system, judge=judge(api))

    before = writes(system)
    again = system.json("sync", "acme", "--full", "--wait")
    assert again["applied"] == 0
    assert writes(system) == before, "a second full sync with nothing changed writes nothing"

    state = system.pay("GET", "state")
    served = [row for row in state["customers"] if not row["is_inactive"] and not row["no_account"]]
    orders = [row for row in state["orders"] if row["order_status_id"] == 1]
    new, shipped = (next(s["id"] for s in state["order_statuses"] if s["name"] == name) for name in ("New", "Shipped"))
    assert orders[0]["order_status_id"] == new
    first, second, third = served[:3]
    system.edit("update", "customers", first["id"], company="Ana & Töchter GmbH", credit_limit="7500.00")
    system.edit("update", "customers", second["id"], is_inactive=True)
    system.edit(
        "insert", "addresses", customer_id=third["id"], address_line_1="9 Elm St", city="Waco", state="Texas",
        country="United States", postal_code="76701", is_default_shipping_address=True,
    )  # fmt: skip
    ids = [row["id"] for row in orders[:3]]
    system.edit("insert", "order_shipments", order_id=ids[0], shipping_provider_name="UPS", tracking_numbers="1Z1 1Z2")
    system.edit("update", "orders", ids[0], order_status_id=shipped)
    cancelled = next(s["id"] for s in state["order_statuses"] if s["name"] == "Cancelled")
    system.edit("update", "orders", ids[1], order_status_id=cancelled)
    system.edit("update", "customer_types", state["customer_types"][0]["id"], name="Best Dealers")
    busy = {row["customer_id"] for row in state["orders"]}
    busy |= {row["parent_customer_id"] for row in state["customer_association"]}
    system.edit("delete", "customers", next(row["id"] for row in reversed(served) if row["id"] not in busy))
    assert system.json("sync", "acme", "--wait")["state"] == "done"
    expect_agreement(system, judge=judge(api))


def test_orders_placed_in_sparklayer_are_placed_in_the_store_once_and_come_back(system: System) -> None:
    system.sandboxes(products=15, customers=12, orders=5)
    system.connect(*SETTINGS, sync=False)
    system.service()
    assert system.json("sync", "acme", "--full", "--wait")["state"] == "done"
    rng = Random(5)
    before = len(rows(system, "orders"))
    placed = [place(system, rng) for _ in range(4)]
    orders = [order_of(system, purchase) for purchase in placed]
    expect_agreement(system, judge=JUDGE, placed=placed)
    assert len(rows(system, "orders")) == before + 4

    statuses = {row["name"]: row["id"] for row in rows(system, "order_statuses")}
    items = [row for row in rows(system, "order_items") if row["order_id"] == orders[0]["id"]]
    system.edit(
        "insert", "order_shipments", order_id=orders[0]["id"], shipping_provider_name="DHL", tracking_numbers="JD1",
        items=[{"id": items[0]["id"], "quantity_shipped": 1}],
    )  # fmt: skip
    system.edit("update", "orders", orders[0]["id"], order_status_id=statuses["Partly shipped"])
    system.edit("update", "orders", orders[1]["id"], order_status_id=statuses["Cancelled"])
    assert system.json("sync", "acme", "--wait")["state"] == "done"
    expect_agreement(system, judge=JUDGE, placed=placed)
    assert {letter["code"] for letter in system.json("dlq", "list")} <= {"country_unknown"}, "Atlantis is no country"
    assert len(rows(system, "orders")) == before + 4


def test_an_erp_says_that_an_order_was_shipped_and_both_sides_show_it(system: System) -> None:
    system.sandboxes(products=12, customers=8)
    system.connect(*SETTINGS, sync=False)
    system.service()
    assert system.json("sync", "acme", "--full", "--wait")["state"] == "done"
    statuses = {row["name"]: row["id"] for row in rows(system, "order_statuses")}
    placed = place(system, Random(7))
    order = order_of(system, placed)
    expect_agreement(system, judge=JUDGE, placed=[placed])
    key = f"sparklayer:{placed['purchase_identifiers']['sparklayer']}"
    event = last_event(system, "orders", key)
    shipment = {"id": "erp-1", "at": _now(), "tracking": [{"carrier": "UPS", "number": "1Z77"}]}
    data = {**event["data"], "status": "shipped", "shipments": [shipment]}
    data["refs"] = {**data["refs"], "erp": "SO-1"}
    publish(system, "orders", {**event, "id": "erp-so-1", "source": "erp", "time": _now(), "data": data})

    def there() -> tuple[int, list[str]]:
        (found,) = [row for row in rows(system, "orders") if row["id"] == order["id"]]
        sent = [row for row in rows(system, "order_shipments") if row["order_id"] == order["id"]]
        return found["order_status_id"], [row["tracking_numbers"] for row in sent]

    shipped = (statuses["Shipped"], ["1Z77"])
    until("the store has the shipment", lambda: there() == shipped, 60)
    expect_agreement(system, judge=JUDGE, placed=[placed])
    assert there() == shipped, "once, also after everything came back"
    (purchase,) = [
        row
        for row in system.layer("GET", "state")["purchases"]
        if row["purchase_identifiers"].get("platform") == str(order["id"])
    ]
    numbers = [sent.get("carrier_id") for package in purchase["packages"] for sent in package.get("shipments") or ()]
    assert numbers == ["1Z77"]


def _now() -> str:
    return datetime.now(UTC).isoformat()
