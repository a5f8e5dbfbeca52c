"""Products and variants against hand-written expectations."""

from typing import Any

import pytest
from small_shop import found, level, one, price, product, rows_of_variants, shop, site, variant, with_variant

from connector.demo.oracle import OracleSettings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sku", "NUT"),
        ("status", "pending"),
        ("options", [{"group": "Color", "value": "Red"}]),
        ("weight_in_grams", "907.2"),
        ("cart_image_url", "https://elsewhere.example.com/i/7.jpg"),
        ("rrp", [{"value": "12.51", "currency_code": "usd"}]),
        ("rrp", [{"value": "12.5", "currency_code": "eur"}]),
        ("settings", [{"customer_group": "base", "pack_size": 1, "min_order_quantity": 6}]),
        ("settings", [{"customer_group": "default", "pack_size": 6, "min_order_quantity": 6}]),
    ],
)
def test_each_wrong_field_of_a_variant_is_named(field: str, value: object) -> None:
    assert ("variant", "p-7", field) in found(shop(), with_variant(**{field: value}))


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "live"),
        ({"is_discontinued": True, "is_hidden": 1}, "discontinued"),
        ({"is_hidden": 1}, "suspended"),
        ({"is_subscription_product": True}, "suspended"),
        ({"product_status_id": 3}, "suspended"),
        ({"product_status_id": 2}, "live"),
    ],
)
def test_the_first_status_rule_that_fits_decides(changes: dict[str, Any], status: str) -> None:
    store = shop(products=[product(**changes)])
    wrong = {"live", "suspended", "discontinued", "pending"} - {status}
    assert found(store, with_variant(status=status)) == []
    assert all(found(store, with_variant(status=other)) == [("variant", "p-7", "status")] for other in wrong)


def test_a_product_that_is_off_for_one_customer_type_only_stays_live() -> None:
    hidden = {"id": 1, "item_id": 7, "store_id": 1, "customer_type_id": None}
    assert found(shop(product_inactive_in_store=[hidden]), site()) == [("variant", "p-7", "status")]
    assert found(shop(product_inactive_in_store=[{**hidden, "customer_type_id": 3}]), site()) == []
    assert found(shop(product_inactive_in_store=[{**hidden, "store_id": 2}]), site()) == []


@pytest.mark.parametrize(
    ("changes", "slug", "right"),
    [
        ({"url_rewrite": "/a/b.aspx"}, "a/b.aspx", True),
        ({"url_rewrite": "/a/b.aspx"}, "a/b.aspx-7", False),
        ({"url_rewrite": ""}, "bolt-m8-7", True),
        ({"url_rewrite": ""}, "bolt-m8", False),
        ({"url_rewrite": "", "item_name": "歯車"}, "product-7", True),
        ({"url_rewrite": "", "item_name": "歯車"}, "product-8", False),
    ],
)
def test_slugs(changes: dict[str, Any], slug: str, *, right: bool) -> None:
    there = site()
    there["products"][0] |= {"slug": slug, "title": " ".join(str({**product(), **changes}["item_name"]).split())}
    assert found(shop(products=[product(**changes)]), there) == ([] if right else [("product", "sparkpay:7", "slug")])


def test_two_products_that_want_one_slug_may_have_it_with_their_id() -> None:
    store = shop(products=[product(), product(id=8, item_number="NUT", warehouse_id=0)])
    other = {"external_id": "8", "title": "Bolt M8", "slug": "bolt-m8.aspx-8"}
    there = site()
    there["products"].append(other | {"variants": [variant(external_id="p-8", sku="NUT", cart_image_url=None)]})
    there["stock"]["NUT"] = {"default": level()}
    there["prices"]["NUT"] = {"sp-base-usd": [one("10")], "sp-ct-3-usd": [one("10")]}
    assert found(store, there) == []


def test_a_long_title_may_lose_its_end_but_not_its_beginning() -> None:
    title = "é" * 300
    there = site()
    there["products"][0]["title"] = title[:255]
    assert found(shop(products=[product(item_name=title)]), there) == []
    there["products"][0]["title"] = title[:20]
    assert found(shop(products=[product(item_name=title)]), there) == [("product", "sparkpay:7", "title")]


def test_what_is_missing_is_named() -> None:
    assert found(shop(), site(products=[], stock={}, prices={}))[0] == ("product", "sparkpay:7", "presence")
    there = site(stock={}, prices={})
    there["products"][0]["variants"] = []
    assert found(shop(), there) == [("variant", "p-7", "presence")]
    assert found(shop(), site(stock={})) == [("stock", "BOLT", "default.presence")]


def test_a_deleted_product_is_discontinued_and_its_sku_is_empty() -> None:
    gone = shop(products=[], product_pricing=[], product_pictures=[])
    retired = with_variant(status="discontinued") | {"prices": {}, "stock": {"BOLT": {"default": level(stock_level=0)}}}
    assert found(gone, retired) == []
    assert ("variant", "p-7", "status") in found(gone, with_variant(status="suspended"))
    assert ("price", "BOLT", "sp-base-usd") in found(gone, with_variant(status="discontinued"))
    lenient = OracleSettings(retired_are_empty=False)
    assert found(gone, with_variant(status="discontinued"), settings=lenient) == []


def test_a_product_that_nobody_knows_is_named() -> None:
    there = site()
    there["products"].append({"external_id": "erp-1", "title": "?", "slug": "x", "variants": []})
    assert found(shop(), there) == [("product", "erp-1", "presence")]


