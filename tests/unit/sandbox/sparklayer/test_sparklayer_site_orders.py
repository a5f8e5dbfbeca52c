"""Purchases, orders of the older interface, shipping methods and the sync log of the simulated site."""

from typing import Any

import pytest


@pytest.fixture
async def site(caller: Any) -> Any:
    await caller.call(
        "PUT",
        "/api/v2/customers/platform/5012",
        {"external_id": "5012", "email": "ana@x.example", "first_name": "Ana", "last_name": "Ruiz"},
    )
    return caller


def money(number: str) -> dict[str, str]:
    return {"number": number, "currency": "usd"}


def purchase(**changes: Any) -> dict[str, Any]:
    line = {
        "identifiers": {"sku": "A"},
        "name_parent": "Rope",
        "quantity": 3,
        "line_total": {"total_net": money("30.00"), "total_tax": money("2.40")},
    }
    body: dict[str, Any] = {
        "type": "order",
        "purchase_identifiers": {"platform": "100020", "visible": "SL-1"},
        "dates": {"placed": "2026-02-03T15:04:05Z"},
        "packages": [
            {"line_items": [line], "shipping_method": {"name": "Ground", "line_total": {"total_net": money("12.00")}}}
        ],
        "accounting_files": [],
        "custom_fields": [],
    }
    return {**body, **changes}


PATH = "/api/v1/purchases/platform/100020"


async def test_a_purchase_is_created_then_replaced(site: Any) -> None:
    answer = await site.call("PUT", PATH, purchase(metadata=[{"name": "a", "value": 1}]))
    assert answer.status_code == 201
    assert answer.json()["calculated_total_net"] == "42.00"
    assert answer.json()["dates"]["last_updated"]
    answer = await site.call("PUT", PATH, purchase())
    assert answer.status_code == 200
    assert "metadata" not in answer.json()


async def test_an_unconfirmed_order_becomes_an_order_by_its_cart(site: Any) -> None:
    cart = "/api/v1/purchases/sparklayer/f5b1"
    body = purchase(type="order_unconfirmed", purchase_identifiers={})
    assert (await site.call("PUT", cart, body)).status_code == 201
    body = purchase(purchase_identifiers={"sparklayer": "f5b1", "platform": "100020"})
    assert (await site.call("PUT", cart, body)).status_code == 200
    assert (await site.call("GET", PATH)).json()["type"] == "order"
    assert (await site.call("PUT", PATH, purchase())).status_code == 403  # would lose the SparkLayer id


async def test_identifiers_belong_to_one_purchase(site: Any) -> None:
    await site.call("PUT", PATH, purchase())
    answer = await site.call(
        "PUT", "/api/v1/purchases/sparklayer/f5b1", purchase(purchase_identifiers={"platform": "100020"})
    )
    assert answer.status_code == 409
    answer = await site.call("PUT", PATH, purchase(purchase_identifiers={"platform": "7"}))
    assert answer.json()["errors"][0]["code"] == "idMismatch"


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "gift"},
        {"calculated_total_net": "1"},
        {"total_paid": {"number": 1, "currency": "usd"}},
        {"total_paid": {"number": "1,0", "currency": "usd"}},
        {"packages": {"line_items": []}},
        {"dates": {"placed": "yesterday"}},
        {"customer_identifiers": {"sparklayer": "cu_nobody"}},
        {"accounting_files": None},
    ],
)
async def test_a_purchase_that_cannot_be(site: Any, changes: dict[str, Any]) -> None:
    assert (await site.call("PUT", PATH, purchase(**changes))).status_code == 400


