"""Stock levels and stock locations."""

from typing import Any
from urllib.parse import quote


async def test_bulk_writes_upsert_per_sku_and_location(caller: Any) -> None:
    await caller.product(1, skus=("A", "B"))
    place = (await caller.call("POST", "/api/v1/stock-locations", {"name": "W", "external_id": "wh-2"})).json()
    rows = [
        {"sku": "A", "stock_location_external_id": "default", "stock_level": 4, "restock_date": "2026-05-01"},
        {"sku": "A", "stock_location_id": place["id"], "stock_level": 9, "min_stock_level": -3},
        {"sku": "B", "stock_location_id": "wh-2", "stock_level": 1},
    ]
    answer = await caller.call("POST", "/api/v1/batch-update-stock", rows)
    assert (answer.status_code, answer.content) == (204, b"")
    again = [{"sku": "A", "stock_location_external_id": "default", "stock_level": 5}]
    await caller.call("POST", "/api/v1/batch-update-stock", again)
    assert caller.site.stock("A") == {
        "default": {"stock_level": 5, "restock_date": "2026-05-01", "min_stock_level": 0},
        "wh-2": {"stock_level": 9, "restock_date": None, "min_stock_level": -3},
    }
    fetch = "/api/v1/batch-fetch-stock"
    shown = (await caller.call("POST", fetch, {"skus": ["A", "B", "nope"]})).json()
    assert [(row["sku"], row["stock_location_external_id"]) for row in shown] == [("A", "default")]
    everywhere = {"skus": ["A", "B"], "filter": {"all_stock_locations": True}}
    assert len((await caller.call("POST", fetch, everywhere)).json()) == 3
    only = {"skus": ["A", "B"], "filter": {"stock_location_ids": ["wh-2"]}}
    assert [row["stock_level"] for row in (await caller.call("POST", fetch, only)).json()] == [9, 1]
    assert (await caller.call("POST", "/api/v1/batch-delete-stock", {"skus": ["A", "nope"]})).status_code == 204
    assert caller.site.stock("A") == {}
    assert caller.site.stock("B") != {}


async def test_one_bad_row_and_nothing_of_the_call_is_applied(caller: Any) -> None:
    await caller.product(1)
    good = {"sku": "A", "stock_location_external_id": "default", "stock_level": 4}
    for bad, field, code in (
        ({"sku": "nope", "stock_location_external_id": "default"}, "sku", "resource-not-found"),
        ({"sku": "A", "stock_location_external_id": "no"}, "stock_location_external_id", "resource-not-found"),
        ({"sku": "A", "stock_location_id": "default"}, "sku", "duplicate-entry"),
        ({"sku": "A"}, "stock_location_id", "required"),
        (
            {"sku": "A", "stock_location_external_id": "default", "stock_level": 2**31},
            "[1].stock_level",
            "invalid-type",
        ),
        (
            {"sku": "A", "stock_location_external_id": "default", "restock_date": "2026-02-30"},
            "[1].restock_date",
            "invalid-type",
        ),
    ):
        answer = await caller.call("POST", "/api/v1/batch-update-stock", [good, bad])
        assert answer.status_code == 400
        assert [(error["property"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]
    assert caller.site.stock("A") == {}


async def test_unknown_skus_can_be_ignored_instead(start: Any) -> None:
    caller = await start(unknown_sku_in_stock="ignore")
    await caller.product(1)
    rows = [{"sku": sku, "stock_location_external_id": "default", "stock_level": 4} for sku in ("nope", "A")]
    assert (await caller.call("POST", "/api/v1/batch-update-stock", rows)).status_code == 204
    assert caller.site.stock("A")["default"]["stock_level"] == 4


async def test_stock_of_one_sku_with_an_awkward_name(caller: Any) -> None:
    sku = "50% 红/#1?"
    await caller.product(1, skus=(sku,))
    path = f"/api/v1/variants/{quote(sku, safe='')}/stock"
    row = {"stock_location_id": "default", "stock_level": 2}
    assert (await caller.call("PATCH", path, [row])).status_code == 204
    assert (await caller.call("GET", path)).json()[0]["stock_level"] == 2
    assert (await caller.call("PATCH", path, [{**row, "stock_location_id": "x"}])).status_code == 400
    assert (await caller.call("GET", "/api/v1/variants/nope/stock")).status_code == 404


async def test_locations(caller: Any) -> None:
    await caller.product(1)
    assert [row["external_id"] for row in (await caller.call("GET", "/api/v1/stock-locations")).json()] == ["default"]
    new = await caller.call("POST", "/api/v1/stock-locations", {"name": "W", "external_id": "wh-2"})
    assert new.status_code == 201
    taken = await caller.call("POST", "/api/v1/stock-locations", {"name": "W", "external_id": "wh-2"})
    assert taken.status_code == 409
    assert taken.json()["errors"][0]["code"] == "resource-already-exists"
    assert (await caller.call("POST", "/api/v1/stock-locations", {"name": "W"})).status_code == 400
    renamed = await caller.call("PATCH", "/api/v1/stock-locations/wh-2", {"name": "West", "external_id": "wh-3"})
    assert renamed.json() == {**new.json(), "name": "West", "external_id": "wh-3"}
    assert (await caller.call("PATCH", "/api/v1/stock-locations/wh-3", {"external_id": "default"})).status_code == 409
    assert (await caller.call("GET", "/api/v1/stock-locations/wh-2")).status_code == 404
    rows = [{"sku": "A", "stock_location_external_id": "wh-3", "stock_level": 1}]
    assert (await caller.call("POST", "/api/v1/batch-update-stock", rows)).status_code == 204
    for _ in range(2):
        assert (await caller.call("DELETE", "/api/v1/stock-locations/wh-3")).status_code == 204
    assert caller.site.stock("A") == {}
