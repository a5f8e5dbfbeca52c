"""Shipping methods, places of stock and settings: each difference is found."""

from typing import Any

import pytest
from trading_shop import found, site, store

SETUP = frozenset({"shipping-method", "stock-location", "setting"})
KEY = "sp-csm-9"


def setup(shop: dict[str, Any], there: dict[str, Any], **changes: Any) -> list[tuple[str, str, str]]:
    return found(shop, there, kinds=SETUP, **changes)


def method(**changes: Any) -> dict[str, Any]:
    return site(shipping_methods=[site()["shipping_methods"][0] | changes])


def rule(**changes: Any) -> dict[str, Any]:
    row = store()["custom_shipping_methods"][0]
    return store(custom_shipping_methods=[row | {"rules": [row["rules"][0] | changes]}])


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", "X"), ("countries", ["US"]), ("groups", ["ct-3"]), ("bands", [])],
)
def test_one_field_of_a_method(field: str, value: object) -> None:
    assert setup(store(), method(**{field: value})) == [("shipping-method", KEY, field)]


def test_the_bounds_of_a_band() -> None:
    band = {"requirement": {"min": "1", "max": None}, "cost": {"type": "flat"}}
    found_ = [field for _, _, field in setup(store(), method(bands=[band]))]
    assert found_ == ["band min", "band max", "band cost"]


def test_a_method_that_cannot_be_told_or_is_not_offered_is_not_there() -> None:
    extra = site()["shipping_methods"] + [{"code": "sp-csm-10", "title": "Courier"}]
    assert setup(store(), site(shipping_methods=extra)) == [("shipping-method", "sp-csm-10", "presence")]
    assert setup(store(), site(shipping_methods=[])) == [("shipping-method", KEY, "presence")]
    for changes in (
        {"amount": 3},
        {"bound_type": "Dollars"},
        {"bound_type_2": "Weight"},
        {"warehouse_id": 2},
        {"region_id": 8},
    ):
        assert setup(rule(**changes), site()) == [("shipping-method", KEY, "presence")]
        assert setup(rule(**changes), site(shipping_methods=[])) == []
    assert setup(store(custom_shipping_methods=[]), site()) == [("shipping-method", KEY, "presence")]
    assert setup(store(), site(), shipping_api="off") == [("shipping-method", KEY, "presence")]


def test_a_rule_for_a_type_and_one_for_everywhere() -> None:
    assert setup(rule(customer_type_id=3), method(groups=["ct-3"])) == []
    assert setup(rule(region_id=0), method(countries=[])) == []


def test_places() -> None:
    places = site()["stock_locations"]
    assert setup(store(), site(stock_locations=places[:1])) == [("stock-location", "wh-2", "presence")]
    named = [places[0], places[1] | {"name": "R"}]
    assert setup(store(), site(stock_locations=named)) == [("stock-location", "wh-2", "name")]
    assert setup(store(), site(stock_locations=[]), stock_mode="single_default") == []


def test_settings() -> None:
    assert setup(store(), site(settings={"taxDisplay": "gross"})) == [("setting", "taxDisplay", "value")]
