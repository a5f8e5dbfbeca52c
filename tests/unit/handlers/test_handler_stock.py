"""Stock on SparkLayer: places, levels, refusals, and what they cost."""

from collections.abc import Callable
from typing import Any

import pytest

from connector.sandbox.sparklayer import FaultRule
from handlers.outcome import Applied, Failed, Rejected, Waiting
from tests.support.handler_desk import Desk, rope, stocked

BULK = "POST /api/v1/batch-update-stock"
PLACES, NEW_PLACE = "GET /api/v1/stock-locations", "POST /api/v1/stock-locations"


def shown(desk: Desk, sku: str) -> dict[str, int]:
    return {place: row["stock_level"] for place, row in desk.site.stock(sku).items()}


async def with_skus(desk: Desk, *skus: str) -> None:
    await desk.apply(rope(1, *skus))
    desk.calls()


async def test_a_level_reaches_the_default_place(desk: Desk) -> None:
    await with_skus(desk, "A")
    (outcome,) = await desk.apply(stocked("A", {"level": 14, "minimum": -9, "restock_date": "2026-09-06"}))
    assert isinstance(outcome, Applied)
    assert desk.calls() == [PLACES, BULK]
    row = desk.site.stock("A")["default"]
    assert (row["stock_level"], row["min_stock_level"], row["restock_date"]) == (14, -9, "2026-09-06")
    (again,) = await desk.apply(stocked("A", {"level": 14, "minimum": -9, "restock_date": "2026-09-06"}, product="x"))
    assert isinstance(again, Applied)
    assert again.unchanged
    assert desk.calls() == []


async def test_a_site_without_the_default_place_gets_one(desk: Desk) -> None:
    await with_skus(desk, "A")
    await desk.client.stock_locations.delete("default")
    desk.calls()
    await desk.apply(stocked("A", {"level": 14}))
    assert desk.calls() == [PLACES, NEW_PLACE, BULK]
    assert [(row["external_id"], row["name"]) for row in desk.site.locations.all()] == [("default", "Default")]


async def test_hundreds_of_skus_are_one_call(desk: Desk) -> None:
    skus = [f"S-{at}" for at in range(500)]
    await with_skus(desk, *skus)
    await desk.apply(stocked("S-0", {"level": 1}))
    desk.calls()
    outcomes = await desk.apply(*(stocked(sku, {"level": 3}) for sku in skus))
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert desk.calls() == [BULK]
    assert shown(desk, "S-499") == {"default": 3}


async def test_everything_goes_to_one_place_by_default(desk: Desk) -> None:
    await with_skus(desk, "A")
    levels = ({"location": "default", "level": 4}, {"location": "wh-2", "level": 5, "restock_date": "2026-09-06"})
    await desk.apply(stocked("A", *levels))
    assert shown(desk, "A") == {"default": 9}
    assert desk.site.stock("A")["default"]["restock_date"] == "2026-09-06"


