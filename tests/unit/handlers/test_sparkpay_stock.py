"""Stock to Spark Pay against the sandbox, call by call."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.sandbox.faults import FaultRule
from contracts.entities import Stock
from handlers.outcome import A_WRITE, Applied, Failed, Outcome, Rejected, Waiting
from handlers.sparkpay import handlers
from tests.support.sparkpay_desk import StoreDesk

IN, OUT, BACK, HIDDEN = 1, 2, 3, 4
FIND = ["GET /products", "GET /variant_inventory"]
READY = ["GET /inventory/settings"]
IMPORT, PUT = "POST /products/importMany", "PUT /variant_inventory/{id}"


def stocked(sku: str, level: int = 0, /, **fields: Any) -> Stock:
    return Stock.model_validate({"sku": sku, "levels": [{"level": level, **fields}]})


def fill(desk: StoreDesk) -> StoreDesk:
    store = desk.store
    store.insert("stores", name="Shop")
    store.insert("categories", name="Tools")
    store.insert("product_statuses", name="There")
    store.insert("product_statuses", name="Sold out", is_unavailable=True)
    store.insert("product_statuses", name="Soon", is_back_ordered=True)
    store.insert("product_statuses", name="Secret", is_hidden=True)
    store.update(
        "inventory_settings", 1, in_stock_product_status_id=IN, out_of_stock_product_status_id=OUT,
        back_order_product_status_id=BACK,
    )  # fmt: skip
    store.insert("warehouses", name="Main", is_default=True)
    store.insert("warehouses", name="West")
    common = {"product_status_id": IN, "primary_category_id": 1, "price": Decimal(1)}
    for number in range(1, 61):
        store.insert("products", item_number=f"P-{number}", item_name=f"P {number}", quantity_on_hand=5, **common)
    head = store.insert("products", item_number="HEAD", item_name="Rope", use_variant_inventory=True, **common)
    for number in range(1, 4):
        store.insert(
            "variant_inventory", product_id=head["id"], item_number=f"V-{number}", inventory=5, product_status_id=IN
        )
    return desk


@pytest.fixture
async def desk() -> AsyncIterator[StoreDesk]:
    made = fill(StoreDesk())
    yield made
    assert made.violations() == []


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def product(desk: StoreDesk, sku: str) -> dict[str, Any]:
    return next(row for row in desk.store.rows("products") if row["item_number"] == sku)


def combination(desk: StoreDesk, sku: str) -> dict[str, Any]:
    return next(row for row in desk.store.rows("variant_inventory") if row["item_number"] == sku)


def unchanged(outcomes: list[Outcome]) -> bool:
    return all(isinstance(outcome, Applied) and outcome.unchanged for outcome in outcomes)


async def test_fifty_products_are_one_call(desk: StoreDesk) -> None:
    wanted = [stocked(f"P-{number}", number + 10) for number in range(1, 51)]
    outcomes = await desk.apply(*wanted)
    assert all(isinstance(outcome, Applied) and not outcome.unchanged for outcome in outcomes)
    assert sorted(desk.calls()) == sorted([*FIND, *READY, IMPORT])
    assert [product(desk, f"P-{number}")["quantity_on_hand"] for number in (1, 50)] == [11, 60]
    await desk.apply(*(stocked(f"P-{number}", number + 20) for number in range(1, 51)))
    assert desk.calls() == [IMPORT], "0.02 calls per SKU: what is known is not looked up again"
    assert unchanged(await desk.apply(*(stocked(f"P-{number}", number + 20) for number in range(1, 51))))
    assert desk.calls() == []


async def test_a_combination_is_one_call(desk: StoreDesk) -> None:
    await desk.apply(stocked("V-1", 7), stocked("V-2", 5))
    calls = desk.calls()
    assert calls.count(PUT) == 1, "the other one had five already"
    assert (combination(desk, "V-1")["inventory"], product(desk, "HEAD")["quantity_on_hand"]) == (7, 0)
    await desk.apply(stocked("V-1", 8))
    assert desk.calls() == [PUT]


async def test_what_is_there_is_not_written(desk: StoreDesk) -> None:
    outcomes = await desk.apply(stocked("P-1", 5), stocked("V-1", 5))
    assert unchanged(outcomes)
    assert not {IMPORT, PUT} & set(desk.calls())
    assert [outcome.refs for outcome in outcomes if isinstance(outcome, Applied)] == [
        {"sparkpay": "p-1"}, {"sparkpay": "vi-1"},
    ]  # fmt: skip


async def test_a_sku_that_is_not_there_waits_and_one_that_is_there_twice_is_refused(desk: StoreDesk) -> None:
    desk.store.insert("products", item_number="P-1", item_name="Twin", price=Decimal(1), product_status_id=IN)
    twice, missing, fine = await desk.apply(stocked("P-1", 9), stocked("NOPE", 9), stocked("P-2", 9))
    assert isinstance(twice, Rejected)
    assert twice.code == "sku_ambiguous"
    assert isinstance(missing, Waiting)
    assert missing.for_ == "sku:NOPE"
    assert isinstance(fine, Applied)
    assert product(desk, "P-2")["quantity_on_hand"] == 9


async def test_letters_count(desk: StoreDesk) -> None:
    assert isinstance(only(await desk.apply(stocked("p-1", 9))), Waiting)
    assert product(desk, "P-1")["quantity_on_hand"] == 5


async def test_the_base_number_of_a_product_with_combinations_is_no_sku(desk: StoreDesk) -> None:
    assert isinstance(only(await desk.apply(stocked("HEAD", 9))), Waiting)


async def test_the_status_follows_the_shelf_but_never_undoes_the_merchants_choice(desk: StoreDesk) -> None:
    await desk.apply(stocked("P-1", 0), stocked("V-1", 0))
    assert product(desk, "P-1")["product_status_id"] == OUT
    assert combination(desk, "V-1")["product_status_id"] == OUT
    await desk.apply(stocked("P-1", 3))
    assert product(desk, "P-1")["product_status_id"] == IN
    await desk.apply(stocked("P-1", 0, minimum=-9))
    assert product(desk, "P-1")["product_status_id"] == BACK
    desk.store.update("products", 1, product_status_id=HIDDEN)
    await desk.apply(stocked("P-1", 4))
    row = product(desk, "P-1")
    assert (row["product_status_id"], row["quantity_on_hand"]) == (HIDDEN, 4)


async def test_unlimited_stock_is_not_counted(desk: StoreDesk) -> None:
    await desk.apply(stocked("P-1", unlimited=True), stocked("V-1", 999_999))
    assert product(desk, "P-1")["is_non_inventory"] is True
    assert combination(desk, "V-1")["inventory"] == 999_999
    await desk.apply(stocked("P-1", 3))
    row = product(desk, "P-1")
    assert (row["is_non_inventory"], row["quantity_on_hand"]) == (False, 3)


async def test_the_restock_date_is_a_day_of_the_store(desk: StoreDesk) -> None:
    desk.settings = desk.settings.with_values({"store.timezone": "America/Chicago"})
    await desk.apply(stocked("P-1", 5, restock_date=date(2026, 9, 6)))
    assert str(product(desk, "P-1")["eta_date"]) == "2026-09-06 05:00:00+00:00"
    desk.restart()
    desk.rows["stock", "P-1"].applied_hash = None
    assert unchanged(await desk.run("stock", "P-1"))


async def test_places_become_one_quantity(desk: StoreDesk) -> None:
    both = [{"location": "default", "level": 2}, {"location": "wh-2", "level": 3}]
    await desk.apply(Stock.model_validate({"sku": "P-1", "levels": both}))
    assert product(desk, "P-1")["quantity_on_hand"] == 5
    desk.settings = desk.settings.with_values({"flow.stock": "both"})
    await desk.apply(Stock.model_validate({"sku": "P-3", "levels": both}))
    assert product(desk, "P-3")["quantity_on_hand"] == 2, "what comes back of a sum would be added to itself"
    desk.settings = desk.settings.with_values({"stock.mode": "per_warehouse"})
    desk.store.update("products", 2, warehouse_id=2)
    await desk.apply(Stock.model_validate({"sku": "P-2", "levels": both}))
    assert product(desk, "P-2")["quantity_on_hand"] == 3, "what lies in its own warehouse"
    elsewhere = [{"location": "wh-7", "level": 4}, {"location": "wh-8", "level": 4}]
    await desk.apply(Stock.model_validate({"sku": "P-2", "levels": elsewhere}))
    assert product(desk, "P-2")["quantity_on_hand"] == 8


async def test_a_deleted_sku_is_emptied_where_it_was_filled(desk: StoreDesk) -> None:
    await desk.apply(stocked("P-1", 9))
    assert isinstance(await desk.delete("stock", "P-1"), Applied)
    assert product(desk, "P-1")["quantity_on_hand"] == 0
    desk.calls()
    outcome = await desk.delete("stock", "NOPE")
    assert isinstance(outcome, Applied)
    assert (outcome.unchanged, desk.calls()) == (True, [])


async def test_one_bad_line_pays_for_itself(desk: StoreDesk) -> None:
    await desk.apply(*(stocked(f"P-{number}", 9) for number in range(1, 6)))
    desk.store.delete("products", 3)
    desk.calls()
    outcomes = await desk.apply(*(stocked(f"P-{number}", 8) for number in range(1, 6)))
    assert [type(outcome) for outcome in outcomes] == [Applied, Applied, Failed, Applied, Applied]
    assert desk.calls() == [IMPORT]
    assert isinstance(only(await desk.run("stock", "P-3")), Waiting), "it is looked up anew"


async def test_a_call_that_is_too_large_is_halved_for_good(desk: StoreDesk) -> None:
    desk.faults.add(FaultRule(kind="status", status=413, path="*/products/importMany"))
    await desk.apply(*(stocked(f"P-{number}", 9) for number in range(1, 41)))
    assert desk.calls().count(IMPORT) == 3
    await desk.apply(*(stocked(f"P-{number}", 8) for number in range(1, 41)))
    assert desk.calls() == [IMPORT] * 2


async def test_a_lost_answer_is_looked_at_before_it_is_sent_again(desk: StoreDesk) -> None:
    desk.faults.add(FaultRule(kind="drop_after", method="POST", path="*/products/importMany"))
    failed = only(await desk.apply(stocked("P-1", 9)))
    assert isinstance(failed, Failed)
    assert failed.uncertain
    desk.calls()
    assert unchanged(await desk.run("stock", "P-1"))
    assert desk.calls() == FIND


async def test_in_doubt_it_looks_and_a_mere_look_writes_nothing(desk: StoreDesk) -> None:
    await desk.apply(stocked("P-1", 9), stocked("V-1", 9))
    desk.handlers = handlers(desk.client, look_only=True)
    desk.forget()
    assert unchanged(await desk.run("stock", "P-1", "V-1"))
    desk.store.update("products", 1, quantity_on_hand=1)
    desk.store.update("variant_inventory", 1, inventory=1)
    desk.forget()
    desk.calls()
    outcomes = await desk.run("stock", "P-1", "V-1")
    assert [outcome.for_ for outcome in outcomes if isinstance(outcome, Waiting)] == [A_WRITE] * 2
    assert not {IMPORT, PUT} & set(desk.calls())


async def test_strange_skus_can_be_asked_for(desk: StoreDesk) -> None:
    for number, sku in enumerate(("A OR B", "50% off & more", "eq:x", "Ñandú+1"), start=1):
        desk.store.update("products", number, item_number=sku)
        assert isinstance(only(await desk.apply(stocked(sku, 42))), Applied)
        assert product(desk, sku)["quantity_on_hand"] == 42