async def test_purchases_are_listed_by_their_last_change(site: Any) -> None:
    for number in range(3):
        site.wall.advance(60)
        await site.call("PUT", f"/api/v1/purchases/platform/{number}", purchase(purchase_identifiers={}))
    since = (await site.call("GET", "/api/v1/purchases/platform/1")).json()["dates"]["last_updated"]
    query = {"dates[last_updated][gte]": since, "limit": "1"}
    found = (await site.call("GET", "/api/v1/purchases", params=query)).json()
    assert [row["purchase_identifiers"]["platform"] for row in found] == ["1"]
    found = (await site.call("GET", "/api/v1/purchases", params={**query, "offset": "1"})).json()
    assert [row["purchase_identifiers"]["platform"] for row in found] == ["2"]
    assert (await site.call("GET", "/api/v1/purchases", params={"type": "quote"})).json() == []
    assert (await site.call("GET", "/api/v1/purchases", params={"limit": "501"})).status_code == 400
    assert (await site.call("GET", "/api/v1/purchases", params={"colour": "red"})).status_code == 400
    assert (await site.call("DELETE", "/api/v1/purchases/platform/1")).status_code == 204
    assert (await site.call("GET", "/api/v1/purchases/platform/1")).status_code == 404


def order(**changes: Any) -> dict[str, Any]:
    item = {"sku": "A", "name": "Rope", "quantity": 3, "line_total": {"net": 30, "gross": 32.4}}
    body: dict[str, Any] = {
        "created_at": "2026-02-03T15:04:05Z",
        "payment_method": "other",
        "customer_id": "5012",
        "currency_code": "usd",
        "external_id": "100020",
        "billing_address": {"address_line1": "12 Oak St", "city": "Austin", "country_code": "US"},
        "packages": [{"items": [item]}],
    }
    return {**body, **changes}


async def test_an_order_is_shipped_cancelled_and_returned_in_parts(site: Any) -> None:
    assert (await site.call("POST", "/api/v1/orders", order())).status_code == 201
    part = [{"sku": "A", "quantity": 2}]
    shipped = await site.call(
        "POST", "/api/v1/orders/100020/ship", {"shipped_at": "2026-02-04T00:00:00Z", "items": part}
    )
    assert [(p["status"], p["items"][0]["quantity"]) for p in shipped.json()["packages"]] == [
        ("open", 1),
        ("shipped", 2),
    ]
    body = {"cancelled_at": "2026-02-05T00:00:00Z", "items": part}
    assert (await site.call("POST", "/api/v1/orders/100020/cancel", body)).status_code == 400
    body["items"] = [{"sku": "A", "quantity": 1}]
    assert (await site.call("POST", "/api/v1/orders/100020/cancel", body)).status_code == 200
    back = {"returned_at": "2026-02-06T00:00:00Z", "items": [{"sku": "A", "quantity": 2, "refund_total": {"net": 20}}]}
    final = (await site.call("POST", "/api/v1/orders/100020/return", back)).json()
    assert [(p["status"], p["items"][0]["quantity"]) for p in final["packages"]] == [("cancelled", 1), ("returned", 2)]


async def test_shipping_twice_ships_twice(site: Any) -> None:
    await site.call("POST", "/api/v1/orders", order())
    body = {"shipped_at": "2026-02-04T00:00:00Z", "items": [{"sku": "A", "quantity": 1}]}
    for _ in range(2):
        answer = await site.call("POST", "/api/v1/orders/100020/ship", body)
    assert [(p["status"], p["items"][0]["quantity"]) for p in answer.json()["packages"]] == [
        ("open", 1), ("shipped", 1), ("shipped", 1),
    ]  # fmt: skip


async def test_orders_that_cannot_be(site: Any) -> None:
    assert (await site.call("POST", "/api/v1/orders", order(packages=[]))).status_code == 400
    assert (await site.call("POST", "/api/v1/orders", order(customer_id="nobody"))).status_code == 400
    without = {name: value for name, value in order().items() if name != "billing_address"}
    assert (await site.call("POST", "/api/v1/orders", without)).status_code == 400
    await site.call("POST", "/api/v1/orders", order())
    assert (await site.call("POST", "/api/v1/orders", order())).status_code == 409


