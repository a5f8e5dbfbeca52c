from collections.abc import Callable
from email.utils import parsedate_to_datetime

import httpx
import pytest
from starlette.applications import Starlette

from connector.sandbox.sparkpay import SandboxPolicy, SparkPayStore

STALE = {"Cache-Control": "max-age=60"}


@pytest.fixture
def policy() -> SandboxPolicy:
    return SandboxPolicy(token="spark-token", limit=3, window_phase=2.0)


async def test_a_fixed_window_with_retry_after_in_both_forms(
    client: httpx.AsyncClient, app: Starlette, pass_time: Callable[[float], None]
) -> None:
    # The clock says 12:00:01.23; with a phase of 2 s this window ends at 12:00:02.
    limits = [(await client.get("products?count=1")).headers["x-ac-call-limit"] for _ in range(3)]
    assert limits == ["1/3", "2/3", "3/3"]
    seconds, date = [await client.get("products?count=1") for _ in range(2)]
    assert (seconds.status_code, seconds.headers["retry-after"], seconds.headers["x-ac-call-limit"]) == (
        429,
        "1",
        "3/3",
    )
    assert date.headers["retry-after"] == "Sun, 22 Nov 2026 12:00:02 GMT"
    assert seconds.json()["status_code"] == 429
    pass_time(0.8)
    assert (await client.get("products?count=1")).headers["x-ac-call-limit"] == "1/3"
    stats = app.state.journal.stats()
    assert (stats["calls"], stats["refused_429"], stats["by_status"]) == (6, 2, {"200": 4, "429": 2})
    windows = app.state.service.window.report()
    assert [window["used"] for window in windows] == [3, 1]
    assert windows[1]["start"] - windows[0]["start"] == 10


async def test_reads_may_be_stale_unless_asked_for_fresh_ones(
    client: httpx.AsyncClient, app: Starlette, store: SparkPayStore, pass_time: Callable[[float], None]
) -> None:
    app.state.service.policy = SandboxPolicy(token="spark-token", cache_seconds=60)

    async def name(**headers: str) -> str:
        return str((await client.get("products/1?fields=item_name", headers=headers)).json()["item_name"])

    assert await name(**STALE) == "Hinge"
    store.update("products", 1, item_name="New")
    pass_time(59)
    assert await name(**STALE) == "Hinge"
    assert await name() == "New"
    assert await name(**STALE) == "New"
    store.update("products", 1, item_name="Newer")
    assert await name(**{"Cache-Control": "no-store"}) == "Newer"
    store.update("products", 1, item_name="Newest")
    pass_time(60)
    assert await name(**STALE) == "Newest"
    assert app.state.journal.cached_reads == 2


async def test_headers_of_a_cached_answer(client: httpx.AsyncClient, pass_time: Callable[[float], None]) -> None:
    await client.get("products/1")
    pass_time(30)
    headers = (await client.get("products/1", headers=STALE)).headers
    assert parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(headers["last-modified"]) >= (
        parsedate_to_datetime(headers["expires"]) - parsedate_to_datetime(headers["date"])
    )
    assert headers["cache-control"] == "public, max-age=60"
    assert headers["date"] == "Sun, 22 Nov 2026 12:00:31 GMT"


async def test_no_cache_when_switched_off(client: httpx.AsyncClient, app: Starlette, store: SparkPayStore) -> None:
    app.state.service.policy = SandboxPolicy(token="spark-token", cache_seconds=0)
    await client.get("products/1", headers=STALE)
    store.update("products", 1, item_name="New")
    assert (await client.get("products/1", headers=STALE)).json()["item_name"] == "New"


@pytest.mark.parametrize("wrong", [{"token": ""}, {"limit": 0}, {"cache_seconds": -1}, {"window_seconds": 0}])
def test_contradictory_policies_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"token|positive|negative"):
        SandboxPolicy(**{"token": "t", **wrong})
