"""Entities of which nobody knows any more what was sent: looked at, and written only where something differs."""

from collections.abc import Callable
from typing import Any

import pytest

from connector.ports import Doubt
from connector.sandbox.sparklayer import FaultRule
from contracts.entities import Product
from handlers.outcome import A_WRITE, Applied, Failed, Outcome, Rejected, Waiting
from tests.support.handler_desk import Desk, priced, rope, stocked

LOOK = "GET /api/v1/products/{id}"
LISTS, LIST = "GET /api/v2/price-lists", "GET /api/v1/price-lists/{slug}/pricing"
PLACES, LEVELS = "GET /api/v1/stock-locations", "POST /api/v1/batch-fetch-stock"


def unchanged(outcomes: dict[str, Outcome]) -> bool:
    return all(isinstance(outcome, Applied) and outcome.unchanged for outcome in outcomes.values())


def full_rope(number: int, /, **changes: Any) -> Product:
    """A product with a value in every field."""
    variant = {
        "id": f"p-{number}", "sku": "A", "position": 2, "weight_grams": "3480.5", "image_url": "https://x/y.jpg",
        "options": [{"name": "Size", "value": "60"}, {"name": "Colour", "value": "Red"}],
        "rrp": [{"amount": "129.00", "currency": "USD"}], "pack_size": 6, "minimum_quantity": 12,
    }  # fmt: skip
    return rope(number, variants=[variant | changes])


async def test_products_that_are_there_cost_one_look_each_and_no_write(desk: Desk) -> None:
    await desk.apply(full_rope(1), rope(2, "B", "C"), rope(3, "D", status="discontinued"))
    await desk.delete("product", "sparkpay:2")
    remembered = {key: (row.applied_hash, row.ledger) for key, row in desk.rows.items()}
    claims = dict(desk.skus.claims)
    desk.calls()
    desk.forget()
    assert unchanged(await desk.recover("product"))
    assert desk.calls() == [LOOK] * 3
    assert {key: (row.applied_hash, row.ledger) for key, row in desk.rows.items()} == remembered
    assert {key: set(held) for key, held in desk.skus.claims.items()} == {k: set(v) for k, v in claims.items()}
    await desk.run("product", "sparkpay:1", "sparkpay:2", "sparkpay:3")
    assert desk.calls() == [], "what was found is remembered as if it had been sent"


@pytest.mark.parametrize(
    "change",
    [
        {"sku": "Z"}, {"position": 3}, {"weight_grams": None}, {"image_url": None}, {"status": "hidden"}, {"rrp": []},
        {"options": [{"name": "Size", "value": "60"}]}, {"pack_size": None}, {"minimum_quantity": None},
        {"maximum_quantity": 99}, {"rrp": [{"amount": "129.01", "currency": "USD"}]},
    ],
)  # fmt: skip
async def test_a_product_that_differs_in_one_field_is_written_once(desk: Desk, change: dict[str, Any]) -> None:
    await desk.apply(full_rope(1))
    desk.put("product", "sparkpay:1", full_rope(1, **change))
    desk.calls()
    desk.forget()
    (outcome,) = (await desk.recover("product")).values()
    assert isinstance(outcome, Applied)
    assert not outcome.unchanged
    assert desk.calls() == [LOOK, "PATCH /api/v1/products/{id}"]


async def test_a_product_that_is_not_there_is_made(desk: Desk) -> None:
    desk.put("product", "sparkpay:1", rope(1, "A"))
    desk.put("product", "sparkpay:2", None)
    desk.forget()
    found = await desk.recover("product")
    assert not unchanged({"1": found["sparkpay:1"]})
    assert unchanged({"2": found["sparkpay:2"]})
    assert desk.calls() == [LOOK, LOOK, "POST /api/v1/products"]


async def test_who_lost_a_sku_does_not_ask_for_it_again(desk: Desk) -> None:
    """The higher product is looked at first; only when both are known it is clear whose the item number is."""
    await desk.apply(rope(9, "A"))
    await desk.apply(rope(10, "A", "B"))
    desk.calls()
    desk.forget()
    found = await desk.recover("product")
    assert unchanged(found)
    lost = found["sparkpay:10"]
    assert isinstance(lost, Applied)
    assert [skip.code for skip in lost.skips] == ["sku_duplicate"]
    assert desk.calls() == [LOOK, LOOK]


