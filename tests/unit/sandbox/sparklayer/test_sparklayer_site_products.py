"""Products and variants as the vendor documents them."""

from decimal import Decimal
from typing import Any

import pytest


async def test_a_new_product_comes_back_with_ids_defaults_and_exact_numbers(caller: Any) -> None:
    raw = (
        b'{"external_id":"4711","title":"Seil","slug":"seil","variants":[{"external_id":"vi-1","sku":"S/1",'
        b'"rrp":[{"value":129.10,"currency_code":"usd"}],"options":[{"group":"Colour","value":"Red"}],'
        b'"settings":[{"customer_group":"base","pack_size":6}],'
        b'"stock":[{"stock_location_id":"default","stock_level":14}]}]}'
    )
    headers = {**caller.headers, "Content-Type": "application/json"}
    answer = await caller.http.post("/api/v1/products", content=raw, headers=headers)
    assert answer.status_code == 200
    assert '"value":129.10,' in answer.text
    product = answer.json()
    variant = product["variants"][0]
    assert product["id"].startswith("pp_")
    assert variant["id"].startswith("pv_")
    assert (variant["status"], variant["position"], variant["product_id"]) == ("pending", 1, product["id"])
    assert product["created_at"] == "2026-03-01T12:00:00.000Z"
    assert caller.site.variant_by_sku("S/1")["rrp"][0]["value"] == Decimal("129.10")
    assert caller.site.stock("S/1") == {"default": {"stock_level": 14, "restock_date": None, "min_stock_level": 0}}
    for key in ("4711", product["id"]):
        assert (await caller.call("GET", f"/api/v1/products/{key}")).json() == product
    assert (await caller.call("GET", "/api/v1/variants/vi-1")).json() == variant
    assert caller.site.dump()["products"][0]["variants"][0]["rrp"][0]["value"] == "129.10"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": None}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"slug": ""}, "slug"),
        ({"external_id": "pp_1"}, "external_id"),
        ({"external_id": "1" * 101}, "external_id"),
        ({"description": "x"}, "description"),
        ({"variants": {}}, "variants"),
        ({"variants": [{"sku": ""}]}, "variants[0].sku"),
        ({"variants": [{"sku": "s" * 101}]}, "variants[0].sku"),
        ({"variants": [{"external_id": "pv_1"}]}, "variants[0].external_id"),
        ({"variants": [{"status": "active"}]}, "variants[0].status"),
        ({"variants": [{"weight_in_grams": "12"}]}, "variants[0].weight_in_grams"),
        ({"variants": [{"position": True}]}, "variants[0].position"),
        ({"variants": [{"cart_image_url": "u" * 513}]}, "variants[0].cart_image_url"),
        ({"variants": [{"rrp": [{"value": 1}]}]}, "variants[0].rrp[0].currency_code"),
        ({"variants": [{"options": [{"group": "a"}]}]}, "variants[0].options[0].value"),
        ({"variants": [{"settings": [{"pack_size": 1}]}]}, "variants[0].settings[0].customer_group"),
        (
            {"variants": [{"stock": [{"stock_location_id": "no", "stock_level": 1}]}]},
            "variants[0].stock[0].stock_location_id",
        ),
    ],
)
async def test_a_wrong_field_is_named(caller: Any, change: dict[str, Any], field: str) -> None:
    answer = await caller.call("POST", "/api/v1/products", {"title": "T", "slug": "t", **change})
    assert answer.status_code == 400
    assert answer.json()["title"] == "invalid-api-request-contents"
    assert [error["property"] for error in answer.json()["errors"]] == [field]
    assert caller.site.dump()["products"] == []


async def test_title_and_slug_are_needed_to_create_only(caller: Any) -> None:
    answer = await caller.call("POST", "/api/v1/products", {})
    assert [error["property"] for error in answer.json()["errors"]] == ["slug", "title"]
    await caller.product()
    assert (await caller.call("PATCH", "/api/v1/products/1", {})).status_code == 200
    assert (await caller.call("PATCH", "/api/v1/products/2", {})).status_code == 404


