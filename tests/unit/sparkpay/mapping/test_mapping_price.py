"""Spark Pay price rows -> canonical prices, rule by rule."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.mapping import MappingFault, price_entities
from contracts.entities import Price, PriceRow
from tests.support.sparkpay_bundles import bundle, child_of, combination, known, option, price_row, product

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
TYPES = ConnectionSettings().with_values({"b2b.customer_type_ids": "7,9"})
RED = option(21, 10, "Red", price_adjustment=5, price_adjustment_type="+ dollars")
LONG = option(31, 11, "60 m", price_adjustment=10, price_adjustment_type="+ percent")


def priced(item: ProductBundle, settings: ConnectionSettings = TYPES, now: datetime = NOW) -> list[Price]:
    return price_entities(item, known(), settings, now)


def amounts(item: ProductBundle, code: str = "base", settings: ConnectionSettings = TYPES) -> dict[int, str]:
    (price,) = priced(item, settings)
    rows = next(price_list.rows for price_list in price.lists if price_list.list == code)
    return {row.from_quantity: f"{row.amount.normalize():f}" for row in rows}


def test_lists_follow_the_customer_types_in_scope() -> None:
    (price,) = priced(bundle())
    assert (price.sku, price.product, price.refs, price.currency) == (
        "ROPE-60",
        "sparkpay:501",
        {"sparkpay": "p-501"},
        "USD",
    )
    assert [(item.list, item.name) for item in price.lists] == [
        ("base", None),
        ("ct-7", "Dealers"),
        ("ct-9", "Schools"),
    ]
    assert all(item.rows == (PriceRow(amount=Decimal(100)),) for item in price.lists)


@pytest.mark.parametrize(
    ("scope", "codes"), [("all", ["base", "ct-7", "ct-9"]), ("", ["base"]), ("9,50", ["base", "ct-9"])]
)
def test_scope(scope: str, codes: list[str]) -> None:
    settings = ConnectionSettings().with_values({"b2b.customer_type_ids": scope})
    (price,) = priced(bundle(), settings)
    assert [item.list for item in price.lists] == codes


def test_breaks_and_the_added_first_one() -> None:
    rows = [price_row(1, "90", starting_quantity=Decimal("9.5")), price_row(2, "80", starting_quantity=50)]
    assert amounts(bundle(prices=rows)) == {1: "100", 10: "90", 50: "80"}
    first = price_row(3, "95.1234", starting_quantity=None)
    assert amounts(bundle(prices=[*rows, first])) == {1: "95.1234", 10: "90", 50: "80"}


@pytest.mark.parametrize(
    ("rows", "code", "expected"),
    [
        ([price_row(1, "50"), price_row(2, "60", customer_type_id=7)], "ct-7", "60"),
        ([price_row(1, "50"), price_row(2, "60", customer_type_id=7)], "ct-9", "50"),
        ([price_row(1, "50"), price_row(2, "60", customer_type_id=7)], "base", "50"),
        ([price_row(1, "50"), price_row(2, "60", store_id=60)], "base", "60"),
        ([price_row(1, "50", store_id=61)], "base", "100"),
        ([price_row(1, "50"), price_row(2, "60", sale_type_id=2)], "base", "60"),
        ([price_row(1, "50", sale_type_id=2), price_row(2, "60", store_id=60)], "base", "60"),
        ([price_row(1, "50", store_id=60), price_row(2, "60", customer_type_id=7)], "ct-7", "60"),
        ([price_row(1, "50"), price_row(2, "49.9")], "base", "49.9"),
    ],
)
def test_the_most_specific_row_wins(rows: list[dict[str, Any]], code: str, expected: str) -> None:
    assert amounts(bundle(prices=rows), code) == {1: expected}
    assert amounts(bundle(prices=rows[::-1]), code) == {1: expected}


def test_rows_of_a_sku_beat_rows_of_an_option_beat_the_product() -> None:
    rows = [
        price_row(1, "50", customer_type_id=7),
        price_row(2, "60", variant_id=21),
        price_row(3, "70", variant_inventory_id=901),
    ]
    items = [combination(901, "A", [RED]), combination(902, "B", [RED]), combination(903, "C", [LONG])]
    found = priced(bundle(product(use_variant_inventory=True), combinations=items, prices=rows))
    assert {price.sku: price.lists[1].rows[0].amount for price in found} == {"A": 70, "B": 60, "C": 55}


def test_adjustments_come_on_top_of_base_and_product_rows() -> None:
    items = [combination(901, "A", [RED, LONG])]
    row = product(use_variant_inventory=True)
    assert amounts(bundle(row, combinations=items)) == {1: "115"}
    breaks = [price_row(1, "50", starting_quantity=10)]
    assert amounts(bundle(row, combinations=items, prices=breaks)) == {1: "115", 10: "60"}
    plain = TYPES.with_values({"pricing.adjust_rows": "false"})
    assert amounts(bundle(row, combinations=items, prices=breaks), settings=plain) == {1: "115", 10: "50"}


@pytest.mark.parametrize(
    ("rule", "amount"),
    [("+ dollars", "105"), ("- dollars", "95"), ("+ percent", "105"), ("- percent", "95"), ("", "100")],
)
def test_adjustment_rules(rule: str, amount: str) -> None:
    items = [combination(901, "A", [{**RED, "price_adjustment_type": rule}])]
    assert amounts(bundle(product(use_variant_inventory=True), combinations=items)) == {1: amount}


@pytest.mark.parametrize("rule", ["total", "x 2"])
def test_an_unknown_rule_is_never_guessed(rule: str) -> None:
    items = [combination(901, "A", [{**RED, "price_adjustment_type": rule}]), combination(902, "B", [LONG])]
    found = priced(bundle(product(use_variant_inventory=True), combinations=items, prices=[price_row(1, "5")]))
    assert [(item.rows, item.reason) for item in found[0].lists] == [((), "price_rule_unknown")] * 3
    assert found[1].lists[0].rows


def test_a_calculator_blanks_the_list_it_speaks_about() -> None:
    rows = [price_row(1, "90"), price_row(2, "0", customer_type_id=7, price_calculation_id=3)]
    (price,) = priced(bundle(prices=rows))
    assert [(item.list, bool(item.rows), item.reason) for item in price.lists] == [
        ("base", True, None),
        ("ct-7", False, "price_rule_unknown"),
        ("ct-9", True, None),
    ]
    base = TYPES.with_values({"pricing.on_calculator": "base"})
    assert amounts(bundle(prices=rows), "ct-7", base) == {1: "90"}


def test_a_surcharge_row_is_no_price() -> None:
    rows = [price_row(1, "5", variant_id=21, variant_price_surcharge="+ dollars")]
    (price,) = priced(
        bundle(product(use_variant_inventory=True), combinations=[combination(901, "A", [RED])], prices=rows)
    )
    assert price.lists[0].reason == "price_rule_unknown"


def test_call_for_pricing_blanks_everything() -> None:
    (price,) = priced(bundle(product(call_for_pricing=1), prices=[price_row(1, "5")]))
    assert {(item.rows, item.reason) for item in price.lists} == {((), "call_for_pricing")}


def test_prices_of_nothing_or_less_are_dropped() -> None:
    (price,) = priced(bundle(product(price=0)))
    assert {(item.rows, item.reason) for item in price.lists} == {((), "price_missing")}
    assert amounts(bundle(prices=[price_row(1, "0"), price_row(2, "80", starting_quantity=10)])) == {10: "80"}


def test_a_child_takes_the_prices_of_its_head() -> None:
    head = product(id=500, price=Decimal(40))
    assert amounts(child_of(head, [price_row(1, "35", starting_quantity=5)])) == {1: "40", 5: "35"}
    (quiet,) = priced(child_of({**head, "call_for_pricing": 1}))
    assert quiet.lists[0].reason == "call_for_pricing"
    (lost,) = priced(bundle(product(is_child_product=True, use_pricing_from_parent=True)))
    assert lost.lists[0].reason == "parent_unknown"


def test_a_sale_cuts_time_into_spans() -> None:
    rows = [
        price_row(
            1, "80", sale_type_id=2, start_date="2026-04-10T00:00:00-05:00", end_date="2026-04-20T00:00:00-05:00"
        ),
        price_row(2, "90"),
    ]
    (price,) = priced(bundle(prices=rows))
    start, end = datetime(2026, 4, 10, 5, tzinfo=UTC), datetime(2026, 4, 20, 5, tzinfo=UTC)
    assert price.lists[0].rows == (
        PriceRow(amount=Decimal(90), valid_until=start),
        PriceRow(amount=Decimal(80), valid_from=start, valid_until=end),
        PriceRow(amount=Decimal(90), valid_from=end),
    )
    (during,) = priced(bundle(prices=rows), now=datetime(2026, 4, 12, tzinfo=UTC))
    assert during.lists[0].rows == price.lists[0].rows[1:]
    (after,) = priced(bundle(prices=rows), now=end)
    assert after.lists[0].rows == price.lists[0].rows[2:]


def test_equal_neighbours_are_one_span() -> None:
    rows = [price_row(1, "100", start_date="2026-04-10T00:00:00Z", end_date="2026-05-01T00:00:00Z")]
    (price,) = priced(bundle(prices=rows))
    assert price.lists[0].rows == (PriceRow(amount=Decimal(100)),)


def test_a_calculator_blanks_only_its_time() -> None:
    rows = [price_row(1, "0", price_calculation_id=3, start_date="2026-05-01T00:00:00Z")]
    (price,) = priced(bundle(prices=rows))
    assert price.lists[0].rows == (PriceRow(amount=Decimal(100), valid_until=datetime(2026, 5, 1, tzinfo=UTC)),)


def test_what_is_not_sellable_has_no_price() -> None:
    assert priced(bundle(product(item_number=""))) == []
    assert priced(bundle(product(item_number="x" * 101))) == []
    assert priced(bundle(product(price=0), has_children=True)) == []
    assert priced(bundle(options=[option(21, 10, "Red"), option(22, 10, "Blue")])) == []
    twins = [combination(902, "A", [LONG]), combination(901, "A", [RED])]
    (price,) = priced(bundle(product(use_variant_inventory=True), combinations=twins))
    assert price.refs == {"sparkpay": "vi-901"}


def _in_zone(name: str) -> ConnectionSettings:
    """Settings as an older version, or another machine's list of zones, may have stored them."""
    return TYPES.model_copy(update={"store": TYPES.store.model_copy(update={"timezone": name})})


def test_unreadable_dates_and_zones_are_faults() -> None:
    with pytest.raises(MappingFault) as fault:
        priced(bundle(prices=[price_row(1, "5", start_date="soon")]))
    assert (fault.value.code, fault.value.part) == ("date_unreadable", "start_date")
    with pytest.raises(MappingFault) as fault:
        priced(bundle(), _in_zone("Mars/Base"))
    assert fault.value.code == "timezone_unknown"
