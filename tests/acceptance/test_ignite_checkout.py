"""Checkout over HTTP with two processes that share one database: one order of a cart, and prices while a sync runs."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.system import System, until
from tests.support.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

IGNITE_TOKEN = "ignite-token-90ce"
ROOT = "/v1/live/acme-tools"
CALLERS = 100
PLACE = {
    "first_name": "Ana", "last_name": "Ruiz", "address_line1": "12 Oak St", "city": "Austin", "region_code": "TX",
    "postal_code": "78701", "country_code": "US",
}  # fmt: skip


def ask(port: int, path: str, body: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {IGNITE_TOKEN}", "Content-Type": "application/json"}
    return httpx.post(f"http://127.0.0.1:{port}{ROOT}{path}", headers=headers, content=json.dumps(body), timeout=30)


def told(port: int, path: str, body: object) -> tuple[Any, int]:
    """The answer, and how often it had to be asked for: who hears 500 asks again."""
    for times in range(1, 21):
        answer = ask(port, path, body)
        if answer.status_code != 500:
            assert answer.is_success, answer.text
            return answer.json(), times
        assert answer.json().keys() == {"error_code", "message"}
    raise AssertionError(f"500 every time: {answer.text}")


def prepare(system: System, *, limit: int, products: int) -> None:
    system.extra = {"PAYLAYER_IGNITE_TOKEN": IGNITE_TOKEN}
    system.sandboxes(products=products, customers=8, limit=limit)
    system.edit("insert", "custom_shipping_methods", name="Truck", is_enabled=True, rules=[{"amount": "12.50"}])


def cart(system: System, **changes: Any) -> dict[str, Any]:
    """What somebody who has an account buys: two products of the store, at prices of SparkLayer."""
    state = system.pay("GET", "state")
    buyer = next(row for row in state["customers"] if row["email"] and not row["is_inactive"])
    variants = {row["product_id"] for row in state["variant_inventory"]}
    skus = [row["item_number"] for row in state["products"] if row["item_number"] and row["id"] not in variants]
    return {
        "cart_id": str(uuid4()),
        "customer": {"email": buyer["email"], "external_id": str(buyer["id"])},
        "currency_code": "usd",
        "billing_address": PLACE,
        "shipping_address": PLACE,
        "line_items": [{"sku": sku, "quantity": 2, "price": "9.75"} for sku in skus[:2]],
        "shipping_line": {"title": "Truck", "price": {"net": "12.50"}},
        "payment_method": "paymentOnAccount",
        **changes,
    }


def orders_of(system: System, body: dict[str, Any]) -> list[dict[str, Any]]:
    number = f"SL-{body['cart_id'].replace('-', '')[:12].upper()}"
    return [row for row in system.pay("GET", "state")["orders"] if row["order_number"] == number]


def test_a_hundred_completes_of_one_cart_over_two_processes_are_one_order(system: System) -> None:
    prepare(system, limit=1000, products=10)
    system.connect()
    ports = [system.http_port, free_port()]
    system.service()
    system.service("second", "--only", "appliers,web", port=ports[1])
    system.quiet()
    body = cart(system)
    with ThreadPoolExecutor(CALLERS) as callers:
        answers = list(callers.map(lambda number: told(ports[number % 2], "/checkout/complete", body), range(CALLERS)))
    print(f"asked {sum(times for _, times in answers)} times by {CALLERS} callers")  # noqa: T201
    (order,) = orders_of(system, body)
    assert {json.dumps(answer) for answer, _ in answers} == {
        json.dumps({"order_external_id": str(order["id"]), "external_id": str(order["id"])})
    }
    items = [row for row in system.pay("GET", "state")["order_items"] if row["order_id"] == order["id"]]
    assert len(items) == len(body["line_items"])
    system.quiet()
    assert len(orders_of(system, body)) == 1, "nor does the purchase that SparkLayer lists become a second one"
    for name in ("service", "second"):
        assert system.end(name) == 0
        assert "Traceback" not in system.log(name)


def test_a_lost_or_a_late_answer_of_the_store_makes_no_second_order(system: System) -> None:
    prepare(system, limit=1000, products=10)
    system.connect(sync=False)
    ports = [system.http_port, free_port()]
    system.service()
    system.service("second", "--only", "appliers,web", port=ports[1])
    body = cart(system)
    system.pay("PUT", "faults", [{"kind": "drop_after", "method": "POST", "path": "*/orders/integration"}])
    lost = ask(ports[0], "/checkout/complete", body)
    assert (lost.status_code, lost.json()["error_code"]) == (500, "store-not-available")
    assert len(orders_of(system, body)) == 1, "the store has made it, and nobody has heard"
    answer, _ = told(ports[1], "/checkout/complete", body)
    assert [str(row["id"]) for row in orders_of(system, body)] == [answer["external_id"]]
    assert [told(port, "/checkout/complete", body)[0] for port in ports] == [answer, answer]

    slow = cart(system)
    system.pay("PUT", "faults", [{"kind": "delay_ms", "method": "POST", "path": "*/orders/integration", "ms": 7000}])
    late = ask(ports[0], "/checkout/complete", slow)
    assert (late.status_code, late.json()["error_code"]) == (500, "store-busy")
    answer, _ = told(ports[1], "/checkout/complete", slow)
    assert [str(row["id"]) for row in orders_of(system, slow)] == [answer["external_id"]], "nobody broke it off"

    empty = ask(ports[0], "/checkout/complete", cart(system, line_items=[]))
    assert (empty.status_code, empty.json()) == (400, {"error_code": "cart-empty", "message": "the cart is empty"})


def newest_window(system: System) -> int:
    """Calls of the store's newest window; none before the first call."""
    windows = system.pay("GET", "stats")["windows"]
    return windows[-1]["used"] if windows else 0


def test_a_cart_is_priced_in_time_while_a_full_sync_uses_up_the_plan(system: System) -> None:
    prepare(system, limit=20, products=700)
    system.connect("sparkpay.limit=20")
    system.service()
    until("the sync uses up the window", lambda: newest_window(system) >= 14, 90, every=0.2)
    body = cart(system)
    began = time.monotonic()
    answer = ask(system.http_port, "/checkout/calculate", body)
    waited = time.monotonic() - began
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert [method["title"] for method in said["available_shipping_methods"]] == ["Truck"]
    assert said["totals"]["total_sub"]["net"] == "39.00"
    again = ask(system.http_port, "/checkout/calculate", {**body, "ignite_state": said["ignite_state"]})
    assert again.json() == said, "an unchanged cart costs no call"
    (run,) = system.query("SELECT state FROM sync_runs")
    assert run[0] == "reading", "the sync still runs"
    print(f"answered after {waited:.2f} s")  # noqa: T201
