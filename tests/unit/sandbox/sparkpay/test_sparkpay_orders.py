"""Customers, addresses and orders of the simulated store."""

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from connector.sandbox.sparkpay import SandboxPolicy, SparkPayStore


@pytest.fixture(autouse=True)
def shop(store: SparkPayStore) -> SparkPayStore:
    """The small store with a customer, two statuses and the custom field for carts."""
    store.insert("customers", email="ana@roofers.example", store_id=1, customer_type_id=1, first_name="Ana")
    store.insert("addresses", customer_id=1, country="United States", city="Austin")
    store.insert("order_statuses", name="Fresh", is_open=True)
    store.insert("order_statuses", name="Gone", is_shipped=True)
    store.insert("custom_fields", name="sparklayer_cart_id", resource_type="Orders")
    return store


async def get(client: httpx.AsyncClient, path: str, **query: str) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def made(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def an_order(client: httpx.AsyncClient) -> int:
    address = await made(client, "order_addresses", {"customer_id": 1, "city": "Austin", "postal_code": "02139"})
    body = {
        "customer_id": 1, "order_status_id": 1, "order_billing_address_id": address["id"],
        "order_shipping_address_id": address["id"], "grand_total": 30.5, "order_number": "SL-1",
    }  # fmt: skip
    order = await made(client, "orders", body)
    line = {"order_id": order["id"], "product_id": 1, "item_number": "A-1", "price": 10.1666, "quantity": 3}
    await made(client, "order_items", line)
    return int(order["id"])


async def test_the_arrays_of_lists_have_their_own_names(client: httpx.AsyncClient) -> None:
    await an_order(client)
    for path, key in (
        ("customers", "customers"), ("addresses", "addresses"), ("orders", "orders"), ("order_items", "items"),
        ("order_payments", "payments"), ("order_shipments", "shipments"), ("order_addresses", "addresses"),
        ("order_statuses", "order_statuses"),
    ):  # fmt: skip
        assert key in await get(client, path), path


async def test_a_customer_with_its_book(client: httpx.AsyncClient) -> None:
    found = await get(client, "customers/1", expand="addresses,custom_fields")
    assert (found["email"], found["addresses"][0]["city"], found["custom_fields"]) == (
        "ana@roofers.example",
        "Austin",
        [],
    )
    assert found["store_payment_methods_enabled"] == []
    body = {"email": "b@x.example", "store_id": 1, "store_payment_methods_enabled": ["Checks"]}
    assert (await made(client, "customers", body))["store_payment_methods_enabled"] == ["Checks"]
    refused = await client.put("customers/1", json={"store_payment_methods_enabled": []})
    assert refused.status_code == 409


async def test_an_association_has_an_id_of_its_own_name(client: httpx.AsyncClient) -> None:
    child = await made(client, "customers", {"email": "b@x.example", "store_id": 1})
    body = {"association_type_id": 1, "parent_customer_id": 1, "child_customer_id": child["id"]}
    row = await made(client, "customer_association", body)
    assert row["customer_association_id"] == 1
    assert "id" not in row
    found = await get(client, "customer_association", child_customer_id=f"eq:{child['id']}")
    assert found["total_count"] == 1
    assert (await client.delete("customer_association/1")).status_code == 204


async def test_an_order_with_everything(client: httpx.AsyncClient) -> None:
    id_ = await an_order(client)
    body = {"order_id": id_, "customer_id": 1, "payment_type": "Custom", "amount": 30.5}
    await made(client, "order_payments", body)
    field = {"custom_field_id": 1, "resource_id": id_, "value": "f5b1"}
    await made(client, "custom_field_values", field)
    found = await get(client, f"orders/{id_}", expand="items,payments,shipments,custom_fields")
    assert [item["price"] for item in found["items"]] == [10.1666]
    assert found["custom_fields"] == [{"name": "sparklayer_cart_id", "value": "f5b1"}]
    assert (found["payments"][0]["approved_at"], found["items"][0]["variants"]) == ("", None)
    found = await get(client, "custom_field_values", custom_field_id="eq:1", value="eq:f5b1")
    assert found["values"][0]["resource_id"] == id_
    assert (await get(client, "orders", order_number="eq:SL-1"))["total_count"] == 1


async def test_a_shipment_of_a_known_name_is_changed(client: httpx.AsyncClient) -> None:
    id_ = await an_order(client)
    body = {"order_id": id_, "shipment_name": "SL-9", "items": [{"id": 1, "quantity_shipped": 2}]}
    first = await made(client, "order_shipments", body)
    again = await client.post("order_shipments", json={**body, "tracking_numbers": "1Z"})
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    (row,) = (await get(client, "order_shipments", expand="items"))["shipments"]
    assert row["items"][0] | {"item_name": ""} == {
        "id": 1, "quantity_shipped": 2, "product_id": 1, "item_name": "", "item_nr": "A-1",
    }  # fmt: skip
    strange = {**body, "shipment_name": "SL-10", "items": [{"id": 99, "quantity_shipped": 1}]}
    assert (await client.post("order_shipments", json=strange)).status_code == 409


async def test_a_status_moves_its_history(client: httpx.AsyncClient) -> None:
    id_ = await an_order(client)
    answer = await client.put(f"orders/{id_}/status", json={"order_status_id": 2})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["order_status_id"], found["previous_order_status_id"]) == (2, 1)
    assert found["order_status_last_changed_at"]
    assert (await client.put(f"orders/{id_}/status", json={"order_status_id": 77})).status_code == 409
    assert (await client.put("orders/999/status", json={"order_status_id": 1})).status_code == 404


