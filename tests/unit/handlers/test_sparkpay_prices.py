"""Prices to Spark Pay against the sandbox, call by call; and what the producer would read of them afterwards."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sandbox.faults import FaultRule
from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ProductBundle, ReferenceData
from connector.sparkpay.mapping.price import price_entities
from contracts.entities import Price, PriceList, PriceRow
from handlers.outcome import A_WRITE, Applied, Failed, Outcome, Rejected, Waiting
from handlers.sparkpay import handlers
from handlers.sparkpay.price_plan import Shown, missing
from handlers.sparkpay.price_rows import Spans, at, wanted_spans
from tests.support.sparkpay_desk import NOW, StoreDesk

IMPORT = "POST /products/importMany"
MAKE, CHANGE, REMOVE = "POST /product_pricing", "PUT /product_pricing/{id}", "DELETE /product_pricing/{id}"
SALE, SALE_ENDS = NOW + timedelta(days=10), NOW + timedelta(days=20)


def priced(sku: str, lists: Mapping[str, Mapping[int, object]], **changes: Any) -> Price:
    """`{list: {from quantity: amount or rows}}`."""
    made = [
        PriceList(
            list=name,
            rows=tuple(
                row
                for quantity, amount in breaks.items()
                for row in (
                    amount
                    if isinstance(amount, tuple)
                    else (PriceRow(from_quantity=quantity, amount=Decimal(str(amount))),)
                )
            ),
        )
        for name, breaks in lists.items()
    ]
    return Price(**{"sku": sku, "currency": "USD", "lists": tuple(made), **changes})


def sale(regular: str, reduced: str, quantity: int = 1) -> tuple[PriceRow, ...]:
    spans = ((None, SALE, regular), (SALE, SALE_ENDS, reduced), (SALE_ENDS, None, regular))
    return tuple(
        PriceRow(from_quantity=quantity, amount=Decimal(amount), valid_from=start, valid_until=end)
        for start, end, amount in spans
    )


def fill(desk: StoreDesk) -> StoreDesk:
    store = desk.store
    store.insert("stores", name="Shop")
    store.insert("categories", name="Tools")
    store.insert("product_statuses", name="There")
    for name in ("Trade", "Gold"):
        store.insert("customer_types", name=name)
    common = {"product_status_id": 1, "primary_category_id": 1}
    for number in range(1, 61):
        store.insert("products", item_number=f"P-{number}", item_name=f"P {number}", price=Decimal(10), **common)
    head = store.insert(
        "products", item_number="HEAD", item_name="Rope", use_variant_inventory=True, price=Decimal(20), **common
    )
    store.insert("variant_groups", name="Size")
    option = store.insert(
        "product_variants", product_id=head["id"], variant_group_id=1, description="L", price_adjustment=Decimal(2),
        price_adjustment_type="+ dollars",
    )  # fmt: skip
    store.insert("variant_inventory", product_id=head["id"], item_number="V-1", variants=[option["id"]])
    return desk


@pytest.fixture
async def desk() -> AsyncIterator[StoreDesk]:
    made = fill(StoreDesk(b2b__customer_type_ids="all"))
    yield made
    assert made.violations() == []


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def unchanged(outcomes: list[Outcome]) -> bool:
    return all(isinstance(outcome, Applied) and outcome.unchanged for outcome in outcomes)


def rows(desk: StoreDesk) -> list[tuple[Any, ...]]:
    """(customer type, quantity, price) of every row."""
    found = desk.store.rows("product_pricing")
    return sorted((row["customer_type_id"] or 0, row["starting_quantity"], row["price"]) for row in found)


def writes(desk: StoreDesk) -> list[str]:
    return [call for call in desk.calls() if not call.startswith("GET")]


async def test_base_prices_of_fifty_products_are_one_call(desk: StoreDesk) -> None:
    await desk.apply(*(priced(f"P-{number}", {"base": {1: number + 100}}) for number in range(1, 51)))
    assert writes(desk) == [IMPORT]
    assert [desk.store.rows("products")[at]["price"] for at in (0, 49)] == [101, 150]
    assert rows(desk) == []
    await desk.apply(*(priced(f"P-{number}", {"base": {1: number + 200}}) for number in range(1, 51)))
    assert desk.calls() == [IMPORT], "0.02 calls per SKU in steady state"
    outcomes = await desk.apply(*(priced(f"P-{number}", {"base": {1: number + 200}}) for number in range(1, 51)))
    assert unchanged(outcomes)
    assert desk.calls() == []


async def test_a_list_that_says_what_everybody_pays_needs_no_rows(desk: StoreDesk) -> None:
    outcome = only(await desk.apply(priced("P-1", {"base": {1: 10}, "ct-1": {1: 10}, "ct-2": {1: 10}})))
    assert unchanged([outcome])
    assert (writes(desk), rows(desk)) == ([], [])


async def test_lists_and_breaks_are_rows_and_one_change_is_one_call(desk: StoreDesk) -> None:
    await desk.apply(priced("P-1", {"base": {1: 10, 5: 9}, "ct-1": {1: 8, 5: 7}, "ct-2": {1: 10, 5: 9}}))
    assert rows(desk) == [(0, 5, 9), (1, 1, 8), (1, 5, 7)]
    desk.calls()
    await desk.apply(priced("P-1", {"base": {1: 10, 5: 9}, "ct-1": {1: 8, 5: "6.1234"}, "ct-2": {1: 10, 5: 9}}))
    assert desk.calls() == [CHANGE]
    assert rows(desk) == [(0, 5, 9), (1, 1, 8), (1, 5, Decimal("6.1234"))]
    await desk.apply(priced("P-1", {"base": {1: 10, 6: 9}, "ct-1": {1: 8}, "ct-2": {1: 10}}))
    assert desk.calls() == [CHANGE, CHANGE, MAKE]
    assert (1, 6, 8) in rows(desk), "a break that others get is none of this list"


async def test_a_sale_period_is_one_row_with_dates(desk: StoreDesk) -> None:
    await desk.apply(priced("P-1", {"base": {1: sale("10", "8")}, "ct-1": {1: sale("9", "7")}}))
    (base,) = [row for row in desk.store.rows("product_pricing") if row["customer_type_id"] is None]
    assert (base["price"], base["start_date"], base["end_date"]) == (8, SALE, SALE_ENDS)
    assert rows(desk) == [(0, 1, 8), (1, 1, 7), (1, 1, 9), (1, 1, 9)]
    desk.clock.advance(timedelta(days=21).total_seconds())
    desk.calls()
    desk.rows["price", "P-1"].applied_hash = None
    assert unchanged(await desk.run("price", "P-1"))


async def test_the_merchants_rows_of_a_list_that_is_named_give_way_and_others_stay(desk: StoreDesk) -> None:
    common = {"product_id": 1, "price": Decimal(3)}
    for more in (
        {"customer_type_id": 1, "starting_quantity": 10},
        {"customer_type_id": 2},
        {"price_calculation_id": 7},
    ):
        desk.store.insert("product_pricing", **common, **more)
    await desk.apply(priced("P-1", {"base": {1: 10}, "ct-1": {1: 8}}))
    assert rows(desk) == [(0, 1, 3), (1, 1, 8), (2, 1, 3)]


async def test_a_combination_has_rows_of_its_own(desk: StoreDesk) -> None:
    assert unchanged(await desk.apply(priced("V-1", {"base": {1: 22}}))), (
        "its product's price and its option's come to it"
    )
    await desk.apply(priced("V-1", {"base": {1: 25}, "ct-1": {1: 25, 10: 24}}))
    found = [
        (row["variant_inventory_id"], row["customer_type_id"], row["price"])
        for row in desk.store.rows("product_pricing")
    ]
    assert found == [(1, None, 25), (1, 1, 24)]
    assert desk.store.rows("products")[-1]["price"] == 20
    desk.calls()
    await desk.apply(priced("V-1", {"base": {1: 26}, "ct-1": {1: 26, 10: 24}}))
    assert desk.calls() == [CHANGE]


async def test_a_combination_is_never_sold_for_nothing(desk: StoreDesk) -> None:
    """A product that PayLayer made costs nothing by itself; one of its combinations may have no price yet."""
    desk.store.update("products", 61, price=Decimal(0), call_for_pricing=1)
    desk.store.insert("variant_inventory", product_id=61, item_number="V-2", variants=[1])
    await desk.apply(priced("V-1", {"base": {1: 25}}))
    head = desk.store.rows("products")[-1]
    assert (head["price"], head["call_for_pricing"]) == (25, 0)
    await desk.apply(priced("V-2", {"base": {1: 7}}))
    assert rows(desk) == [(0, 1, 7), (0, 1, 25)]
    assert desk.store.rows("products")[-1]["price"] == 25


async def test_no_price_is_call_for_pricing_and_a_price_ends_that(desk: StoreDesk) -> None:
    await desk.apply(priced("P-1", {"base": {}, "ct-1": {}}))
    assert desk.store.rows("products")[0]["call_for_pricing"] == 1
    await desk.apply(priced("P-1", {"base": {1: 12}}))
    row = desk.store.rows("products")[0]
    assert (row["call_for_pricing"], row["price"]) == (0, 12)
    outcome = only(await desk.apply(priced("P-2", {"base": {1: 10}, "ct-1": {}})))
    assert isinstance(outcome, Applied)
    assert [(skip.code, skip.note) for skip in outcome.skips] == [("list_blank", True)]


async def test_what_cannot_be_told(desk: StoreDesk) -> None:
    waiting, foreign, unknown = await desk.apply(
        priced("NOPE", {"base": {1: 1}}),
        priced("P-1", {"base": {1: 1}}, currency="EUR"),
        priced("P-2", {"base": {1: 11}, "ct-99": {1: 1}}),
    )
    assert isinstance(waiting, Waiting)
    assert waiting.for_ == "sku:NOPE"
    assert isinstance(foreign, Rejected)
    assert foreign.code == "currency_foreign"
    assert isinstance(unknown, Applied)
    assert [(skip.code, skip.note) for skip in unknown.skips] == [("customer_type_unknown", False)]
    assert desk.store.rows("products")[1]["price"] == 11


async def test_a_group_of_another_service_is_a_customer_type(desk: StoreDesk) -> None:
    desk.known.there("customer-group", "gold", sparkpay="2")
    await desk.apply(priced("P-1", {"gold": {1: 5}}))
    assert rows(desk) == [(2, 1, 5)]


async def test_a_list_of_a_group_that_is_on_its_way_is_waited_for(desk: StoreDesk) -> None:
    desk.settings = desk.settings.with_values({"flow.customer_group": "both"})
    waiting, unknown = await desk.apply(
        priced("P-1", {"base": {1: 11}, "gold": {1: 5}}), priced("P-2", {"ct-99": {1: 1}})
    )
    assert isinstance(waiting, Waiting)
    assert (waiting.for_, writes(desk)) == ("customer-group:gold", [])
    assert isinstance(unknown, Applied)


async def test_a_deleted_price_takes_its_rows_along(desk: StoreDesk) -> None:
    await desk.apply(priced("P-1", {"base": {1: 10, 5: 9}, "ct-1": {1: 8}}))
    assert isinstance(await desk.delete("price", "P-1"), Applied)
    assert rows(desk) == []
    assert desk.store.rows("products")[0]["call_for_pricing"] == 1


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "cut_json"])
async def test_a_lost_answer_makes_no_row_twice(desk: StoreDesk, kind: Any) -> None:
    for path in ("*/importMany", "*/product_pricing"):
        desk.faults.add(FaultRule(kind=kind, method="POST", path=path, times=2))
    wanted = priced("P-1", {"base": {1: 11, 5: 9}, "ct-1": {1: 8}})
    outcome = only(await desk.apply(wanted))
    for _ in range(6):
        if isinstance(outcome, Applied):
            break
        assert isinstance(outcome, Failed)
        assert outcome.uncertain
        outcome = only(await desk.run("price", "P-1"))
    assert isinstance(outcome, Applied)
    assert rows(desk) == [(0, 5, 9), (1, 1, 8), (1, 5, 8)]


async def test_a_row_that_the_merchant_removed_is_made_again(desk: StoreDesk) -> None:
    await desk.apply(priced("P-1", {"ct-1": {1: 8}}))
    desk.store.delete("product_pricing", 1)
    assert isinstance(only(await desk.apply(priced("P-1", {"ct-1": {1: 7}}))), Applied)
    assert rows(desk) == [(1, 1, 7)]


async def test_a_refused_row_leaves_the_others_on_record(desk: StoreDesk) -> None:
    desk.faults.add(FaultRule(kind="status", status=409, method="POST", path="*/product_pricing"))
    outcome = only(await desk.apply(priced("P-1", {"base": {1: 12}, "ct-1": {1: 8}})))
    assert isinstance(outcome, Rejected)
    assert outcome.applied is not None
    desk.calls()
    await desk.apply(priced("P-1", {"base": {1: 12}, "ct-1": {1: 7}}))
    assert desk.calls() == [MAKE]


async def test_in_doubt_it_looks_and_a_mere_look_writes_nothing(desk: StoreDesk) -> None:
    await desk.apply(priced("P-1", {"base": {1: 11, 5: 9}, "ct-1": {1: 8}}), priced("V-1", {"base": {1: 30}}))
    desk.handlers = handlers(desk.client, look_only=True)
    desk.forget()
    desk.calls()
    assert unchanged(await desk.run("price", "P-1", "V-1"))
    desk.store.update("products", 1, price=Decimal(1))
    desk.store.delete("product_pricing", 4)
    desk.forget()
    outcomes = await desk.run("price", "P-1", "V-1")
    assert [outcome.for_ for outcome in outcomes if isinstance(outcome, Waiting)] == [A_WRITE] * 2
    assert writes(desk) == []


amounts = st.integers(1, 6).map(Decimal)
cuts = st.lists(st.integers(-3, 12), min_size=2, max_size=3, unique=True).map(sorted)


@st.composite
def price_lists(draw: st.DrawFn, name: str) -> PriceList:
    made = []
    for quantity in sorted({1, *draw(st.sets(st.sampled_from([2, 5, 10]), max_size=2))}):
        if draw(st.booleans()):
            moments: list[datetime | None] = [NOW + timedelta(days=day) for day in draw(cuts)]
            ends = list(zip([None, *moments], [*moments, None], strict=True))
        else:
            ends = [(None, None)]
        made += [
            PriceRow(from_quantity=quantity, amount=draw(amounts), valid_from=start, valid_until=end)
            for start, end in ends
        ]
    return PriceList(list=name, rows=tuple(made))


def meaning(lists: tuple[PriceList, ...]) -> dict[str, dict[int, Spans]]:
    """What each list comes to for one, two, ... pieces."""
    spans = {one.list: wanted_spans(one, NOW) for one in lists}
    return {name: {quantity: at(breaks, quantity) for quantity in (1, 2, 5, 10)} for name, breaks in spans.items()}


def apply_moves(shown: Shown, wanted: tuple[PriceList, ...]) -> int:
    """Do what is missing; how many calls that is."""
    types = {"base": None, "ct-1": 1, "ct-2": 2}
    found = missing("A", shown, [(types[one.list], one) for one in wanted], NOW)
    shown.own = found.fields.get("price", shown.own)
    moved = found.lines
    gone = {old.id for old, _ in moved.change} | {line.id for line in moved.remove}
    shown.lines = [line for line in shown.lines if line.id not in gone] + [new for _, new in moved.change]
    for line in moved.make:
        next_id = max((line.id or 0 for line in shown.lines), default=0) + 100
        shown.lines.append(replace(line, id=next_id))
    return len(moved.change) + len(moved.make) + len(moved.remove) + len(found.fields)


def as_the_producer_reads(shown: Shown) -> tuple[PriceList, ...]:
    rows = [{"id": line.id, "product_id": 1, **line.body(), "starting_quantity": line.quantity} for line in shown.lines]
    known = ReferenceData(
        store_id=1, image_base="", customer_types={1: {"id": 1, "name": "T"}, 2: {"id": 2, "name": "G"}}
    )
    product = {"id": 1, "item_number": "A", "price": shown.own}
    settings = ConnectionSettings().with_b2b_types("all")
    (price,) = price_entities(ProductBundle(product, prices=tuple(rows)), known, settings, NOW.astimezone(UTC))
    return price.lists


@given(st.lists(st.tuples(price_lists("base"), price_lists("ct-1"), price_lists("ct-2")), min_size=1, max_size=3))
def test_whatever_is_wanted_is_what_the_producer_reads_afterwards(
    steps: list[tuple[PriceList, PriceList, PriceList]],
) -> None:
    shown = Shown(1, None, own=Decimal(4))
    for wanted in steps:
        apply_moves(shown, wanted)
        assert meaning(as_the_producer_reads(shown)) == meaning(wanted)
        assert apply_moves(shown, wanted) == 0, "the same again is no call"
        assert apply_moves(shown, as_the_producer_reads(shown)) == 0, "nor is what comes back"
