"""Injected faults, the journal, and the admin interface."""

import asyncio
import socket
from typing import Any

import httpx
import pytest
import uvicorn

from connector.sandbox.sparklayer import FaultBook, FaultRule, SitePolicy, SparkLayerSite, create_app

LOCATION = {"name": "W", "external_id": "w"}
PATH = "/api/v1/stock-locations"


async def places(caller: Any) -> list[str]:
    return [row["external_id"] for row in caller.site.dump()["stock_locations"]]


@pytest.mark.parametrize(("status", "body"), [(429, True), (500, False), (502, True), (503, True)])
async def test_a_status_comes_without_the_call_being_applied(caller: Any, status: int, body: bool) -> None:
    caller.app.state.faults.add(FaultRule("status", "POST", "/api/v1/*", times=1, status=status, body=body))
    answer = await caller.call("POST", PATH, LOCATION)
    assert answer.status_code == status
    assert bool(answer.content) is body
    assert answer.headers.get("retry-after") == ("1" if status == 429 else None)
    assert ("html" in answer.headers.get("content-type", "")) is (status == 502)
    assert await places(caller) == ["default"]
    assert (await caller.call("POST", PATH, LOCATION)).status_code == 201


@pytest.mark.parametrize(
    ("kind", "error", "applied"),
    [
        ("timeout", httpx.ReadTimeout, False),
        ("drop_before", httpx.RemoteProtocolError, False),
        ("drop_after", httpx.RemoteProtocolError, True),
    ],
)
async def test_answers_that_never_come(caller: Any, kind: Any, error: type[Exception], applied: bool) -> None:
    caller.app.state.faults.add(FaultRule(kind, "POST", PATH, ms=7000))
    with pytest.raises(error):
        await caller.call("POST", PATH, LOCATION)
    assert ("w" in await places(caller)) is applied
    assert caller.wall.slept == ([7.0] if kind == "timeout" else [])
    last = (await caller.call("GET", "/_sandbox/requests")).json()[-1]
    assert (last["status"], last["fault"]) == (None, kind)


async def test_a_cut_answer_was_applied_and_a_slow_one_is_whole(caller: Any) -> None:
    caller.app.state.faults.add(FaultRule("cut_json", "POST"), FaultRule("delay_ms", "GET", ms=250))
    cut = await caller.call("POST", PATH, LOCATION)
    assert cut.status_code == 201
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        cut.json()
    assert (await caller.call("GET", PATH)).json()[1]["external_id"] == "w"
    assert caller.wall.slept == [0.25]


async def test_a_named_sku_is_refused_as_each_endpoint_words_it(caller: Any) -> None:
    await caller.product(1, skus=("A", "B"))
    await caller.price_list("x")
    caller.app.state.faults.add(FaultRule("reject_sku", sku="A", times=None))
    stock = [{"sku": sku, "stock_location_external_id": "default"} for sku in ("B", "A")]
    refused = await caller.call("POST", "/api/v1/batch-update-stock", stock)
    assert (refused.status_code, refused.json()["errors"][0]["property"]) == (400, "sku")
    rows = [{"sku": sku, "price_list_slug": "x", "pricing": [{"quantity": 1, "price": 1}]} for sku in ("B", "A")]
    lines = await caller.call("PATCH", "/api/v1/batch-update-pricing", rows)
    assert [(line["line"], line["field"]) for line in lines.json()] == [(2, "sku")]
    product = await caller.call("PATCH", "/api/v1/products/1", {"variants": [{"sku": "A"}]})
    assert product.json()["errors"][0]["property"] == "variants[0].sku"
    caller.app.state.faults.clear()
    assert (await caller.call("PATCH", "/api/v1/batch-update-pricing", rows)).status_code == 204


def test_probability_is_repeatable_and_counted() -> None:
    def run(seed: int) -> list[bool]:
        book = FaultBook(seed)
        book.add(FaultRule("status", probability=0.5, times=20))
        return [book.strike("GET", "/x").kind is not None for _ in range(200)]

    assert run(1) == run(1) != run(2)
    assert sum(run(1)) == 20
    for wrong in ({"kind": "odd"}, {"kind": "status", "status": 200}, {"kind": "reject_sku"}, {"sku": "A"}, 7):
        with pytest.raises(ValueError, match=r"kind|status|sku"):
            FaultRule.from_json(wrong)


async def test_the_admin_interface(start: Any) -> None:
    caller = await start()
    rule = [{"kind": "status", "method": "GET", "times": 1, "status": 500, "probability": 1}]
    assert (await caller.call("PUT", "/_sandbox/faults", rule)).json() == {"faults": 1}
    assert (await caller.call("GET", PATH)).status_code == 500
    assert (await caller.call("PUT", "/_sandbox/faults", [{"kind": "odd"}])).status_code == 400
    assert (await caller.call("DELETE", "/_sandbox/faults")).json() == {"faults": 0}
    assert (await caller.call("PUT", "/_sandbox/policy", {"max_rows": 0, "scopes": ["setup"]})).status_code == 200
    assert (await caller.call("POST", PATH, LOCATION)).status_code == 201
    assert (await caller.call("POST", "/api/v1/batch-fetch-stock", {"skus": []})).status_code == 403
    for wrong in ({"max_rows": -1}, {"nope": 1}, {"line_base": 2}, {"scopes": ["all"]}, {"rate_per_second": 0}):
        assert (await caller.call("PUT", "/_sandbox/policy", wrong)).status_code == 400
    assert (await caller.call("PUT", "/_sandbox/policy", {"rate_per_second": 1.5})).status_code == 200
    stats = (await caller.call("GET", "/_sandbox/stats")).json()
    assert stats["token_calls"] == 1
    assert stats["calls"] == 3
    assert stats["writes"] == 1
    assert stats["by_status"] == {"500": 1, "201": 1, "403": 1}
    assert stats["by_route"][f"POST {PATH}"] == 1
    log = (await caller.call("GET", "/_sandbox/requests?since=2")).json()
    assert [(row["method"], row["fields"]) for row in log] == [("POST", ["name", "external_id"]), ("POST", [])]
    assert (await caller.call("GET", "/_sandbox/state")).json()["stock_locations"][1]["external_id"] == "w"


async def test_a_real_server_closes_the_connection_without_an_answer(wall: Any) -> None:
    policy = SitePolicy(site_id="acme", client_id="i", client_secret="s")
    app = create_app(SparkLayerSite(clock=wall), policy)
    app.state.faults.add(FaultRule("drop_after"))
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        task = asyncio.create_task(server.serve([sock]))
        base = f"http://127.0.0.1:{sock.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=base, trust_env=False) as http:
            with pytest.raises(httpx.RemoteProtocolError):
                await http.get(PATH)
            after = await http.get(PATH)
            assert (after.status_code, len(after.headers.get_list("date"))) == (401, 1)
        server.should_exit = True
        await task
