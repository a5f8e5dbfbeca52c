"""What holds for every payload that the platform documents."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ProductBundle, ReferenceData
from connector.sparkpay.mapping import MappingFault, price_entities, product_entity, stock_entities
from contracts.entities import Entity, Price, Product, Stock
from tests.strategies.sparkpay_rows import adjustments, bundles, priced_bundles, products, references
from tests.support.sparkpay_bundles import TYPES, known

NOW = datetime(2026, 4, 1, tzinfo=UTC)
ALL_TYPES = ConnectionSettings().with_values({"b2b.customer_type_ids": "all", "store.timezone": "America/Chicago"})
ZONE = ZoneInfo("America/Chicago")


def everything(bundle: ProductBundle, reference: ReferenceData, now: datetime = NOW) -> list[Entity]:
    product = product_entity(bundle, reference, ALL_TYPES)
    found: list[Entity] = [] if product is None else [product]
    found += price_entities(bundle, reference, ALL_TYPES, now)
    found += stock_entities(bundle, reference, ALL_TYPES)
    return found


def texts(entities: Sequence[Entity]) -> list[str]:
    return [entity.model_dump_json() for entity in entities]


@settings(max_examples=250)
@given(bundles(), references)
def test_every_payload_maps_or_is_a_mapping_fault(bundle: ProductBundle, reference: ReferenceData) -> None:
    for found in outcomes(bundle, reference):
        if isinstance(found, MappingFault):
            assert found.code
            assert found.message
            continue
        for entity in found:
            assert type(entity).model_validate_json(entity.model_dump_json()) == entity


def outcomes(bundle: ProductBundle, reference: ReferenceData) -> Iterator[MappingFault | Sequence[Entity]]:
    """What each of the three mappings makes of it; any other exception goes through."""
    for mapped in (
        lambda: [item for item in [product_entity(bundle, reference, ALL_TYPES)] if item is not None],
        lambda: price_entities(bundle, reference, ALL_TYPES, NOW),
        lambda: stock_entities(bundle, reference, ALL_TYPES),
    ):
        try:
            yield mapped()
        except MappingFault as fault:
            yield fault


@settings(max_examples=150)
@given(bundles(), references, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(bundle: ProductBundle, reference: ReferenceData, random: Any) -> None:
    def shuffled(rows: Sequence[Any]) -> tuple[Any, ...]:
        mixed = list(rows)
        random.shuffle(mixed)
        return tuple(mixed)

    parent = bundle.parent and replace(bundle.parent, prices=shuffled(bundle.parent.prices))
    mixed = replace(
        bundle,
        options=shuffled(bundle.options),
        combinations=tuple(
            {**row, "variants": shuffled(row.get("variants", ()))} for row in shuffled(bundle.combinations)
        ),
        prices=shuffled(bundle.prices),
        pictures=shuffled(bundle.pictures),
        parent=parent,
    )
    try:
        expected = texts(everything(bundle, reference))
    except MappingFault:
        with pytest.raises(MappingFault):
            everything(mixed, reference)
        return
    if any(
        len({row["id"] for row in item.get("variants", ())}) != len(item.get("variants", ()))
        for item in bundle.combinations
    ):
        return  # one id with two contents is no documented payload; either content may win
    assert texts(everything(mixed, reference)) == expected
    assert texts(everything(bundle, reference)) == expected


@settings(max_examples=200)
@given(st.one_of(priced_bundles(), priced_bundles(), bundles(adjustments)), st.integers(-400, 800))
def test_prices_equal_a_naive_evaluation_at_any_moment(bundle: ProductBundle, hours: int) -> None:
    reference, moment = known(), NOW + timedelta(hours=hours * 11)
    try:
        prices = price_entities(bundle, reference, ALL_TYPES, min(NOW, moment))
        product = product_entity(bundle, reference, ALL_TYPES)
    except MappingFault:
        return
    for price in prices:
        assert product is not None
        for price_list in price.lists:
            no_overlap(price_list.rows)
            valid = {
                row.from_quantity: row.amount
                for row in price_list.rows
                if (row.valid_from is None or row.valid_from <= moment)
                and (row.valid_until is None or moment < row.valid_until)
            }
            type_id = None if price_list.list == "base" else int(price_list.list.removeprefix("ct-"))
            part = price.refs["sparkpay"]
            assert valid == naive(bundle, part, type_id, moment), (price.sku, price_list.list)


@settings(max_examples=100)
@given(priced_bundles(), st.integers(0, 400))
def test_later_only_the_past_is_missing(bundle: ProductBundle, hours: int) -> None:
    later = NOW + timedelta(hours=hours * 11)
    try:
        early, late = (price_entities(bundle, known(), ALL_TYPES, now) for now in (NOW, later))
    except MappingFault:
        return
    for before, after in zip(early, late, strict=True):
        for first, second in zip(before.lists, after.lists, strict=True):
            still = tuple(row for row in first.rows if row.valid_until is None or row.valid_until > later)
            assert second.rows == still


@given(products)
def test_a_plain_product_keeps_its_identity(row: dict[str, Any]) -> None:
    row = {**row, "use_variant_inventory": False}
    try:
        found = product_entity(ProductBundle(row), known(), ALL_TYPES)
    except MappingFault:
        return
    assert isinstance(found, Product)
    assert found.key == f"sparkpay:{row['id']}"
    assert found.refs == {"sparkpay": str(row["id"])}
    assert [variant.id for variant in found.variants] == [f"p-{row['id']}"]


@settings(max_examples=150)
@given(bundles(), references)
def test_stock_and_prices_speak_of_the_same_skus(bundle: ProductBundle, reference: ReferenceData) -> None:
    try:
        found = everything(bundle, reference)
    except MappingFault:
        return
    prices = [entity for entity in found if isinstance(entity, Price)]
    stocks = [entity for entity in found if isinstance(entity, Stock)]
    assert [price.sku for price in prices] == [stock.sku for stock in stocks]
    assert len({price.sku for price in prices}) == len(prices)
    usable = {
        variant.sku
        for entity in found
        if isinstance(entity, Product)
        for variant in entity.variants
        if variant.sku and len(variant.sku) <= 100
    }
    assert {price.sku for price in prices} == usable


def no_overlap(rows: Sequence[Any]) -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for quantity in {row.from_quantity for row in rows}:
        spans = sorted(
            (row.valid_from or first, row.valid_until or last) for row in rows if row.from_quantity == quantity
        )
        assert all(start < end for start, end in spans)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def naive(bundle: ProductBundle, part: str, type_id: int | None, moment: datetime) -> dict[int, Decimal]:
    """The rules read literally, one row at a time, for one SKU, list and moment."""
    row, rows = bundle.product, bundle.prices
    quiet = truth(row.get("call_for_pricing"))
    if truth(row.get("use_pricing_from_parent")):
        if bundle.parent is not None:
            row, rows = bundle.parent.product, bundle.parent.prices
            quiet = quiet or truth(row.get("call_for_pricing"))
        elif truth(row.get("is_child_product")):
            return {}
    if quiet:
        return {}
    combination_id, chosen = choices_of(bundle, part)
    active = [item for item in rows if concerns(item, combination_id, chosen, type_id) and running(item, moment)]
    if any(integer(item.get("price_calculation_id")) or surcharge(item) for item in active):
        return {}
    result: dict[int, Decimal] = {}
    for quantity in {1, *(from_quantity(item) for item in active)}:
        named = sorted((item for item in active if from_quantity(item) == quantity), key=rank)
        if named:
            best = named[0]
            amount = decimal(best.get("price"))
            if not integer(best.get("variant_inventory_id")) and not integer(best.get("variant_id")):
                amount = plus(amount, chosen)
        else:
            amount = plus(decimal(row.get("price")), chosen)
        amount = amount.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)
        if amount > 0:
            result[quantity] = amount
    return result


def choices_of(bundle: ProductBundle, part: str) -> tuple[int | None, list[dict[str, Any]]]:
    by_id = {row["id"]: dict(row) for row in bundle.options}
    if part.startswith("vi-"):
        item = next(row for row in bundle.combinations if row["id"] == int(part[3:]))
        inner = {row["id"]: row for row in item.get("variants", ())}
        return item["id"], [by_id.get(id_, row) for id_, row in inner.items()]
    return None, [by_id[int(id_)] for id_ in part.split("-")[2:]]


def concerns(row: Any, combination_id: int | None, chosen: list[dict[str, Any]], type_id: int | None) -> bool:
    return (
        integer(row.get("customer_type_id")) in (0, type_id)
        and integer(row.get("store_id")) in (0, 60)
        and integer(row.get("variant_inventory_id")) in (0, combination_id)
        and integer(row.get("variant_id")) in (0, *(choice["id"] for choice in chosen))
    )


def running(row: Any, moment: datetime) -> bool:
    start, end = instant(row.get("start_date")), instant(row.get("end_date"))
    return (start is None or start <= moment) and (end is None or moment < end)


def rank(row: Any) -> tuple[int, bool, bool, bool, Decimal]:
    scope = 0 if integer(row.get("variant_inventory_id")) else 1 if integer(row.get("variant_id")) else 2
    return (
        scope,
        not integer(row.get("customer_type_id")),
        not integer(row.get("store_id")),
        not integer(row.get("sale_type_id")),
        decimal(row.get("price")),
    )


def plus(price: Decimal, chosen: list[dict[str, Any]]) -> Decimal:
    total = price
    for choice in chosen:
        sign, _, kind = str(choice.get("price_adjustment_type") or "").strip().lower().partition(" ")
        step = decimal(choice.get("price_adjustment"))
        step = price * step / 100 if kind == "percent" else step if kind == "dollars" else Decimal(0)
        total = total + step if sign == "+" else total - step
    return total


def from_quantity(row: Any) -> int:
    return max(1, int(decimal(row.get("starting_quantity")).to_integral_value(rounding=ROUND_CEILING)))


def surcharge(row: Any) -> bool:
    return bool(integer(row.get("variant_id")) and row.get("variant_price_surcharge"))


def integer(value: object) -> int:
    return int(str(value)) if value not in (None, "") else 0


def decimal(value: object) -> Decimal:
    return Decimal(str(value)) if value not in (None, "") else Decimal(0)


def truth(value: object) -> bool:
    return value in (True, 1, "true", "1")


def instant(value: object) -> datetime | None:
    if not value or str(value).startswith("1900"):
        return None
    found = datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=ZONE)


def test_types_in_the_naive_reference_are_those_of_the_store() -> None:
    prices = price_entities(ProductBundle({"id": 1, "item_number": "A", "price": 3}), known(), ALL_TYPES, NOW)
    assert [item.list for item in prices[0].lists] == ["base", *(f"ct-{id_}" for id_ in sorted(TYPES))]
