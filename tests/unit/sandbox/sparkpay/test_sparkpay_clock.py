"""A store whose clock is wrong, and one that throttles without saying for how long."""

import httpx
import pytest
from starlette.applications import Starlette

from connector.sandbox.sparkpay import FaultRule, SparkPayStore


async def set_clock(client: httpx.AsyncClient, ahead: int) -> None:
    answer = await client.put("http://shop/_sandbox/policy", json={"clock_ahead_seconds": ahead})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("ahead", "date", "updated"), [(300, "12:05:01", "06:05:01.233"), (-90, "11:58:31", "05:58:31.233")]
)
async def test_its_dates_and_the_times_of_its_rows_follow_its_own_clock(
    client: httpx.AsyncClient, store: SparkPayStore, ahead: int, date: str, updated: str
) -> None:
    await set_clock(client, ahead)
    store.update("products", 1, item_name="New")
    answer = await client.get("products/1")
    assert answer.headers["Date"] == f"Sun, 22 Nov 2026 {date} GMT"
    assert answer.headers["Last-Modified"] == answer.headers["Date"]
    assert answer.json()["updated_at"] == f"2026-11-22T{updated}-06:00"


async def test_the_call_window_does_not_jump_with_the_clock(client: httpx.AsyncClient, app: Starlette) -> None:
    for ahead in (0, 300, -300):
        await set_clock(client, ahead)
        await client.get("products/1")
    assert app.state.service.call_limit() == "3/1000"


async def test_a_date_in_retry_after_is_one_of_its_own_clock(client: httpx.AsyncClient, app: Starlette) -> None:
    await set_clock(client, 300)
    app.state.faults.add(FaultRule("status", status=429, times=2))
    seconds, date = [(await client.get("products/1")).headers["Retry-After"] for _ in range(2)]
    assert (seconds, date) == ("9", "Sun, 22 Nov 2026 12:05:10 GMT")


async def test_throttled_without_a_word_about_the_time(client: httpx.AsyncClient, app: Starlette) -> None:
    app.state.faults.add(FaultRule("status", status=429, retry_after=False))
    answer = await client.get("products/1")
    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers
