"""The judges themselves: what they must not let pass."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chaos.overwrites import backwards, stale_events, stale_writes, written_to_site
from tests.chaos.plan import ALL_ROLES, EditTrade, Kill, Place, plan
from tests.chaos.topics import Event, Record, Topics, Version
from tests.chaos.verdict import Scene, surplus

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ([1, 2, 3], []),
        ([1, 1, 3, 3], []),
        ([3], []),
        ([1, 3, 2], [(2, 3)]),
        ([2, 1, 3], [(1, 2)]),
        ([1, 99, 2], []),
        ([1, 3, 1], [(1, 3)]),
    ],
)
def test_a_value_that_came_back_is_told(written: list[int], told: list[tuple[int, int]]) -> None:
    assert list(backwards([1, 2, 3], written)) == told


def test_a_value_that_was_true_twice_may_come_back() -> None:
    assert list(backwards([1, 2, 1], [1, 2, 1])) == []


def told_of(entity: str, key: str, *data: dict[str, Any]) -> Topics:
    """A topic that has these states of a key, oldest first."""
    record = Record("t", 0, 0, b"", b"", {})
    events = [
        Event(entity, key, Version(NOON + timedelta(seconds=at), "id"), "sparkpay", False, each, record)
        for at, each in enumerate(data)
    ]
    return Topics({(entity, key): events})


def call(path: str, *rows: dict[str, Any], outcome: int | None = 204) -> dict[str, Any]:
    return {"path": f"/api/v1/{path}", "writes": True, "outcome": outcome, "content": json.dumps(rows)}


def level(value: int) -> dict[str, Any]:
    return {"sku": "A", "stock_location_external_id": "default", "stock_level": value}


def test_a_level_that_is_written_after_a_newer_one_is_told_and_one_that_was_not_applied_is_not() -> None:
    topics = told_of("stock", "A", *({"levels": [{"level": value}]} for value in (3, 4, 5)))
    calls = [call("batch-update-stock", level(value)) for value in (3, 5)]
    assert stale_writes(topics, written_to_site(calls)) == []
    lost = call("batch-update-stock", level(4), outcome=None)
    assert stale_writes(topics, written_to_site([*calls, lost])) == []
    assert len(stale_writes(topics, written_to_site([*calls, call("batch-update-stock", level(4))]))) == 1


def test_a_price_that_is_written_after_a_newer_one_is_told() -> None:
    lists = [{"lists": [{"list": "base", "rows": [{"from_quantity": 1, "amount": each}]}]} for each in ("9.5", "8")]
    written = [
        {"sku": "A", "price_list_slug": "sp-base-usd", "pricing": [{"quantity": 1, "price": price}]}
        for price in (9.5, 8, 9.5)
    ]
    topics = told_of("price", "A", *lists)
    calls = [call("batch-update-pricing", row) for row in written]
    assert stale_writes(topics, written_to_site(calls[:2])) == []
    assert len(stale_writes(topics, written_to_site(calls))) == 1
    later = {"from_quantity": 1, "amount": "8", "valid_from": "2999-01-01T00:00:00Z"}
    sale_is_over = {"lists": [{"list": "base", "rows": [{"from_quantity": 1, "amount": "9.5"}, later]}]}
    assert stale_writes(told_of("price", "A", *lists, sale_is_over), written_to_site(calls)) == []


def test_a_title_that_is_published_after_a_newer_one_is_told() -> None:
    states = [{"products": [{"id": 1, "item_name": name}], "product_variants": []} for name in ("old", "new")]
    published = [{"title": "old"}, {"title": "new"}, {"title": "old"}]
    assert stale_events(told_of("product", "sparkpay:1", *published[:2]), states) == []
    assert len(stale_events(told_of("product", "sparkpay:1", *published), states)) == 1


def test_a_plan_is_the_same_every_time_and_any_few_meet_everything() -> None:
    assert plan(7) == plan(7)
    assert plan(7).actions != plan(8).actions
    some = [plan(seed) for seed in range(1, 9)]
    assert {one.database for one in some} == {"sqlite", "postgresql"}
    assert {len(one.processes) for one in some} >= {1, 3, 6}
    assert any(one.processes == {"service": ALL_ROLES} for one in some)
    assert all(any(isinstance(action, Kill) for _, action in one.actions) for one in some)
    kinds = [{type(action) for _, action in one.actions} for one in some]
    assert all({EditTrade, Place} <= kind for kind in kinds)


def test_what_is_there_more_often_than_people_made_it_is_told() -> None:
    scene = Scene({"orders": [{"id": 1}, {"id": 2}], "order_shipments": []}, {}, Topics(), {}, {}, "single_default")
    assert list(surplus(scene, orders=2, shipments=0)) == []
    assert list(surplus(scene, orders=1, shipments=0)) == ["the store has 2 orders, people have made 1"]
    assert list(surplus(scene, orders=2, shipments=1)) == ["the store has 0 order_shipments, people have made 1"]
