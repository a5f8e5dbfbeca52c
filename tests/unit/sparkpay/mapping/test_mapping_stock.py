"""Spark Pay stock -> canonical stock, rule by rule."""

from datetime import date
from typing import Any

import pytest

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ProductBundle, ReferenceData
from connector.sparkpay.mapping import stock_entities
from contracts.entities import Stock, StockLevel
from tests.support.sparkpay_bundles import SHOP, bundle, combination, known, option, product

SETTINGS = ConnectionSettings().with_values({"store.timezone": "America/Chicago"})


def stocked(item: ProductBundle, reference: ReferenceData | None = None) -> list[Stock]:
    return stock_entities(item, reference or known(), SETTINGS)


def level(**changes: Any) -> StockLevel:
    return stocked(bundle(product(**changes)))[0].levels[0]


def test_a_plain_product_has_one_level() -> None:
    assert stocked(bundle()) == [
        Stock(sku="ROPE-60", refs={"sparkpay": "p-501"}, product="sparkpay:501", levels=(StockLevel(level=14),))
    ]


@pytest.mark.parametrize(
    ("warehouse", "place", "name"),
    [
        (0, "default", None),
        (None, "default", None),
        (1, "default", None),
        (77, "default", None),
        (2, "wh-2", "Harbour"),
    ],
)
def test_the_place_is_the_warehouse(warehouse: int | None, place: str, name: str | None) -> None:
    found = level(warehouse_id=warehouse)
    assert (found.location, found.name) == (place, name)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"quantity_on_hand": None}, 0),
        ({"quantity_on_hand": ""}, 0),
        ({"quantity_on_hand": -3}, -3),
        ({"quantity_on_hand": "2.9"}, 2),
    ],
)
def test_quantities(changes: dict[str, Any], expected: int) -> None:
    assert level(**changes).level == expected


def test_what_is_not_counted_is_unlimited() -> None:
    assert level(is_non_inventory=True).unlimited
    assert not level().unlimited
    untracked = known(inventory_settings={**SHOP, "track_inventory": False})
    assert stocked(bundle(), untracked)[0].levels[0].unlimited
    engraving = combination(901, "A", [option(41, 12, "Yes")])
    both = combination(902, "B", [option(41, 12, "Yes"), option(21, 10, "Red")])
    found = stocked(bundle(product(use_variant_inventory=True), combinations=[engraving, both]))
    assert [stock.levels[0].unlimited for stock in found] == [True, False]


def test_back_order_lets_the_level_fall() -> None:
    assert level(product_status_id=5).minimum == -9999
    rows = [combination(901, "A", [], product_status_id=5), combination(902, "B", [])]
    found = stocked(bundle(product(use_variant_inventory=True), combinations=rows))
    assert [(stock.levels[0].level, stock.levels[0].minimum) for stock in found] == [(5, -9999), (5, 0)]


@pytest.mark.parametrize(
    ("eta", "day"),
    [
        ("2026-09-06T00:00:00-05:00", date(2026, 9, 6)),
        ("2026-09-06T00:00:00Z", date(2026, 9, 5)),
        ("2026-09-06", date(2026, 9, 6)),
        ("1900-01-01T00:00:00-06:00", None),
        ("", None),
    ],
)
def test_the_restock_date_is_the_stores_own_day(eta: str, day: date | None) -> None:
    assert level(eta_date=eta).restock_date == day


def test_combinations_of_options_share_the_products_pieces() -> None:
    rows = [option(21, 10, "Red", item_number_extension="-R"), option(22, 10, "Blue", item_number_extension="-B")]
    found = stocked(bundle(options=rows))
    assert [(stock.sku, stock.levels[0].level, stock.shared) for stock in found] == [
        ("ROPE-60-B", 14, True),
        ("ROPE-60-R", 14, True),
    ]


def test_what_is_not_sellable_has_no_stock() -> None:
    assert stocked(bundle(product(item_number=""))) == []
    assert stocked(bundle(product(price=0), has_children=True)) == []
    assert stocked(bundle(options=[option(21, 10, "Red"), option(22, 10, "Blue")])) == []