def whole(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "order_number": "SL-ABC",
        "customer_email": "ana@roofers.example",
        "ordered_at": "2026-02-03T15:04:05Z",
        "order_status": "Fresh",
        "grand_total": 30.5,
        "billing_address_line_1": "12 Oak St",
        "shipping_address_line_1": "9 Elm St",
        "items": [{"item_number": "B-2-R", "item_name": "Bolt", "price": 10.1, "quantity": 3}],
        "payments": [{"payment_type": "Custom", "payment_method_name": "Net", "amount": 30.5}],
        "custom_fields": [{"custom_field_name": "sparklayer_cart_id", "custom_field_value": "f5b1"}],
    }
    return {**body, **changes}


async def test_one_call_makes_a_whole_order(client: httpx.AsyncClient) -> None:
    answer = await client.post("orders/integration", json=whole())
    assert answer.status_code == 200, answer.text
    (order,) = (await get(client, "orders", expand="items,payments,custom_fields"))["orders"]
    assert (order["order_number"], order["customer_id"], order["order_status_id"]) == ("SL-ABC", 1, 1)
    (item,) = order["items"]
    assert (item["variant_inventory_id"], item["product_id"], item["quantity"]) == (1, 2, 3)
    assert order["custom_fields"][0]["value"] == "f5b1"
    assert order["order_billing_address_id"] != order["order_shipping_address_id"]


async def test_the_same_order_again_doubles_its_lines(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        await client.post("orders/integration", json=whole())
    (order,) = (await get(client, "orders", expand="items"))["orders"]
    assert len(order["items"]) == 2


async def test_names_that_nobody_has_are_made(client: httpx.AsyncClient) -> None:
    await client.post("orders/integration", json=whole(order_status="Frehs", customer_email="new@x.example"))
    assert (await get(client, "order_statuses"))["total_count"] == 3
    assert (await get(client, "customers", email="eq:new@x.example"))["total_count"] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "red"},
        {"items": [{"sku": "A"}]},
        {"grand_total": "30"},
        {"customer_email": ""},
        {"custom_fields": [{"custom_field_name": "nobody", "custom_field_value": "1"}]},
    ],
)
async def test_an_order_that_cannot_be(client: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    assert (await client.post("orders/integration", json=whole(**changes))).status_code == 409


async def test_a_customer_by_its_email(client: httpx.AsyncClient) -> None:
    body = {
        "email": "ana@roofers.example", "company": "Ruiz", "customer_type": "Dealer", "taxable": False,
        "addresses": [{"address_line_1": "1 A St", "country": "United States", "default_billing_address": True}],
    }  # fmt: skip
    answer = await client.post("customers/integration", json=body)
    assert (answer.status_code, answer.json()["id"]) == (200, 1)
    found = await get(client, "customers/1", expand="addresses")
    assert (found["company"], found["is_no_tax_customer"], len(found["addresses"])) == ("Ruiz", True, 2)
    assert found["addresses"][1]["is_default_billing_address"] is True
    assert (await get(client, "customer_types", name="eq:Dealer"))["total_count"] == 1


async def test_old_stores_have_no_integration_routes(
    app: Starlette, client: httpx.AsyncClient, policy: SandboxPolicy
) -> None:
    app.state.service.policy = SandboxPolicy(token=policy.token, integration_routes=False)
    assert (await client.post("orders/integration", json=whole())).status_code == 404


async def test_a_store_keeps_rules_of_shipping_methods_and_countries_of_regions(
    client: httpx.AsyncClient, shop: SparkPayStore
) -> None:
    shop.insert("regions", name="North", countries=["United States", "Canada"], markup_amount=0)
    shop.insert("custom_shipping_methods", name="Parcel", is_enabled=True, rules=[{"id": 5, "region_id": 1}])
    assert (await get(client, "regions"))["regions"][0]["countries"] == ["United States", "Canada"]
    found = await get(client, "custom_shipping_methods", expand="rules")
    assert found["custom_shipping_methods"][0]["rules"] == [{"id": 5, "region_id": 1}]