async def test_per_warehouse_makes_places_and_empties_old_ones(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(stock__mode="per_warehouse")
    await with_skus(desk, "A")
    await desk.apply(
        stocked("A", {"location": "default", "level": 4}, {"location": "wh-2", "name": "Harbour", "level": 5})
    )
    assert desk.calls() == [PLACES, NEW_PLACE, BULK]
    assert shown(desk, "A") == {"default": 4, "wh-2": 5}
    assert {row["external_id"]: row["name"] for row in desk.site.locations.all()}["wh-2"] == "Harbour"
    (moved,) = await desk.apply(stocked("A", {"location": "wh-3", "level": 5}))
    assert isinstance(moved, Applied)
    assert desk.calls() == [NEW_PLACE, BULK]
    assert shown(desk, "A") == {"default": 0, "wh-2": 0, "wh-3": 5}
    (again,) = await desk.apply(stocked("A", {"location": "wh-3", "level": 5}))
    assert isinstance(again, Applied)
    assert again.unchanged


async def test_a_place_that_is_named_twice_counts_once(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(stock__mode="per_warehouse")
    await with_skus(desk, "A")
    await desk.apply(stocked("A", {"location": "wh-2", "level": 5}, {"location": "wh-2", "level": 6}))
    assert shown(desk, "A") == {"default": 0, "wh-2": 6}


@pytest.mark.parametrize(
    ("level", "clamp", "expected"),
    [
        ({"level": -3}, "true", 0),
        ({"level": -3}, "false", -3),
        ({"level": 2, "unlimited": True}, "true", 999_999),
        ({"level": 10**12}, "true", 2**31 - 1),
    ],
)
async def test_levels(desk_of: Callable[..., Desk], level: dict[str, Any], clamp: str, expected: int) -> None:
    desk = desk_of(stock__clamp_negative=clamp)
    await with_skus(desk, "A")
    await desk.apply(stocked("A", level))
    assert shown(desk, "A") == {"default": expected}


async def test_shared_pieces_are_reported(desk: Desk) -> None:
    await with_skus(desk, "A")
    (outcome,) = await desk.apply(stocked("A", {"level": 3}, shared=True))
    assert isinstance(outcome, Applied)
    assert [(skip.code, skip.note) for skip in outcome.skips] == [("shared_stock", True)]


async def test_a_sku_without_product_waits(desk: Desk) -> None:
    (outcome,) = await desk.apply(stocked("A", {"level": 3}))
    assert isinstance(outcome, Waiting)
    assert outcome.for_ == "sku:A"
    assert desk.calls() == []


async def test_deleted_stock_is_nothing(desk: Desk) -> None:
    await with_skus(desk, "A")
    await desk.apply(stocked("A", {"level": 3}))
    desk.calls()
    outcome = await desk.delete("stock", "A")
    assert isinstance(outcome, Applied)
    assert desk.calls() == [BULK]
    assert shown(desk, "A") == {"default": 0}
    again = await desk.delete("stock", "A")
    assert isinstance(again, Applied)
    assert again.unchanged
    never = await desk.delete("stock", "NEVER")
    assert isinstance(never, Applied)
    assert desk.calls() == []


async def test_only_the_refused_sku_is_rejected(desk: Desk) -> None:
    await with_skus(desk, "A", "B", "C")
    desk.faults.add(FaultRule("reject_sku", sku="B", times=None))
    outcomes = await desk.apply(*(stocked(sku, {"level": 3}) for sku in "ABC"))
    assert [type(outcome) for outcome in outcomes] == [Applied, Rejected, Applied]
    assert isinstance(outcomes[1], Rejected)
    assert (outcomes[1].status, outcomes[1].details[0]["property"]) == (400, "sku")
    assert desk.calls().count(BULK) == 2


async def test_a_sku_that_the_site_does_not_have_waits_or_is_tried_again(desk: Desk) -> None:
    await with_skus(desk, "A")
    desk.skus.claim("sparkpay:7", 'O\'LD "x"', "v7", "retired")
    desk.skus.claim("sparkpay:8", "LOST", "v8", "live")
    outcomes = await desk.apply(*(stocked(sku, {"level": 3}) for sku in ('O\'LD "x"', "A", "LOST")))
    assert [type(outcome) for outcome in outcomes] == [Waiting, Applied, Failed]
    lost = outcomes[2]  # on its way from one variant to another; refused only when its attempts are used up
    assert isinstance(lost, Failed)
    assert (lost.target, lost.code) == (False, "sku_unknown")
    assert desk.calls().count(BULK) == 2


async def test_a_place_that_somebody_removed_is_made_again(desk: Desk) -> None:
    await with_skus(desk, "A")
    await desk.apply(stocked("A", {"level": 3}))
    await desk.client.stock_locations.delete("default")
    desk.calls()
    (outcome,) = await desk.apply(stocked("A", {"level": 4}))
    assert isinstance(outcome, Applied)
    assert desk.calls() == [BULK, PLACES, NEW_PLACE, BULK]
    assert shown(desk, "A") == {"default": 4}


async def test_a_place_that_somebody_else_made_meanwhile_is_used(desk: Desk) -> None:
    await with_skus(desk, "A")
    await desk.apply(stocked("A", {"level": 3}))
    desk.settings = desk.settings.with_values({"stock.mode": "per_warehouse"})
    await desk.client.stock_locations.create("wh-2", "Theirs")
    (outcome,) = await desk.apply(stocked("A", {"location": "wh-2", "level": 4}))
    assert isinstance(outcome, Applied)
    assert shown(desk, "A") == {"default": 0, "wh-2": 4}


async def test_an_impossible_place_is_rejected(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(stock__mode="per_warehouse")
    await with_skus(desk, "A")
    (outcome,) = await desk.apply(stocked("A", {"location": "sl_1", "level": 4}))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "location_id_invalid"


async def test_a_batch_that_is_too_large_is_halved(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(policy={"max_rows": 30})
    skus = [f"S-{at}" for at in range(100)]
    await with_skus(desk, *skus)
    outcomes = await desk.apply(*(stocked(sku, {"level": 1}) for sku in skus))
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert desk.calls().count(BULK) == 2 + 4


@pytest.mark.parametrize(("status", "pause"), [(503, False), (429, False), (403, True)])
async def test_trouble_before_the_first_level(desk: Desk, status: int, *, pause: bool) -> None:
    await with_skus(desk, "A", "B")
    desk.faults.add(FaultRule("status", path="*stock-locations", status=status, times=None))
    outcomes = await desk.apply(stocked("A", {"level": 1}), stocked("B", {"level": 1}))
    assert all(isinstance(outcome, Failed) and outcome.target and outcome.pause is pause for outcome in outcomes)


async def test_a_sku_that_moves_to_another_variant_gets_its_level_again(desk: Desk) -> None:
    await with_skus(desk, "A", "B")
    await desk.apply(stocked("A", {"level": 4}), stocked("B", {"level": 4}))
    await desk.apply(rope(1, "B", "C"))
    assert shown(desk, "B") == {"default": 4}  # what the variant had as A
    assert shown(desk, "C") == {"default": 4}
    await desk.apply(stocked("C", {"level": 9}))
    desk.calls()
    (again,) = await desk.apply(stocked("B", {"level": 4}))
    assert isinstance(again, Applied)
    assert not again.unchanged
    assert desk.calls() == [BULK]


async def test_sku_and_warehouse_change_together(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(stock__mode="per_warehouse")
    await with_skus(desk, "A")
    desk.put("stock", "A", stocked("A", {"location": "wh-2", "level": 5}))
    await desk.run("stock", "A")
    await desk.client.stock_locations.create("theirs", "A place of the merchant's own")
    await desk.client.stock.update([{"sku": "A", "stock_location_external_id": "theirs", "stock_level": 7}])
    desk.restart()
    await desk.apply(rope(1, "B"))
    await desk.delete("stock", "A")
    assert shown(desk, "B") == {"default": 0, "wh-2": 5, "theirs": 7}
    await desk.apply(stocked("B", {"location": "wh-3", "level": 6}))
    assert shown(desk, "B") == {"default": 0, "wh-2": 0, "wh-3": 6, "theirs": 7}


async def test_stock_deleted_after_a_first_call_without_an_answer_is_nothing(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(stock__mode="per_warehouse")
    await with_skus(desk, "A")
    desk.faults.add(FaultRule("drop_after", path="*batch-update-stock"))
    (lost,) = await desk.apply(stocked("A", {"level": 3}, {"location": "wh-2", "level": 4}))
    assert isinstance(lost, Failed)
    assert shown(desk, "A") == {"default": 3, "wh-2": 4}
    outcome = await desk.delete("stock", "A")
    assert isinstance(outcome, Applied)
    assert shown(desk, "A") == {"default": 0, "wh-2": 0}
    desk.calls()
    again = await desk.delete("stock", "A")
    assert isinstance(again, Applied)
    assert again.unchanged
    assert desk.calls() == []
