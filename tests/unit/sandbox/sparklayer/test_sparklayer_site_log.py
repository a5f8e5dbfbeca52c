"""What the log of a site tells whoever wants to know what was really written."""

import json
from typing import Any

import httpx
import pytest

from connector.sandbox.faults import FaultRule

STOCK = "/api/v1/batch-update-stock"


async def entries(caller: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await caller.call("GET", "/_sandbox/requests")).json()
    return found


async def test_it_keeps_bodies_where_that_is_asked_for(caller: Any) -> None:
    await caller.product(1)
    assert (await entries(caller))[-1]["content"] is None
    await caller.call("PUT", "/_sandbox/policy", {"log_bodies": True})
    rows = [{"sku": "A", "stock_location_external_id": "default", "stock_level": 4}]
    assert (await caller.call("POST", STOCK, rows)).status_code == 204
    last = (await entries(caller))[-1]
    assert (last["writes"], last["outcome"], json.loads(last["content"])) == (True, 204, rows)


@pytest.mark.parametrize(("kind", "outcome"), [("drop_after", 204), ("drop_before", None)])
async def test_it_tells_whether_a_call_without_an_answer_was_applied(
    caller: Any, kind: Any, outcome: int | None
) -> None:
    await caller.product(1)
    caller.app.state.faults.add(FaultRule(kind))
    with pytest.raises(httpx.RemoteProtocolError):
        await caller.call("POST", STOCK, [{"sku": "A", "stock_location_external_id": "default", "stock_level": 4}])
    last = (await entries(caller))[-1]
    assert (last["status"], last["outcome"]) == (None, outcome)


async def test_its_clock_may_be_wrong(caller: Any) -> None:
    await caller.call("PUT", "/_sandbox/policy", {"clock_ahead_seconds": -60})
    made = await caller.product(1)
    assert made["updated_at"] == "2026-03-01T11:59:00.000Z"


async def test_throttled_without_a_word_about_the_time(caller: Any) -> None:
    caller.app.state.faults.add(FaultRule("status", status=429, retry_after=False))
    answer = await caller.call("GET", "/api/v1/stock-locations")
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers
