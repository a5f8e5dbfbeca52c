"""What a comparison reports, and what it is told to leave out."""

from decimal import Decimal

import pytest
from small_shop import NOW, SETTINGS, found, level, one, product, shop, site, with_prices, with_variant

from connector.demo.oracle import Difference, Excuse, OracleSettings, compare, differences


def test_a_site_that_is_as_it_should_be_has_no_difference_and_says_how_much_was_compared() -> None:
    result = compare(shop(), site(), settings=SETTINGS, now=NOW)
    assert result.differences == ()
    assert result.entities == {"product": 1, "variant": 1, "price": 1, "price-list": 2, "stock": 1}
    assert result.fields == {"product": 3, "variant": 7, "price": 2, "price-list": 5, "stock": 3}
    assert result.fields_compared == 20


def test_a_difference_names_the_entity_the_field_and_both_values() -> None:
    there = site(stock={"BOLT": {"default": level(stock_level=39)}})
    (difference,) = differences(shop(), there, settings=SETTINGS, now=NOW)
    assert difference == Difference("stock", "BOLT", "default.stock_level", "40", "39")
    assert str(difference) == "stock BOLT: default.stock_level should be 40, found 39"


def test_a_record_that_waits_in_a_dead_letter_topic_is_not_compared() -> None:
    excused = {"price:BOLT": Excuse("price refused")}
    assert found(shop(), site(prices={}), excused=excused) == []
    assert (
        found(shop(), site(products=[], stock={}, prices={}), excused={"product:sparkpay:7": Excuse("refused")}) == []
    )
    assert found(shop(), site(stock={}), excused=excused) == [("stock", "BOLT", "default.presence")]


def test_an_edited_price_is_compared_with_the_edit() -> None:
    excused = {"price:BOLT": Excuse("edited", {"sp-base-usd": ((1, Decimal(5)),)})}
    edited = with_prices(sp_base_usd=[one("5.00")], sp_ct_3_usd=[one("8.5")])
    assert found(shop(), edited, excused=excused) == []
    assert found(shop(), site(), excused=excused) == [("price", "BOLT", "sp-base-usd")]
    other = with_prices(sp_base_usd=[one("5")], sp_ct_3_usd=[one("8")])
    assert found(shop(), other, excused=excused) == [("price", "BOLT", "sp-ct-3-usd")]


def test_an_edited_sku_makes_a_skipped_variant_expected() -> None:
    store = shop(products=[product(item_number="")])
    excused = {
        "variant:p-7": Excuse("edited", {"sku": "FOUND"}),
        "price:FOUND": Excuse("no price was published"),
        "stock:FOUND": Excuse("no stock was published"),
    }
    assert found(store, with_variant(sku="FOUND") | {"stock": {}, "prices": {}}, excused=excused) == []
    assert found(store, site(products=[], stock={}, prices={}), excused=excused) == [
        ("product", "sparkpay:7", "presence")
    ]


def test_several_stores_need_a_choice() -> None:
    store = shop(stores=[{"id": 1, "domain_name": "trade.example.com"}, {"id": 2, "domain_name": "b.example.com"}])
    with pytest.raises(ValueError, match=r"\[1, 2\]"):
        differences(store, site(), settings=SETTINGS, now=NOW)
    assert found(store, site(), settings=OracleSettings(store_id=1)) == []
