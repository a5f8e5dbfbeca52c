"""Prices per list and break, and stock per place, against hand-written expectations."""

from datetime import UTC, datetime
from typing import Any

import pytest
from small_shop import SETTINGS, found, level, one, price, product, shop, site, variant, with_prices, with_variant

from connector.demo.oracle import OracleSettings, differences


def test_the_most_specific_row_wins_and_sales_count_while_they_run() -> None:
    rows = [
        price(id=1, price="9"),
        price(id=2, customer_type_id=3, price="8.5"),
        price(
            id=3,
            sale_type_id=1,
            price="7",
            start_date="2026-06-01T00:00:00-05:00",
            end_date="2026-06-02T00:00:00-05:00",
        ),
        price(id=4, starting_quantity="9.5", price="6"),
        price(id=5, customer_type_id=4, price="1"),
        price(id=6, store_id=2, price="2"),
        price(id=7, sale_type_id=1, price="3", end_date="2026-06-01T07:00:00-05:00"),
    ]
    right = with_prices(sp_base_usd=[one("7"), one("6", 10)], sp_ct_3_usd=[one("8.5"), one("6.0000", 10)])
    assert found(shop(product_pricing=rows), right) == []
    late = datetime(2026, 6, 2, 12, tzinfo=UTC)
    assert [each.field for each in differences(shop(product_pricing=rows), right, settings=SETTINGS, now=late)] == [
        "sp-base-usd"
    ]


def test_prices_with_more_than_four_decimals_may_be_rounded_either_way_others_not_at_all() -> None:
    options = [
        {"id": 5, "product_id": 7, "variant_group_id": 1, "description": "Red", "item_number_extension": "-R"}
        | {"price_adjustment_type": "+ percent", "price_adjustment": "3.333"}
    ]
    store = shop(products=[product(price="10.01")], product_variants=options, product_pricing=[])
    there = with_variant(external_id="p-7-5", sku="BOLT-R", options=[{"group": "Color", "value": "Red"}])
    there["stock"] = {"BOLT-R": {"default": level()}}
    for amount, right in (("10.3436", True), ("10.3437", True), ("10.3435", False), ("10.01", False)):
        there["prices"] = {"BOLT-R": {"sp-base-usd": [one(amount)], "sp-ct-3-usd": [one(amount)]}}
        fields = [each[2] for each in found(store, there)]
        assert fields == ([] if right else ["sp-base-usd", "sp-ct-3-usd"]), amount


def test_a_sku_without_a_price_is_in_no_list() -> None:
    store = shop(products=[product(call_for_pricing=1)])
    assert found(store, site(prices={}, price_lists=[])) == []
    assert found(store, site()) == [("price", "BOLT", "sp-base-usd"), ("price", "BOLT", "sp-ct-3-usd")]


def test_a_price_that_a_calculator_makes_is_never_guessed() -> None:
    rows = [price(price="9", price_calculation_id=2)]
    assert found(shop(product_pricing=rows), site(prices={})) == []
    based = OracleSettings(on_calculator="base")
    there = with_prices(sp_base_usd=[one("10")], sp_ct_3_usd=[one("10")])
    assert found(shop(product_pricing=rows), there, settings=based) == []
    assert len(found(shop(product_pricing=rows), there)) == 2


def test_price_lists_must_be_there_and_be_the_connectors_own() -> None:
    assert found(shop(), site(price_lists=site()["price_lists"][:1])) == [("price-list", "sp-ct-3-usd", "presence")]
    foreign = [{**row, "source": "custom"} for row in site()["price_lists"]]
    assert found(shop(), site(price_lists=foreign)) == [
        ("price-list", "sp-base-usd", "source"),
        ("price-list", "sp-ct-3-usd", "source"),
    ]
    unknown = with_prices(sp_base_usd=[one("10")], sp_ct_3_usd=[one("8.5")], sp_ct_9_usd=[one("1")])
    assert found(shop(), unknown) == [("price", "BOLT", "sp-ct-9-usd")]


def test_only_customer_types_in_scope_have_lists() -> None:
    nobody = OracleSettings(customer_type_ids=())
    assert found(shop(), with_prices(sp_base_usd=[one("10")]), settings=nobody) == []
    assert found(shop(), site(), settings=nobody) == [("price", "BOLT", "sp-ct-3-usd")]


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({"quantity_on_hand": -3}, level(stock_level=0)),
        ({"is_non_inventory": True}, level(stock_level=999_999)),
        ({"product_status_id": 4}, level(min_stock_level=-9999)),
        ({"eta_date": "2026-07-04T00:00:00-05:00"}, level(restock_date="2026-07-04")),
    ],
)
def test_stock(changes: dict[str, Any], right: dict[str, Any]) -> None:
    store = shop(products=[product(**changes)])
    assert found(store, site(stock={"BOLT": {"default": right}})) == []
    assert len(found(store, site())) == 1


def test_stock_per_warehouse_is_at_one_place_and_zero_everywhere_else() -> None:
    settings = OracleSettings(stock_mode="per_warehouse")
    places = [*site()["stock_locations"], {"id": "sl_2", "external_id": "wh-2", "name": "Reno"}]
    moved = {"BOLT": {"wh-2": level(), "default": level(stock_level=0)}}
    assert found(shop(), site(stock=moved, stock_locations=places), settings=settings) == []
    both = {"BOLT": {"wh-2": level(), "default": level()}}
    assert found(shop(), site(stock=both, stock_locations=places), settings=settings) == [
        ("stock", "BOLT", "default.stock_level")
    ]
    assert found(shop(), site(stock_locations=places), settings=settings) == [("stock", "BOLT", "wh-2.presence")]


def test_the_heading_of_a_family_without_a_price_is_not_pushed() -> None:
    child = product(id=8, item_number="NUT", url_rewrite="/nut.aspx")
    store = shop(products=[product(price="0", child_products=[{"id": 8}]), child], product_pricing=[])
    there = site(
        prices={"NUT": {"sp-base-usd": [one("10")], "sp-ct-3-usd": [one("10")]}}, stock={"NUT": {"default": level()}}
    )
    there["products"][0] |= {"external_id": "8", "slug": "nut.aspx"}
    there["products"][0]["variants"] = [variant(external_id="p-8", sku="NUT", cart_image_url=None)]
    assert found(store, there) == []


def test_a_child_may_take_the_price_of_its_family() -> None:
    child = product(id=8, item_number="NUT", url_rewrite="/nut.aspx", price="99", use_pricing_from_parent=True)
    store = shop(products=[product(child_products=[{"id": 8}]), child])
    there = site()
    there["products"].append(
        {
            "external_id": "8",
            "title": "Bolt M8",
            "slug": "nut.aspx",
            "variants": [variant(external_id="p-8", sku="NUT", cart_image_url=None)],
        }
    )
    there["stock"]["NUT"] = {"default": level()}
    there["prices"]["NUT"] = there["prices"]["BOLT"]
    assert found(store, there) == []
