"""Customers, sub-accounts, addresses and orders that SparkLayer sends."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connector.sandbox.sparkpay import FaultRule
from tests.unit.web.ignite_town import Town, ignite_town, joined, with_goods

ANA = {"email": "ana@roofers.example", "first_name": "Ana", "last_name": "Ruiz"}
PLACE = {
    "first_name": "Ana", "address_line1": "12 Oak St", "city": "Austin", "region_code": "TX", "postal_code": "78701",
    "country_code": "us",
}  # fmt: skip


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async for made in ignite_town(tmp_path):
        await joined(made, customers__association_type_id="3")
        yield made


async def made(town: Town, **fields: Any) -> str:
    return str((await town.call("PUT", "/customers", 201, json={**ANA, **fields}))["customer_external_id"])


async def test_a_customer_is_made_once_and_changed(town: Town) -> None:
    ids = await asyncio.gather(*(made(town) for _ in range(5)))
    assert len(set(ids)) == 1
    assert await made(town, company_name="Ruiz Roofing", group="ct-1", price_lists=["x"], unknown=1) == ids[0]
    (row,) = town.customers()
    assert (row["email"], row["company"], row["customer_type_id"]) == (ANA["email"], "Ruiz Roofing", 1)
    assert (await town.call("PUT", "/customers", 400, json={**ANA, "email": "no"}))["error_code"] == "invalid-request"


async def test_two_customers_of_one_address_are_nobodys_guess(town: Town) -> None:
    for _ in range(2):
        town.store.insert("customers", email=ANA["email"], store_id=1)
    refused = await town.call("PUT", "/customers", 400, json=ANA)
    assert refused["error_code"] == "customer-ambiguous"
    assert "roofers" not in refused["message"]


async def test_a_store_that_fails_is_a_system_exception(town: Town) -> None:
    town.shop.state.faults.add(FaultRule("status", times=None, status=401))
    assert (await town.call("PUT", "/customers", 500, json=ANA))["error_code"] == "store-not-available"


async def test_sub_accounts(town: Town) -> None:
    parent = await made(town, group="ct-1")
    child = {
        "email": "bo@roofers.example",
        "first_name": "Bo",
        "last_name": "Lee",
        "parent_customer_external_id": parent,
    }
    answers = await asyncio.gather(*(town.call("POST", "/sub-accounts", 201, json=child) for _ in range(3)))
    assert len({answer["customer_external_id"] for answer in answers}) == 1
    bo = answers[0]["customer_external_id"]
    (link,) = town.store.rows("customer_association")
    assert (link["parent_customer_id"], link["child_customer_id"], link["association_type_id"]) == (
        int(parent),
        int(bo),
        3,
    )
    row = town.store.get("customers", int(bo))
    assert row is not None
    assert row["customer_type_id"] == 1
    other = await made(town, email="other@x.example")
    for taken in ({**child, "parent_customer_external_id": other}, {**child, "email": ANA["email"]}):
        refused = await town.call("POST", "/sub-accounts", 400, json=taken)
        assert refused["error_code"] == "email-already-taken"
    for nobody in ("999", "x", "-1"):
        fresh = {**child, "email": "new@x.example", "parent_customer_external_id": nobody}
        assert (await town.call("POST", "/sub-accounts", 400, json=fresh))["error_code"] == "parent-not-found"
    await town.call("DELETE", f"/sub-accounts/{bo}", 204)
    assert town.store.rows("customer_association") == []
    row = town.store.get("customers", int(bo))
    assert row is not None
    assert row["is_inactive"] is True
    for gone in (bo, "999", "x"):
        await town.call("DELETE", f"/sub-accounts/{gone}", 204)


async def test_addresses(town: Town) -> None:
    ana = await made(town)
    answers = await asyncio.gather(
        *(
            town.call("POST", f"/customers/{ana}/addresses", 201, json={**PLACE, "is_default_billing": True})
            for _ in range(3)
        )
    )
    assert len({answer["customer_address_external_id"] for answer in answers}) == 1
    id_ = answers[0]["customer_address_external_id"]
    assert {key: value for key, value in answers[0].items() if value is not None} == {
        **PLACE, "customer_address_external_id": id_
    }  # fmt: skip
    (row,) = town.store.rows("addresses")
    assert (row["state"], row["country"], row["is_default_billing_address"]) == ("Texas", "United States", True)
    changed = await town.call("PUT", f"/customers/{ana}/addresses/{id_}", json={**PLACE, "city": "Dallas"})
    assert changed["city"] == "Dallas"
    other = await made(town, email="other@x.example")
    for customer, address in ((other, id_), (ana, "999"), (ana, "x")):
        path = f"/customers/{customer}/addresses/{address}"
        assert (await town.call("PUT", path, 400, json=PLACE))["error_code"] == "address-not-found"
    assert (await town.call("DELETE", f"/customers/{other}/addresses/{id_}", 400))["error_code"] == "address-not-found"
    for _ in range(2):
        await town.call("DELETE", f"/customers/{ana}/addresses/{id_}", 204)
    assert town.store.rows("addresses") == []
    for nobody in ("999", "x"):
        refused = await town.call("POST", f"/customers/{nobody}/addresses", 400, json=PLACE)
        assert refused["error_code"] == "customer-not-found"


def cart(customer_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "cart_id": str(uuid4()),
        "customer": {"id": "cu_1", "email": ANA["email"], "external_id": customer_id},
        "currency_code": "usd",
        "billing_address": PLACE,
        "shipping_address": PLACE,
        "shipping_line": {"title": "UPS Ground", "price": {"net": "12.00"}},
        "line_items": [
            {"sku": "ROPE-60", "quantity": 3, "price": 98.5},
            {"sku": "KNOT", "quantity": 1, "price": "0.1"},
        ],
        "payment_method": "paymentByInvoice",
        **changes,
    }


async def test_a_hundred_completions_of_one_cart_are_one_order(town: Town) -> None:
    body = cart(await made(town))
    answers = await asyncio.gather(*(town.call("POST", "/checkout/complete", 201, json=body) for _ in range(100)))
    assert len({answer["order_external_id"] for answer in answers}) == 1
    (order,) = town.store.rows("orders")
    assert answers[0] == {"order_external_id": str(order["id"]), "external_id": str(order["id"])}
    assert order["order_number"] == f"SL-{body['cart_id'].replace('-', '')[:12].upper()}"
    assert sorted((row["item_number"], row["price"]) for row in town.store.rows("order_items")) == [
        ("KNOT", Decimal("0.1")), ("ROPE-60", Decimal("98.5")),
    ]  # fmt: skip
    assert order["grand_total"] == Decimal("307.6")


async def test_a_lost_answer_makes_no_second_order(town: Town) -> None:
    body = cart(await made(town))
    town.shop.state.faults.add(FaultRule("drop_after", method="POST", path="*/orders/integration"))
    await town.call("POST", "/checkout/complete", 500, json=body)
    assert (await town.call("POST", "/checkout/complete", 201, json=body))["external_id"] == "1"
    assert len(town.store.rows("orders")) == 1
    assert len(town.store.rows("order_items")) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"line_items": []}, "cart-empty"),
        ({"line_items": [{"sku": "A", "quantity": 1}]}, "price-missing"),
        ({"line_items": [{"sku": "A", "quantity": 0.5, "price": 1}]}, "quantity-invalid"),
        ({"line_items": [{"quantity": 1, "price": 1}]}, "sku-missing"),
        ({"line_items": [{"sku": "A", "quantity": 1, "price": 10**15}]}, "amount-invalid"),
        ({"payment_method": "upfrontPayment"}, "payment-method-unsupported"),
        ({"customer": {}}, "customer-email-missing"),
        ({"cart_id": "x"}, "invalid-request"),
    ],
)
async def test_what_would_have_to_be_guessed_is_refused(town: Town, changes: dict[str, Any], code: str) -> None:
    refused = await town.call("POST", "/checkout/complete", 400, json=cart(await made(town), **changes))
    assert refused["error_code"] == code
    assert town.store.rows("orders") == []


async def test_other_shapes_of_lines_are_understood(town: Town) -> None:
    lines = [
        {"identifiers": {"sku": "A"}, "quantity": 2, "unit_price": {"net": "5.00"}},
        {"sku": "B", "quantity": 3, "line_total": {"total_net": {"number": "10.00", "currency": "usd"}}},
    ]
    await town.call("POST", "/checkout/complete", 201, json=cart(await made(town), line_items=lines))
    assert [row["price"] for row in town.store.rows("order_items")] == [Decimal(5), Decimal("3.3333")]


@pytest.fixture
async def goods(town: Town) -> Town:
    return with_goods(town)


async def test_what_a_cart_costs(goods: Town) -> None:
    body = cart(await made(goods))
    calls = len(goods.shop.state.journal.since(0))
    answer = await goods.call("POST", "/checkout/calculate", json=body)
    assert len(goods.shop.state.journal.since(0)) - calls == 6
    assert answer["available_shipping_methods"] == [
        {"id": "custom-1", "title": "Truck", "price": {"net": "12.50", "gross": "12.50"}}
    ]
    assert answer["totals"]["total_sub"] == {
        "tax_rate": "0.082500", "net": "295.60", "gross": "319.99", "currency_code": "USD",
    }  # fmt: skip
    body |= {"ignite_state": answer["ignite_state"], "shipping_line": {"id": "custom-1", "title": "Truck"}}
    again = await goods.call("POST", "/checkout/calculate", json=body)
    assert len(goods.shop.state.journal.since(0)) - calls == 6  # nothing was asked anew
    assert (again["totals"]["total"]["net"], again["totals"]["total"]["gross"]) == ("308.10", "332.49")
    body["line_items"][0]["quantity"] = 4
    await goods.call("POST", "/checkout/calculate", json=body)
    assert len(goods.shop.state.journal.since(0)) - calls == 12
    for spoiled in ({"mark": answer["ignite_state"]["mark"]}, {"mark": 5, "rates": None}, {}):
        await goods.call("POST", "/checkout/calculate", json={**cart("1"), "ignite_state": spoiled})
    assert goods.store.rows("orders") == []


async def test_a_cart_without_an_address_has_no_shipping_yet(goods: Town) -> None:
    answer = await goods.call("POST", "/checkout/calculate", json=cart("1", shipping_address=None))
    assert answer["available_shipping_methods"] == []


async def test_carts_that_the_store_cannot_sell(goods: Town) -> None:
    lines = [{"sku": "NOBODY", "quantity": 1, "price": "1"}]
    refused = await goods.call("POST", "/checkout/calculate", 400, json=cart("1", line_items=lines))
    assert refused == {"error_code": "sku-unknown", "message": "NOBODY: the store does not sell this item"}
    goods.shop.state.faults.add(FaultRule("status", method="POST", path="*/items", status=409))
    refused = await goods.call("POST", "/checkout/calculate", 400, json=cart("1"))
    assert refused["error_code"] == "cart-refused"
    goods.shop.state.faults.add(FaultRule("status", path="*/carts*", status=401, times=None))
    assert (await goods.call("POST", "/checkout/calculate", 500, json=cart("1")))["error_code"] == "system-exception"