async def test_an_invoice_and_a_package_are_changed(site: Any) -> None:
    made = (await site.call("POST", "/api/v1/orders", order())).json()
    assert made["spark_billing_chargeable"] is True
    answer = await site.call("PATCH", "/api/v1/orders/100020", {"invoice_url": "https://x.example/1.pdf"})
    assert answer.json()["invoice_url"] == "https://x.example/1.pdf"
    assert (await site.call("PATCH", "/api/v1/orders/100020", {"customer_id": "1"})).status_code == 400
    items = [{"sku": "A", "quantity": 1, "line_total": {"net": 10, "gross": 10}}]
    path = f"/api/v1/orders/100020/packages/{made['packages'][0]['id']}"
    assert (await site.call("PATCH", path, {"items": items})).json()["packages"][0]["items"] == items
    assert (await site.call("PATCH", "/api/v1/orders/100020/packages/x", {"items": items})).status_code == 404


async def test_shipping_methods_have_two_faces(site: Any) -> None:
    body = {"slug": "sp-csm-3", "title": "Pallet", "locations": ["US"], "groups": ["base"], "priority": 2}
    made = (await site.call("POST", "/api/v2/shipping-methods", body)).json()
    (old,) = (await site.call("GET", "/api/v1/shipping-methods")).json()
    assert (old["sku"], old["prority"], old["countries"]) == ("sp-csm-3", 2, ["US"])
    again = {"sku": "sp-csm-3", "title": "Other", "countries": ["US"]}
    answer = await site.call("POST", "/api/v1/shipping-methods", again)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "duplicate-sku")
    changed = await site.call("PATCH", f"/api/v2/shipping-methods/{made['id']}", {"title": "Pallets"})
    assert changed.json()["title"] == "Pallets"
    bands = [{"name": "b", "requirement": {"type": "moon"}, "cost": {"type": "free"}}]
    assert (await site.call("PATCH", f"/api/v2/shipping-methods/{made['id']}", {"bands": bands})).status_code == 400
    assert (await site.call("DELETE", f"/api/v2/shipping-methods/{made['id']}")).status_code == 204
    assert (await site.call("GET", f"/api/v1/shipping-methods/{made['id']}")).status_code == 404


async def test_the_sync_log_is_replaced_by_each_report(site: Any) -> None:
    path = "/api/v1/sync-log/sparkpay/products"
    writes = (await site.call("GET", "/_sandbox/stats")).json()["writes"]
    assert (await site.call("GET", path)).status_code == 404
    part = {"last_partial_sync": "2026-02-03T16:00:00Z"}
    assert (await site.call("PATCH", path, part)).status_code == 404
    full = {"last_full_sync": "2026-02-03T15:04:05Z", "errors": [{"external_id": "18", "message": "no SKU"}]}
    assert (await site.call("PUT", path, full)).json()["error_count"] == 1
    assert (await site.call("PATCH", path, part)).json()["error_count"] == 1
    told = (await site.call("GET", f"{path}/errors")).json()
    assert (told["errors"], told["last_partial_sync"]) == (full["errors"], part["last_partial_sync"])
    assert (await site.call("PATCH", path, {**part, "errors": []})).json()["error_count"] == 0
    await site.call("PUT", path, {"errors": []})
    status = (await site.call("GET", path)).json()
    assert (status["last_full_sync"], status["last_partial_sync"]) == (None, part["last_partial_sync"])
    twice = {"errors": [{"external_id": "18"}, {"external_id": "18"}]}
    assert (await site.call("PUT", path, twice)).status_code == 400
    many = {"errors": [{"external_id": str(number)} for number in range(5001)]}
    assert (await site.call("PUT", path, many)).status_code == 400
    for wrong in ({}, {"last_partial_sync": 1}, {**part, "errors": None}):
        assert (await site.call("PATCH", path, wrong)).status_code == 400
    assert (await site.call("PUT", "/api/v1/sync-log/sparkpay/orders", full)).status_code == 400
    assert (await site.call("DELETE", "/api/v1/sync-log")).status_code == 204
    assert (await site.call("GET", path)).status_code == 404
    stats = (await site.call("GET", "/_sandbox/stats")).json()
    assert stats["writes"] == writes, "a report is no write of the merchant's data"
