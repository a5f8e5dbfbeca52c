"""Shipping methods, stock locations and settings against the sandbox."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from contracts.entities import BandBasis, Setting, ShippingBand, ShippingMethod, StockLocation
from handlers.outcome import Applied, Outcome, Rejected
from tests.support.handler_desk import Desk

FREE = ShippingBand(basis=BandBasis.WEIGHT, upper=Decimal(1000), price=Decimal(0))


def method(**changes: Any) -> ShippingMethod:
    fields: dict[str, Any] = {"key": "sp-csm-3", "name": "Pallet", "countries": ("US",), "groups": ("base",)}
    return ShippingMethod(**{**fields, "bands": (FREE,), **changes})


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


async def test_shipping_methods_are_off_until_an_interface_is_named(desk: Desk) -> None:
    outcome = only(await desk.apply(method()))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    assert desk.calls() == []


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_shipping_method_is_made_changed_and_removed(desk_of: Callable[..., Desk], version: str) -> None:
    desk = desk_of(shipping__api=version)
    path = f"/api/{version}/shipping-methods"
    assert isinstance(only(await desk.apply(method(priority=3))), Applied)
    assert desk.calls() == [f"GET {path}", f"POST {path}"]
    (row,) = desk.site.shipping_methods.all()
    assert (row["code"], row["priority"], row["countries"], row["groups"]) == ("sp-csm-3", 3, ["US"], ["base"])
    await desk.apply(method(name="Pallets"))
    assert desk.calls() == [f"PATCH {path}/{{id}}"]
    await desk.apply(method(enabled=False))
    assert desk.calls() == [f"DELETE {path}/{{id}}"]
    assert desk.site.shipping_methods.all() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unsupported": "its rules overlap"}, "its rules overlap"),
        ({"bands": (ShippingBand(basis=BandBasis.TOTAL, price=Decimal(0)),)}, "bounded by total"),
        ({"bands": (ShippingBand(basis=BandBasis.WEIGHT, price=Decimal(9)),)}, "has a price"),
    ],
)
async def test_rules_without_counterpart_are_refused_and_taken_back(
    desk_of: Callable[..., Desk], changes: dict[str, Any], reason: str
) -> None:
    desk = desk_of(shipping__api="v2")
    await desk.apply(method())
    outcome = only(await desk.apply(method(**changes)))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "shipping_rule_unsupported"
    assert reason in outcome.message
    assert desk.site.shipping_methods.all() == []


async def test_locations_are_made_only_where_stock_is_kept_apart(desk_of: Callable[..., Desk]) -> None:
    one = desk_of()
    await one.apply(StockLocation(key="wh-2", name="Harbour"))
    assert [row["external_id"] for row in one.site.locations.all()] == ["default"]
    many = desk_of(stock__mode="per_warehouse")
    await many.apply(StockLocation(key="wh-2", name="Harbour"), StockLocation(key="default", name="Main"))
    assert [(row["external_id"], row["name"]) for row in many.site.locations.all()] == [
        ("default", "Main"),
        ("wh-2", "Harbour"),
    ]
    await many.apply(StockLocation(key="wh-2", name="Port"))
    assert many.site.locations.find("wh-2")["name"] == "Port"  # type: ignore[index]
    outcome = await many.delete("stock-location", "wh-2")
    assert isinstance(outcome, Applied)
    assert many.site.locations.find("wh-2") is not None


async def test_settings_that_the_site_has_are_written_in_one_call(desk: Desk) -> None:
    outcomes = await desk.apply(
        Setting(key="taxDisplay", value="gross"),
        Setting(key="nonsense", value=1),
        Setting(key="storeName", value="Acme"),
    )
    assert desk.calls() == ["GET /api/v1/settings", "PATCH /api/v1/settings"]
    assert (desk.site.settings["taxDisplay"], desk.site.settings["storeName"]) == ("gross", "Acme")
    notes = [[skip.code for skip in outcome.skips] for outcome in outcomes if isinstance(outcome, Applied)]
    assert notes == [[], ["setting_unknown"], []]
    await desk.apply(Setting(key="taxDisplay", value="gross"), Setting(key="nonsense", value=1))
    assert desk.calls() == []


async def test_a_setting_that_the_site_is_known_to_have_is_written_without_a_look(desk: Desk) -> None:
    await desk.apply(Setting(key="storeName", value="Acme"))
    desk.calls()
    outcome = only(await desk.apply(Setting(key="storeName", value="Acme & Sons")))
    assert isinstance(outcome, Applied)
    assert not outcome.unchanged
    assert desk.calls() == ["PATCH /api/v1/settings"]
    assert desk.site.settings["storeName"] == "Acme & Sons"
    await desk.apply(Setting(key="nonsense", value=1))
    assert desk.calls() == ["GET /api/v1/settings"]


async def test_a_refusal_of_settings_is_a_note(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(policy={"dashboard_keys": True})
    outcome = only(await desk.apply(Setting(key="taxDisplay", value="gross")))
    assert isinstance(outcome, Applied)
    assert [skip.code for skip in outcome.skips] == ["setting_refused"]
    assert outcome.unchanged
