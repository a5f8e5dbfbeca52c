"""Price lists and prices."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

BATCH = "/api/v1/batch-update-pricing"


def block(sku: str, slug: str, *rows: tuple[Any, Any]) -> dict[str, Any]:
    return {"sku": sku, "price_list_slug": slug, "pricing": [{"quantity": q, "price": p} for q, p in rows]}


async def test_price_lists(caller: Any) -> None:
    for slug in ("c", "a", "b"):
        await caller.price_list(slug)
    again = await caller.call("POST", "/api/v1/price-lists", {"slug": "a", "name": "A", "currency_code": "usd"})
    assert again.status_code == 400
    assert again.json()["errors"][0]["code"] == "resource-already-exists"
    page = (await caller.call("GET", "/api/v2/price-lists?page=2&page_size=2&order_by=name:asc")).json()
    assert [row["slug"] for row in page["data"]] == ["c"]
    assert page["pagination"] == {"total": 3, "per_page": 2, "current_page": 2, "total_pages": 2}
    assert (await caller.call("GET", "/api/v2/price-lists?source=custom")).json()["pagination"]["total"] == 0
    assert len((await caller.call("GET", "/api/v1/price-lists")).json()) == 3
    for query in ("page=0", "page_size=251", "page=x", "order_by=slug:asc"):
        assert (await caller.call("GET", f"/api/v2/price-lists?{query}")).status_code == 400
    assert (await caller.call("PATCH", "/api/v1/price-lists/a", {"name": "New"})).json()["name"] == "New"
    assert (await caller.call("PATCH", "/api/v1/price-lists/a", {"slug": "z"})).status_code == 400
    rule = {"rules": [{"source_price_list_slug": "a", "adjustment_percentage": 0.1, "adjustment_direction": "minus"}]}
    assert (await caller.call("PATCH", "/api/v1/price-lists/b", rule)).status_code == 200
    used = await caller.call("DELETE", "/api/v1/price-lists/a")
    assert (used.status_code, used.json()["errors"][0]["code"]) == (400, "resource-in-use")
    assert (await caller.call("DELETE", "/api/v1/price-lists/b")).status_code == 204
    assert (await caller.call("DELETE", "/api/v1/price-lists/a")).status_code == 204
    assert (await caller.call("GET", "/api/v1/price-lists/a")).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "s" * 65}, "slug"),
        ({"name": ""}, "name"),
        ({"currency_code": "us"}, "currency_code"),
        ({"source": "x"}, "source"),
        ({"rules": [{"source_price_list_slug": "no"}]}, "rules[0].source_price_list_slug"),
    ],
)
async def test_a_wrong_field_of_a_list_is_named(caller: Any, change: dict[str, Any], field: str) -> None:
    body = {"slug": "a", "name": "A", "currency_code": "usd", **change}
    answer = await caller.call("POST", "/api/v1/price-lists", body)
    assert answer.status_code == 400
    assert [error["property"] for error in answer.json()["errors"]] == [field]


async def test_breaks_are_replaced_per_sku_and_list_and_a_blank_row_removes(caller: Any) -> None:
    await caller.product(1, skus=("A", "B"))
    for slug in ("x", "y"):
        await caller.price_list(slug)
    rows = [block("A", "x", (1, 98.5), (10, 91)), block("A", "y", (1, 1)), block("B", "x", (1, 2))]
    assert (await caller.call("PATCH", BATCH, rows)).status_code == 204
    assert (await caller.call("PATCH", BATCH, [block("A", "x", (5, 90))])).status_code == 204
    assert caller.site.prices("A") == {"x": [{"quantity": 5, "price": 90}], "y": [{"quantity": 1, "price": 1}]}
    of_list = (await caller.call("GET", "/api/v1/price-lists/x/pricing")).json()
    assert [row["sku"] for row in of_list] == ["A", "B"]
    assert (await caller.call("GET", "/api/v1/pricing/A")).json()[0]["price_list_slug"] == "x"
    in_list = {"sku": "B", "pricing": [{"quantity": None, "price": None}]}
    assert (await caller.call("PATCH", "/api/v1/price-lists/x/pricing", [in_list])).status_code == 204
    assert caller.site.prices("B") == {}
    of_sku = {"price_list_slug": "y", "pricing": [{"quantity": 1, "price": 3}]}
    assert (await caller.call("PATCH", "/api/v1/pricing/A", [of_sku])).status_code == 200
    assert (await caller.call("DELETE", "/api/v1/price-lists/x/pricing")).status_code == 204
    empty = await caller.call("GET", "/api/v1/price-lists/x/pricing")
    assert (empty.status_code, empty.content) == (204, b"")
    assert caller.site.prices("A") == {"y": [{"quantity": 1, "price": 3}]}


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (block("nope", "x", (1, 1)), "sku"),
        (block("A", "x", (1, -1)), "price"),
        (block("A", "x", (1, 10_000_000)), "price"),
        (block("A", "x", (1, 1.23456)), "price"),
        (block("A", "x", (1, "1")), "pricing[0].price"),
        (block("A", "x", (0, 1)), "quantity"),
        (block("A", "x", (None, 1)), "quantity"),
        (block("A", "x", (1, None)), "price"),
        (block("A", "x"), "pricing"),
        ({**block("A", "x", (1, 1)), "note": "x"}, "note"),
    ],
)
async def test_a_bad_row_is_a_line_and_nothing_is_applied(start: Any, row: dict[str, Any], field: str) -> None:
    for base in (1, 0):
        caller = await start(line_base=base)
        await caller.product(1, skus=("A", "B"))
        await caller.price_list("x")
        answer = await caller.call("PATCH", BATCH, [block("B", "x", (1, 5)), row])
        assert answer.status_code == 400
        assert [(line["line"], line["field"]) for line in answer.json()] == [(1 + base, field)]
        in_list = [{name: value for name, value in item.items() if name != "price_list_slug"} for item in (row,)]
        by_list = await caller.call("PATCH", "/api/v1/price-lists/x/pricing", in_list)
        assert [(line["line"], line["field"]) for line in by_list.json()] == [(base, field)]
        assert caller.site.prices("B") == {}


async def test_the_other_spelling_of_a_blank_row(start: Any) -> None:
    caller = await start(remove_style="empty")
    await caller.product(1)
    await caller.price_list("x")
    await caller.call("PATCH", BATCH, [block("A", "x", (1, 5))])
    assert (await caller.call("PATCH", BATCH, [block("A", "x", (None, None))])).status_code == 400
    assert (await caller.call("PATCH", BATCH, [block("A", "x")])).status_code == 204
    assert caller.site.prices("A") == {}


async def test_unknown_lists_and_skus(caller: Any) -> None:
    await caller.product(1)
    await caller.price_list("x")
    for answer in (
        await caller.call("PATCH", BATCH, [block("A", "no", (1, 1))]),
        await caller.call("PATCH", "/api/v1/price-lists/no/pricing", []),
        await caller.call("PATCH", "/api/v1/pricing/nope", []),
        await caller.call("PATCH", "/api/v1/pricing/A", [{"price_list_slug": "no", "pricing": []}]),
    ):
        assert answer.status_code == 404
        assert answer.json()["title"] == "resource-not-found"
    bad = await caller.call(
        "PATCH", "/api/v1/pricing/A", [{"price_list_slug": "x", "pricing": [{"quantity": 1, "price": -1}]}]
    )
    assert (bad.status_code, bad.json()["errors"][0]["property"]) == (400, "[0].price")
    assert (await caller.call("PATCH", BATCH, {"sku": "A"})).json()["title"] == "invalid-api-request-contents"


async def test_zeros_at_the_end_are_no_decimals_and_the_limits_are_exact(caller: Any) -> None:
    await caller.product(1)
    await caller.price_list("x")
    headers = {**caller.headers, "Content-Type": "application/json"}
    for number, status in (
        ("1.50000", 204),
        ("9999999.9999", 204),
        ("0", 204),
        ("1e1", 204),
        ("1e-5", 400),
        ("1E7", 400),
    ):
        raw = f'[{{"sku":"A","price_list_slug":"x","pricing":[{{"quantity":1,"price":{number}}}]}}]'
        assert (await caller.http.patch(BATCH, content=raw, headers=headers)).status_code == status, number


async def test_two_pricing_calls_at_once_collide(caller: Any) -> None:
    await caller.product(1)
    await caller.price_list("x")
    calls = [caller.call("PATCH", BATCH, [block("A", "x", (1, n))]) for n in (1, 2)]
    answers = await asyncio.gather(*calls)
    assert [answer.status_code for answer in answers] == [204, 409]
    assert answers[1].json()["title"] == "concurrent-update"
    assert caller.site.prices("A")["x"][0]["price"] == Decimal(1)
    assert (await caller.call("PATCH", BATCH, [block("A", "x", (1, 3))])).status_code == 204
