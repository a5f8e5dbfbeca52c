from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from connector.sandbox.sparkpay import SandboxPolicy, SparkPayStore

NEW = {
    "item_name": "Lamp",
    "price": 12.5,
    "product_status_id": 1,
    "primary_category_id": 2,
    "long_description_tab_name_5": "",
}


async def test_post_creates_then_updates_by_id(client: httpx.AsyncClient, app: Starlette) -> None:
    created = await client.post("products", json=NEW)
    assert (created.status_code, created.json()["id"], created.json()["size_unit"]) == (201, 4, "In")
    updated = await client.post("products", json={"id": 4, "item_number": "L-4"})
    assert (updated.status_code, updated.json()["item_name"], updated.json()["item_number"]) == (200, "Lamp", "L-4")
    assert app.state.journal.violations == []


async def test_put_is_partial_and_moves_updated_at(
    client: httpx.AsyncClient, store: SparkPayStore, pass_time: Callable[[float], None]
) -> None:
    pass_time(60)
    answer = await client.put("products/1", json={"item_name": "Hinge 2"})
    assert answer.json()["item_number"] == "A-1"
    written = answer.json()["updated_at"]
    assert len(written.split(".")[1].split("-")[0]) == 7
    assert written.startswith("2026-11-22T06:01:01.234567")
    assert (await client.get("products/1")).json()["updated_at"] == "2026-11-22T06:01:01.233-06:00"
    assert store.rows("products")[1]["updated_at"] != store.rows("products")[0]["updated_at"]


async def test_a_child_does_not_move_its_product(
    client: httpx.AsyncClient, store: SparkPayStore, pass_time: Callable[[float], None]
) -> None:
    before = store.get("products", 1)
    pass_time(60)
    await client.put("product_pricing/1", json={"price": 24.99})
    assert store.get("products", 1) == before
    assert (store.get("product_pricing", 1) or {})["price"] == Decimal("24.99")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("products/1", {"colour": "red"}),
        ("products/1", {"price": "12"}),
        ("products/1", {"quantity_on_hand": 1.5}),
        ("products/1", {"is_hidden": True}),
        ("products/1", {"is_kit": 1}),
        ("products/1", {"item_name": None}),
        ("products/1", {"variants": []}),
        ("products/1", {"id": 2}),
        ("products/1", {"eta_date": "tomorrow"}),
        ("variant_inventory/1", {"variants": []}),
    ],
)
async def test_wrong_bodies_are_409_and_recorded(
    client: httpx.AsyncClient, app: Starlette, path: str, body: Any
) -> None:
    answer = await client.put(path, json=body)
    assert answer.status_code == 409
    assert len(app.state.journal.violations) == 1
    assert next(iter(body)) in app.state.journal.violations[0].problem


@pytest.mark.parametrize(
    "body", [{"primary_category_id": 77}, {"price": -1}, {"child_products": [{"id": 77}]}, {"product_status_id": 9}]
)
async def test_wrong_data_is_409_without_a_violation(client: httpx.AsyncClient, app: Starlette, body: Any) -> None:
    assert (await client.post("products", json={**NEW, **body})).status_code == 409
    assert app.state.journal.violations == []


async def test_values_that_the_documents_allow_against_the_file(client: httpx.AsyncClient, app: Starlette) -> None:
    nulls = {"eta_date": None, "low_stock_warning_threshold": None, "supplier_id": 3, "manufacturer_id": 0}
    assert (await client.put("products/1", json=nulls)).status_code == 200
    assert (await client.put("product_variants/1", json={"price_adjustment": 1.25})).status_code == 200
    assert (await client.put("product_pricing/1", json={"start_date": "", "end_date": None})).status_code == 200
    assert app.state.journal.violations == []


async def test_a_missing_column_is_500(client: httpx.AsyncClient) -> None:
    answer = await client.post("products", json={key: value for key, value in NEW.items() if key != "price"})
    assert answer.status_code == 500
    assert "Cannot insert the value NULL into column 'price'" in answer.json()["details"]


async def test_delete_and_what_is_gone(client: httpx.AsyncClient, store: SparkPayStore) -> None:
    assert (await client.delete("products/2")).status_code == 204
    assert store.rows("variant_inventory") == store.rows("product_variants") == []
    assert [answer.status_code for answer in (await client.get("products/2"), await client.delete("products/2"))] == [
        404,
        404,
    ]
    gone = await client.put("products/2", json={"item_name": "x"})
    assert (gone.status_code, "has been removed" in gone.json()["details"]) == (500, True)
    assert (await client.post("products", json={"id": 2, **NEW})).status_code == 500
    assert (await client.put("products/99", json={"item_name": "x"})).status_code == 404


async def test_a_combination_needs_options_of_its_product(client: httpx.AsyncClient) -> None:
    link = {"id": 1, "product_id": 2, "variant_group_id": 1}
    made = await client.post("variant_inventory", json={"product_id": 2, "item_number": "N", "variants": [link]})
    assert (made.status_code, made.json()["id"]) == (201, 2)
    sku = (await client.get("variant_inventory/2?expand=variants")).json()
    assert [option["id"] for option in sku["variants"]] == [1]
    assert (await client.post("variant_inventory", json={"product_id": 1, "variants": [link]})).status_code == 409
    assert (await client.post("variant_inventory", json={"product_id": 2, "variants": [{"id": 1}]})).status_code == 409