async def test_what_is_unique_over_the_site_conflicts_and_nothing_is_applied(caller: Any) -> None:
    await caller.product(1, skus=("A", "B"))
    await caller.call("PATCH", "/api/v1/variants/v-A", {"status": "discontinued"})
    second = {"external_id": "2", "title": "Q", "slug": "q"}
    for change, name, code in (
        ({"external_id": "1"}, "external_id", "resource-already-exists"),
        ({"slug": "p-1"}, "slug", "resource-already-exists"),
        ({"variants": [{"sku": "A"}]}, "variants[0].sku", "duplicate-sku"),
        ({"variants": [{"sku": "C"}, {"sku": "C"}]}, "variants[1].sku", "duplicate-sku"),
        ({"variants": [{"external_id": "v-A"}]}, "variants[0].external_id", "resource-already-exists"),
    ):
        answer = await caller.call("POST", "/api/v1/products", {**second, **change})
        assert answer.status_code == 409
        assert [(error["property"], error["code"]) for error in answer.json()["errors"]] == [(name, code)]
    await caller.product(3, skus=("D",))
    assert (await caller.call("PATCH", "/api/v1/products/3", {"title": "New", "slug": "p-1"})).status_code == 409
    assert (await caller.call("PATCH", "/api/v1/variants/v-D", {"sku": "B"})).status_code == 409
    assert caller.site.product("3")["title"] == "P3"
    assert caller.site.product("2") is None


async def test_a_sku_moves_after_its_holder_is_renamed_and_takes_no_prices_along(caller: Any) -> None:
    await caller.product(1, skus=("A",))
    await caller.price_list()
    row = {"sku": "A", "price_list_slug": "base", "pricing": [{"quantity": 1, "price": 5}]}
    assert (await caller.call("PATCH", "/api/v1/batch-update-pricing", [row])).status_code == 204
    renamed = await caller.call("PATCH", "/api/v1/variants/v-A", {"sku": "A~v-A", "status": "discontinued"})
    assert renamed.status_code == 200
    body = {"title": "New", "slug": "new", "variants": [{"external_id": "n", "sku": "A"}]}
    assert (await caller.call("POST", "/api/v1/products", body)).status_code == 200
    assert caller.site.prices("A") == {}
    assert caller.site.prices("A~v-A") == {"base": [{"quantity": 1, "price": 5}]}


async def test_two_variants_may_swap_their_skus_in_one_call(caller: Any) -> None:
    await caller.product(1, skus=("A", "B"))
    swapped = [{"external_id": "v-A", "sku": "B"}, {"external_id": "v-B", "sku": "A"}]
    assert (await caller.call("PATCH", "/api/v1/products/1", {"variants": swapped})).status_code == 200
    assert caller.site.variant_by_sku("A")["external_id"] == "v-B"
    assert caller.site.variant_by_sku("B")["external_id"] == "v-A"


@pytest.mark.parametrize(("style", "left"), [("merge", ["A", "B", "C"]), ("replace", ["B", "C"])])
async def test_variants_left_out_of_a_change(start: Any, style: str, left: list[str]) -> None:
    caller = await start(variants_patch=style)
    before = await caller.product(1, skus=("A", "B"))
    stock = [{"sku": "A", "stock_location_external_id": "default", "stock_level": 3}]
    await caller.call("POST", "/api/v1/batch-update-stock", stock)
    body = {"variants": [{"external_id": "v-B", "position": 7}, {"external_id": "v-C", "sku": "C"}]}
    changed = (await caller.call("PATCH", "/api/v1/products/1", body)).json()
    assert [variant["sku"] for variant in changed["variants"]] == left
    kept = next(variant for variant in changed["variants"] if variant["sku"] == "B")
    assert (kept["id"], kept["position"], kept["status"]) == (before["variants"][1]["id"], 7, "live")
    assert changed["variants"][-1]["status"] == "pending"
    assert bool(caller.site.stock("A")) is (style == "merge")
    assert (caller.site.variant_by_sku("A") is None) is (style == "replace")


@pytest.mark.parametrize("style", ["merge", "replace"])
async def test_a_collision_is_named_by_its_place_in_the_request(start: Any, style: str) -> None:
    caller = await start(variants_patch=style)
    await caller.product(1, skus=("A", "B", "C"))
    await caller.product(2, skus=("D",))

    async def taken(path: str, body: Any) -> list[str]:
        answer = await caller.call("PATCH", path, body)
        assert answer.status_code == 409
        return [error["property"] for error in answer.json()["errors"]]

    new = [{"external_id": "v-B"}, {"external_id": "n", "sku": "D"}]
    assert await taken("/api/v1/products/1", {"variants": new}) == ["variants[1].sku"]
    assert await taken("/api/v1/variants/v-A", {"sku": "D"}) == ["sku"]
    assert await taken("/api/v1/variants/v-A", {"sku": "C"}) == ["sku"]
    takes_c = await caller.call("PATCH", "/api/v1/products/1", {"variants": [{"external_id": "v-A", "sku": "C"}]})
    if style == "merge":
        assert takes_c.json()["errors"][0]["property"] == "variants[0].sku"
    else:
        assert takes_c.status_code == 200


async def test_one_variant_named_twice_conflicts(caller: Any) -> None:
    await caller.product(1)
    twice = {"variants": [{"external_id": "v-A"}, {"sku": "A"}]}
    assert (await caller.call("PATCH", "/api/v1/products/1", twice)).status_code == 409