def test_a_vanished_variant_is_discontinued_under_its_own_or_a_longer_name() -> None:
    there = site()
    retired = variant(external_id="vi-3", sku="BOLT~vi-3", status="discontinued", position=2)
    there["products"][0]["variants"].append(retired)
    there["prices"]["BOLT~vi-3"] = {"sp-base-usd": [one("9")]}
    assert found(shop(), there) == []
    retired["status"] = "live"
    assert found(shop(), there) == [("variant", "vi-3", "status")]


def test_a_sku_that_exists_twice_belongs_to_the_lower_id_and_the_other_product_stays_away() -> None:
    store = shop(products=[product(), product(id=8, url_rewrite="/copy.aspx")])
    assert found(store, site()) == []
    suspended = site()
    suspended["products"].append(
        {
            "external_id": "8",
            "title": "x",
            "slug": "y",
            "variants": [variant(external_id="p-8", sku="BOLT~p-8", status="suspended")],
        }
    )
    assert found(store, suspended) == []
    suspended["products"][1]["variants"][0]["status"] = "live"
    assert found(store, suspended) == [("variant", "p-8", "status")]


@pytest.mark.parametrize("off", [{"is_discontinued": True}, {"is_hidden": 1}, {"product_status_id": 3}])
def test_a_live_claimant_has_the_sku_of_one_that_is_not_for_sale(off: dict[str, object]) -> None:
    status = "discontinued" if "is_discontinued" in off else "suspended"
    store = shop(
        products=[product(**off), product(id=8, url_rewrite="/copy.aspx")],
        product_pricing=[
            price(customer_type_id=3, price="8.5"),
            price(id=2, product_id=8, customer_type_id=3, price="8.5"),
        ],
    )
    kept = with_variant(status=status)
    assert ("product", "sparkpay:8", "presence") in found(store, kept)
    moved = with_variant(sku="BOLT~p-7", status=status)
    taker = variant(external_id="p-8", cart_image_url=None)
    moved["products"].append({"external_id": "8", "title": "Bolt M8", "slug": "copy.aspx", "variants": [taker]})
    assert found(store, moved) == []


def test_of_the_variants_of_one_product_that_share_a_sku_one_on_sale_has_it() -> None:
    store, there = rows_of_variants()
    store["variant_inventory"][1]["item_number"] = "BOLT-R"
    red, blue = there["products"][0]["variants"]
    blue |= {"sku": "BOLT-R~vi-51", "status": "suspended"}
    del there["prices"]["BOLT-B"], there["stock"]["BOLT-B"]
    assert found(store, there) == []
    store["variant_inventory"][1]["product_status_id"] = 1
    assert found(store, there) == []
    red |= {"sku": "BOLT-R~vi-50", "status": "suspended"}
    there["prices"], there["stock"] = {}, {}
    assert found(store, there) == [("variant", "BOLT-R", "holder")]


def test_a_product_without_a_sku_is_absent_or_suspended() -> None:
    store = shop(products=[product(item_number=" ")])
    assert found(store, site(products=[], stock={}, prices={})) == []
    assert found(store, with_variant(status="suspended") | {"stock": {}, "prices": {}}) == []
    assert found(store, with_variant() | {"stock": {}, "prices": {}}) == [("variant", "p-7", "status")]


def test_rows_of_variant_inventory_are_variants_of_their_own() -> None:
    store, there = rows_of_variants()
    assert found(store, there) == []


@pytest.mark.parametrize(
    ("red", "blue", "right"), [(2, 1, True), (1, 2, True), (1, 1, False), (1, 3, False), (0, 1, False)]
)
def test_positions_follow_the_rows(red: int, blue: int, *, right: bool) -> None:
    store, there = rows_of_variants()
    there["products"][0]["variants"][0]["position"] = red
    there["products"][0]["variants"][1]["position"] = blue
    assert found(store, there) == ([] if right else [("product", "sparkpay:7", "positions")])


def test_options_without_rows_are_combined_and_extend_the_sku() -> None:
    options = [
        {
            "id": 5,
            "product_id": 7,
            "variant_group_id": 1,
            "description": "Red",
            "item_number_extension": "-R",
            "item_number_sort_order": 2,
        },
        {
            "id": 6,
            "product_id": 7,
            "variant_group_id": 2,
            "description": "M",
            "item_number_extension": "-M",
            "item_number_sort_order": 1,
        },
        {"id": 8, "product_id": 7, "variant_group_id": 2, "description": "L", "is_hidden": True},
    ]
    there = with_variant(
        external_id="p-7-5-6",
        sku="BOLT-M-R",
        options=[{"group": "Size", "value": "M"}, {"group": "Color", "value": "Red"}],
    )
    there |= {"prices": {"BOLT-M-R": there["prices"]["BOLT"]}, "stock": {"BOLT-M-R": there["stock"]["BOLT"]}}
    assert found(shop(product_variants=options), there) == []
    assert ("variant", "p-7-5-6", "presence") in found(shop(product_variants=options), site())


@pytest.mark.parametrize(
    ("unit", "weight", "there", "right"),
    [
        ("Oz", "0", None, True),
        ("Oz", "0", 0, True),
        ("Oz", "0", "5", False),
        ("Stone", "2", "5", True),
        ("Kg", "0.5", "500", True),
    ],
)
def test_weights(unit: str, weight: str, there: object, *, right: bool) -> None:
    store = shop(products=[product(weight=weight, weight_unit=unit)])
    fields = [] if right else [("variant", "p-7", "weight_in_grams")]
    assert found(store, with_variant(weight_in_grams=there)) == fields