async def test_a_variant_that_was_parked_stays_parked(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    await desk.apply(rope(1, "A", parts=["vi-10"]))
    desk.calls()
    desk.forget()
    assert unchanged(await desk.recover("product"))
    assert desk.calls() == [LOOK]
    assert desk.variant("vi-11") == ("B", "discontinued")


async def test_a_slug_that_was_made_unique_is_not_taken_for_a_difference(desk: Desk) -> None:
    await desk.apply(rope(1, "A"))
    await desk.apply(Product.model_validate({**rope(2, "B").model_dump(), "slug": "rope-1"}))
    desk.calls()
    desk.forget()
    assert unchanged(await desk.recover("product"))
    assert desk.calls() == [LOOK, LOOK]


async def test_a_look_that_fails_is_tried_again(desk: Desk) -> None:
    await desk.apply(rope(1, "A"))
    desk.forget()
    desk.faults.add(FaultRule(kind="status", status=503, times=1, path="/api/v1/products/*"))
    (outcome,) = await desk.run("product", "sparkpay:1")
    assert isinstance(outcome, Failed)
    assert desk.rows["product", "sparkpay:1"].doubt is Doubt.UNSEEN
    assert unchanged(await desk.recover("product"))


async def test_what_was_found_is_good_for_one_decision(desk: Desk) -> None:
    """The write may have arrived: the same old state has to be written again, though it was found at first."""
    old, new = rope(1, "A"), rope(1, "A", title="New")
    await desk.apply(old)
    desk.forget()
    desk.put("product", "sparkpay:1", new)
    await desk.run("product", "sparkpay:1")
    desk.faults.add(FaultRule(kind="drop_after", times=1, method="PATCH"))
    (lost,) = await desk.run("product", "sparkpay:1")
    assert isinstance(lost, Failed)
    desk.put("product", "sparkpay:1", old)
    await desk.recover("product")
    found = desk.site.product("1")
    assert found is not None
    assert found["title"] == "Rope 1"


async def test_prices_are_compared_list_by_list(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B", "C"))
    await desk.apply(priced("A", {"base": {1: "10.50", 10: 9}, "ct-7": {1: 8}}), priced("B", {"base": {1: 5}}))
    desk.put("price", "C", priced("C", {"base": {}}))
    await desk.run("price", "C")
    desk.calls()
    desk.forget()
    await desk.recover("product")
    desk.calls()
    assert unchanged(await desk.recover("price"))
    assert desk.calls() == [LISTS, LIST, LIST]


async def test_prices_that_differ_are_written_and_lists_that_were_left_are_cleared(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    await desk.apply(priced("A", {"base": {1: 10}, "ct-7": {1: 8}}), priced("B", {"base": {1: 5}}))
    desk.put("price", "A", priced("A", {"base": {1: 10}}))
    desk.put("price", "B", None)
    euro = {"slug": "sp-base-eur", "name": "Euro", "currency_code": "eur"}
    await desk.client.price_lists.create(euro)
    block = {"sku": "A", "price_list_slug": "sp-base-eur", "pricing": [{"quantity": 1, "price": 7}]}
    await desk.client.prices.update([block])
    desk.forget()
    await desk.recover("product")
    await desk.recover("price")
    assert set(desk.site.prices("A")) == {"sp-base-usd", "sp-base-eur"}, "another store's currency is not ours"
    assert desk.site.prices("B") == {}


async def test_a_list_with_another_name_is_renamed(desk: Desk) -> None:
    await desk.apply(rope(1, "A"))
    await desk.apply(priced("A", {"ct-7": {1: 8}}))
    await desk.client.price_lists.change("sp-ct-7-usd", {"name": "Old"})
    desk.forget()
    await desk.recover("product")
    assert not unchanged(await desk.recover("price"))
    assert {row["slug"]: row["name"] for row in desk.site.price_lists.all()}["sp-ct-7-usd"] == "Dealers"


async def test_prices_of_a_sku_that_moves_meanwhile_are_written(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    await desk.apply(priced("A", {"base": {1: 1}}), priced("B", {"base": {1: 2}}))
    desk.put("product", "sparkpay:1", rope(1, "B", "A"))  # the variants have changed their item numbers
    desk.forget()
    seen = await desk.run("product", "sparkpay:1")
    assert seen
    await desk.run("price", "A")  # the lists are read now, before the product is decided
    await desk.run("product", "sparkpay:1")
    desk.rows["price", "A"].pending = True
    await desk.run("price", "A", "B")
    assert [str(row["price"]) for row in desk.site.prices("A")["sp-base-usd"]] == ["1"]
    assert [str(row["price"]) for row in desk.site.prices("B")["sp-base-usd"]] == ["2"]


async def test_prices_that_are_read_while_their_sku_moves_prove_nothing(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    await desk.apply(priced("A", {"base": {1: 1}}), priced("B", {"base": {1: 2}}))
    for key in ("A", "B"):
        desk.rows["price", key].doubt = Doubt.UNSEEN
    desk.faults.add(FaultRule(kind="delay_ms", ms=500, times=1, method="PATCH", path="/api/v1/products/*"))
    desk.meanwhile = lambda: desk.run("price", "A")
    await desk.apply(rope(1, "B", "A"))  # the site is slow to change the item numbers, and the lists are read meanwhile
    assert desk.meanwhile is None
    await desk.run("price", "A", "B")
    assert [str(row["price"]) for row in desk.site.prices("A")["sp-base-usd"]] == ["1"]
    assert [str(row["price"]) for row in desk.site.prices("B")["sp-base-usd"]] == ["2"]


async def test_stock_is_compared_in_one_call(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(stock__mode="per_warehouse")
    await desk.apply(rope(1, "A", "B"))
    levels = {"location": "wh-1", "level": 14, "minimum": -9, "restock_date": "2026-09-06"}
    await desk.apply(stocked("A", levels, {"location": "wh-2", "level": 1}), stocked("B", {"location": "wh-1"}))
    desk.calls()
    desk.forget()
    await desk.recover("product")
    desk.calls()
    assert unchanged(await desk.recover("stock"))
    assert desk.calls() == [PLACES, LEVELS]


async def test_stock_that_differs_is_written_and_left_warehouses_are_emptied(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(stock__mode="per_warehouse")
    await desk.apply(rope(1, "A", "B"))
    await desk.apply(stocked("A", {"location": "wh-1", "level": 14}, {"location": "wh-2", "level": 1}))
    await desk.apply(stocked("B", {"location": "wh-1", "level": 3}))
    await desk.client.stock_locations.create("showroom", "By hand")
    await desk.client.stock.update([{"sku": "A", "stock_location_external_id": "showroom", "stock_level": 5}])
    desk.put("stock", "A", stocked("A", {"location": "wh-1", "level": 14}))
    desk.put("stock", "B", None)
    desk.forget()
    await desk.recover("product")
    await desk.recover("stock")
    levels = {place: row["stock_level"] for place, row in desk.site.stock("A").items()}
    assert levels == {"wh-1": 14, "wh-2": 0, "showroom": 5, "default": 0}
    assert {row["stock_level"] for row in desk.site.stock("B").values()} == {0}


async def test_a_sku_without_a_variant_waits_as_ever(desk: Desk) -> None:
    desk.put("stock", "X", stocked("X", {"level": 1}))
    desk.put("price", "X", priced("X", {"base": {1: 1}}))
    desk.forget()
    for kind in ("stock", "price"):
        (outcome,) = (await desk.recover(kind)).values()
        assert isinstance(outcome, Waiting)
        assert outcome.for_ == "sku:X"
    assert desk.calls() == []


@pytest.mark.parametrize("status", [503, 429])
async def test_a_bulk_look_that_fails_is_tried_again_and_writes_nothing(desk: Desk, status: int) -> None:
    await desk.apply(rope(1, "A"))
    await desk.apply(stocked("A", {"level": 1}))
    await desk.apply(priced("A", {"base": {1: 1}}))
    desk.forget()
    await desk.recover("product")
    desk.calls()
    desk.faults.add(FaultRule(kind="status", status=status, times=2, method="POST", path="/api/v1/batch-fetch-stock"))
    desk.faults.add(FaultRule(kind="status", status=status, times=1, method="GET", path="/api/v1/price-lists/*"))
    for kind in ("stock", "price"):
        (outcome,) = await desk.run(kind, "A")
        assert isinstance(outcome, Failed)
    assert not any(call.startswith("PATCH") or "update" in call for call in desk.calls())


async def test_a_site_that_cannot_tell_its_prices_or_levels_gets_them_again(desk: Desk) -> None:
    await desk.apply(rope(1, "A"))
    await desk.apply(stocked("A", {"level": 1}))
    await desk.apply(priced("A", {"base": {1: 1}}))
    desk.forget()
    for path in ("/api/v1/batch-fetch-stock", "/api/v1/price-lists/*", "/api/v1/products/*"):
        method = "POST" if "batch" in path else "GET"
        desk.faults.add(FaultRule(kind="status", status=405, times=9, method=method, path=path))
    for kind in ("product", "stock", "price"):
        (outcome,) = (await desk.recover(kind)).values()
        assert isinstance(outcome, Applied)
        assert not outcome.unchanged


async def test_a_dry_look_tells_what_differs_and_writes_nothing(desk: Desk) -> None:
    await desk.apply(rope(1, "A"), rope(2, "B"))
    await desk.apply(stocked("A", {"level": 1}), stocked("B", {"level": 1}))
    await desk.apply(priced("A", {"base": {1: 1}}), priced("B", {"base": {1: 1}}))
    desk.put("product", "sparkpay:1", rope(1, "A", title="Other"))
    desk.put("product", "sparkpay:3", None)
    desk.put("stock", "A", stocked("A", {"level": 2}))
    desk.put("price", "A", priced("A", {"base": {1: 2}, "ct-7": {1: 3}}))
    desk.calls()
    desk.forget(look_only=True)
    found = {
        (kind, key): one for kind in ("product", "stock", "price") for key, one in (await desk.recover(kind)).items()
    }
    differing = {name: one for name, one in found.items() if isinstance(one, Waiting)}
    assert set(differing) == {("product", "sparkpay:1"), ("stock", "A"), ("price", "A")}
    assert {one.for_ for one in differing.values()} == {A_WRITE}
    assert "title" in differing["product", "sparkpay:1"].message
    assert not any(isinstance(one, Rejected | Failed) for one in found.values())
    assert set(desk.calls()) == {LOOK, PLACES, LEVELS, LISTS, LIST}


async def test_a_dry_look_never_writes_whatever_is_in_doubt(desk: Desk) -> None:
    await desk.apply(rope(1, "A"))
    await desk.apply(stocked("A", {"level": 1}))
    await desk.apply(priced("A", {"base": {1: 1}}))
    desk.restart(look_only=True)
    desk.put("product", "sparkpay:1", rope(1, "A", title="Other"))
    desk.put("stock", "A", stocked("A", {"level": 2}))
    desk.put("price", "A", priced("A", {"base": {1: 2}}))
    desk.calls()
    for kind, key in (("product", "sparkpay:1"), ("stock", "A"), ("price", "A")):
        (outcome,) = await desk.run(kind, key)
        assert isinstance(outcome, Waiting)
        assert outcome.for_ == A_WRITE
    desk.put("product", "sparkpay:1", None)
    (outcome,) = await desk.run("product", "sparkpay:1")
    assert isinstance(outcome, Waiting)
    assert desk.calls() == []


async def test_a_price_whose_answer_was_lost_is_not_compared_with_what_was_read_before(desk: Desk) -> None:
    old, new = priced("A", {"base": {1: 1}}), priced("A", {"base": {1: 2}})
    await desk.apply(rope(1, "A", "B"))
    await desk.apply(old, priced("B", {"base": {1: 1}}))
    desk.forget()
    await desk.recover("product")
    desk.put("price", "A", new)
    desk.faults.add(FaultRule(kind="drop_after", times=1, method="PATCH"))
    (lost,) = await desk.run("price", "A")
    assert isinstance(lost, Failed)
    assert lost.uncertain
    desk.put("price", "A", old)
    await desk.run("price", "A", "B")
    assert [str(row["price"]) for row in desk.site.prices("A")["sp-base-usd"]] == ["1"]