async def test_stores_are_read_only(client: httpx.AsyncClient) -> None:
    assert (await client.put("stores/1", json={"name": "x"})).status_code == 405
    assert (await client.delete("stores/1")).status_code == 405
    assert (await client.get("stores/1")).status_code == 200


async def test_import_many_reports_each_line(client: httpx.AsyncClient, store: SparkPayStore, app: Starlette) -> None:
    store.insert("products", item_number="a-1", item_name="Twin")
    lines = [
        {"lookup_by_sku": True, "product": {"item_number": "C-3", "price": 3.3333}},
        {"lookup_by_sku": True, "product": {"item_number": "NEW", **NEW}},
        {"lookup_by_sku": True, "product": {"item_number": "A-1", "price": 1}},
        {"product": {"id": 2, "item_name": "Bolt 2"}},
        {"product": {"item_name": "without a price"}},
    ]
    body = (await client.post("products/importMany", json=lines)).json()
    assert [line["status_code"] for line in body["results"]] == [200, 201, 409, 200, 500]
    assert [line["line_item"] for line in body["results"]] == [0, 1, 2, 3, 4]
    assert (body["total_errors"], body["results"][1]["entity_id"]) == (2, 5)
    assert (store.get("products", 3) or {})["price"] == Decimal("3.3333")
    assert app.state.journal.violations == []
    await client.post("products/importMany", json=[{"product": {"nonsense": 1}}])
    assert len(app.state.journal.violations) == 1
    assert (await client.post("products/importMany", json=[{}] * 201)).status_code == 413


async def test_stock_one_sku_at_a_time(client: httpx.AsyncClient, store: SparkPayStore) -> None:
    store.update("inventory_settings", 1, out_of_stock_product_status_id=2, in_stock_product_status_id=1)
    found = (await client.get("inventory?item_number=B-2-R")).json()
    assert (found["product_id"], found["variant_inventory_id"], found["quantity"]) == (2, 1, 7)
    assert (await client.post("inventory/remove", json={"variant_inventory_id": 1, "quantity": 2})).json()[
        "quantity"
    ] == 5
    assert (await client.post("inventory/add", json={"item_number": "A-1", "quantity": 3})).json()["quantity"] == 3
    await client.post("inventory/set", json={"item_number": "A-1", "quantity": 0})
    assert (store.get("products", 1) or {})["product_status_id"] == 2
    await client.post("inventory/set", json={"product_id": 1, "quantity": 9})
    assert (store.get("products", 1) or {})["product_status_id"] == 1
    assert (await client.get("inventory")).status_code == 400
    assert (await client.get("inventory?item_number=none")).status_code == 404
    store.insert("products", item_number="A-1", item_name="Twin")
    assert (await client.get("inventory?item_number=A-1")).status_code == 409


async def test_inventory_settings(client: httpx.AsyncClient) -> None:
    assert (await client.get("inventory/settings")).json()["track_inventory"] is True
    changed = await client.put("inventory/settings", json={"track_inventory": False})
    assert changed.json()["track_inventory"] is False
    assert (await client.get("inventory_settings")).status_code == 404
    assert (await client.put("inventory/settings", json={"x": 1})).status_code == 409


async def test_token_and_scopes(client: httpx.AsyncClient, app: Starlette, policy: SandboxPolicy) -> None:
    wrong = await client.get("products", headers={"X-AC-Auth-Token": "other"})
    assert (wrong.status_code, wrong.headers["x-ac-call-limit"]) == (401, "0/1000")
    app.state.service.policy = SandboxPolicy(token=policy.token, scopes=frozenset({"read_catalog", "settings"}))
    asked = ["products", "warehouses", "customer_types", "stores", "inventory?product_id=1"]
    assert [(await client.get(path)).status_code for path in asked] == [200, 200, 403, 403, 200]
    assert (await client.put("products/1", json={"item_name": "x"})).status_code == 403
    assert (await client.put("warehouses/1", json={})).status_code == 404


def test_a_merchants_edit_is_exact_or_refused(store: SparkPayStore) -> None:
    before = store.get("products", 1) or {}
    assert store.update("products", 1, touch=False, price=Decimal("1.23456"))["price"] == Decimal("1.2346")
    assert (store.get("products", 1) or {})["updated_at"] == before["updated_at"]
    with pytest.raises(TypeError, match="float"):
        store.update("products", 1, price=1.5)
    with pytest.raises(KeyError, match="no field"):
        store.update("products", 1, colour="red")
    with pytest.raises(KeyError, match="no resource"):
        store.insert("wishlists")
    assert store.insert("products", item_name="x", updated_at=None)["updated_at"] is None
    assert store.dump()["products"][0]["price"] == "1.2346"
    assert store.get("products", 99) is None
