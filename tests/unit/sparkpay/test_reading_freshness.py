from datetime import datetime, timedelta

import httpx

from connector.clock import SteppedClock
from connector.sparkpay.freshness import Freshness
from connector.sparkpay.query import Query
from tests.unit.sparkpay.test_reading_client import Script, client_on

SECOND = timedelta(seconds=1)
NOON = datetime.fromisoformat("2026-11-22T12:00:00+00:00")


def made(before: timedelta, title: str = "") -> httpx.Response:
    """An answer that leaves at noon and was made so long before."""
    headers = {"Date": http(NOON), "Last-Modified": http(NOON - before)}
    return httpx.Response(200, json={"total_count": 1, "products": [{"id": 1, "item_name": title}]}, headers=headers)


def http(moment: datetime) -> str:
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


async def test_an_old_answer_is_asked_for_again() -> None:
    script = Script(made(30 * SECOND, "old"), made(2 * SECOND, "old"), made(0 * SECOND, "new"))
    client, budget, _ = client_on(script)
    page = await client.page("products", Query())
    assert [row["item_name"] for row in page.rows] == ["new"]
    assert len(budget.tickets) == 3
    assert page.order == 3


async def test_an_answer_that_stays_old_is_believed_and_not_asked_for_again_for_a_while() -> None:
    script = Script(made(timedelta(days=1), "same"))
    client, _, clock = client_on(script)
    assert (await client.page("products", Query())).rows[0]["item_name"] == "same"
    assert len(script.requests) == 4
    await client.page("products", Query())
    assert len(script.requests) == 5
    clock.advance(601)
    await client.page("products", Query())
    assert len(script.requests) == 9


async def test_an_answer_that_may_be_cached_may_be_old() -> None:
    script = Script(made(timedelta(days=1)))
    client, _, _ = client_on(script)
    await client.page("product_statuses", Query(), fresh=False)
    assert len(script.requests) == 1


def test_what_took_long_to_make_is_not_old() -> None:
    freshness = Freshness(SteppedClock())
    slow = made(20 * SECOND).headers
    assert not freshness.is_old(slow, seconds=20.0)
    assert not freshness.is_old(slow, seconds=19.5)
    assert freshness.is_old(slow, seconds=18.0)


def test_headers_that_say_nothing_judge_nothing() -> None:
    freshness = Freshness(SteppedClock())
    date, long_ago = http(NOON), http(NOON - timedelta(days=1))
    for headers in ({}, {"Date": date}, {"Last-Modified": long_ago}, {"Date": date, "Last-Modified": "-1"}):
        assert not freshness.is_old(headers, seconds=0.0)
