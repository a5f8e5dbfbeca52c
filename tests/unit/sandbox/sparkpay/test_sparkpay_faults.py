import asyncio
import socket

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from connector.sandbox.sparkpay import FaultRule, SandboxPolicy, SparkPayStore, create_app


async def test_statuses(client: httpx.AsyncClient, app: Starlette) -> None:
    app.state.faults.replace(FaultRule("status", status=status) for status in (502, 503, 500, 429))
    answers = [await client.get("products") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [502, 503, 500, 429, 200]
    assert answers[0].headers["content-type"] == "text/html"
    assert answers[1].json()["status_code"] == 503
    assert "retry-after" in answers[3].headers
    stats = app.state.journal.stats()
    assert (stats["injected"], stats["refused_429"]) == ({"status": 4}, 0)


async def test_a_rule_is_about_method_and_path(client: httpx.AsyncClient, app: Starlette) -> None:
    app.state.faults.add(FaultRule("status", method="PUT", path="/api/v1/products/*", times=None, body=False))
    assert (await client.get("products/1")).status_code == 200
    assert (await client.put("manufacturers/1", json={})).status_code == 404
    answers = [await client.put("products/1", json={"item_name": "x"}) for _ in range(3)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(503, b"")] * 3


async def test_lost_before_and_after(client: httpx.AsyncClient, app: Starlette, store: SparkPayStore) -> None:
    app.state.faults.add(FaultRule("drop_before"), FaultRule("drop_after"), FaultRule("timeout"))
    for expected in ("Hinge", "New"):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.put("products/1", json={"item_name": "New"})
        assert (store.get("products", 1) or {})["item_name"] == expected
    with pytest.raises(httpx.ReadTimeout):
        await client.get("products")
    assert [entry.status for entry in app.state.journal.since(0)] == [None, None, None]
    assert app.state.service.call_limit() == "3/1000"


async def test_cut_json_and_stale_reads(client: httpx.AsyncClient, app: Starlette, store: SparkPayStore) -> None:
    app.state.faults.add(FaultRule("cut_json"))
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        (await client.get("products")).json()
    assert (await client.get("products/1")).json()["item_name"] == "Hinge"
    store.update("products", 1, item_name="New")
    app.state.faults.add(FaultRule("stale"))
    assert (await client.get("products/1")).json()["item_name"] == "Hinge"
    assert (await client.get("products/1")).json()["item_name"] == "New"


async def test_delays_add_up_and_are_injected(store: SparkPayStore, policy: SandboxPolicy) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    slow = SandboxPolicy(token=policy.token, latency_ms=5)
    app = create_app(store, slow, sleep=sleep)
    app.state.faults.add(FaultRule("delay_ms", ms=20), FaultRule("status", status=500))
    headers = {"X-AC-Auth-Token": policy.token}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://s/api/v1", headers=headers
    ) as client:
        assert (await client.get("products")).status_code == 500
        assert (await client.get("products")).status_code == 200
    assert waited == [0.025, 0.005]


def outcomes(store: SparkPayStore, seed: int) -> list[bool]:
    app = create_app(store, SandboxPolicy(token="t"), seed=seed)
    app.state.faults.add(FaultRule("status", times=None, probability=0.3))
    return [app.state.faults.strike("GET", "/api/v1/products").kind is not None for _ in range(200)]


def test_probability_is_repeatable(store: SparkPayStore) -> None:
    assert outcomes(store, 1) == outcomes(store, 1) != outcomes(store, 2)
    assert 30 < sum(outcomes(store, 1)) < 90


async def test_a_real_server_closes_the_connection(store: SparkPayStore, policy: SandboxPolicy) -> None:
    app = create_app(store, policy)
    app.state.faults.add(FaultRule("drop_after", method="PUT"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        base = f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
        headers = {"X-AC-Auth-Token": policy.token}
        async with httpx.AsyncClient(
            base_url=base, headers=headers, transport=httpx.AsyncHTTPTransport(retries=3)
        ) as client:
            first = await client.get("products/1")
            assert len(first.headers.get_list("date")) == 1
            with pytest.raises(httpx.RemoteProtocolError):
                await client.put("products/1", json={"item_name": "Lost"})
            assert (await client.get("products/1", headers={"Cache-Control": "no-cache"})).json()["item_name"] == "Lost"
        server.should_exit = True
        await serving
