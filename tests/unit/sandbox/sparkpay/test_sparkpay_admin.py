import httpx
import pytest
from starlette.applications import Starlette

from connector.sandbox.sparkpay import SparkPayStore


@pytest.fixture
async def admin(client: httpx.AsyncClient) -> httpx.AsyncClient:
    client.base_url = httpx.URL("http://shop/_sandbox")
    del client.headers["X-AC-Auth-Token"]
    return client


async def test_a_merchants_edit_over_http(admin: httpx.AsyncClient, store: SparkPayStore, app: Starlette) -> None:
    made = await admin.post("edit", json={"op": "insert", "resource": "manufacturers", "fields": {"name": "Acme"}})
    assert made.json()["id"] == 1
    fields = {"price": "10000000.00"}
    edited = await admin.post(
        "edit", json={"op": "update", "resource": "products", "id": 1, "fields": fields, "touch": False}
    )
    assert (edited.status_code, edited.json()["price"]) == (200, "10000000.00")
    await admin.post("edit", json={"op": "delete", "resource": "products", "id": 3})
    assert store.get("products", 3) is None
    state = (await admin.get("state")).json()
    assert [row["id"] for row in state["products"]] == [1, 2]
    assert state["variant_inventory"][0]["variants"] == [1]
    assert app.state.journal.calls == 0


@pytest.mark.parametrize(
    "body",
    [
        {"op": "update", "resource": "products", "id": 99, "fields": {"price": "1"}},
        {"op": "insert", "resource": "products", "fields": {"nonsense": 1}},
        {"op": "update", "resource": "products", "fields": {}},
        {"op": "explode", "resource": "products", "id": 1},
        {"op": "insert", "resource": "wishlists"},
        {"op": "insert", "fields": {}},
        {"op": "update", "resource": "products", "id": 1, "fields": {"price": "dear"}},
        {"op": "update", "resource": "products", "id": 1, "fields": 7},
        [],
    ],
)
async def test_impossible_edits_are_400(admin: httpx.AsyncClient, body: object) -> None:
    answer = await admin.post("edit", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_log_and_statistics(client: httpx.AsyncClient) -> None:
    await client.get("products?count=1&item_name=like:h")
    await client.put("products/1", json={"item_name": "x"})
    await client.get("products?nonsense=1")
    log = (await client.get("http://shop/_sandbox/requests?since=1")).json()
    assert [(entry["n"], entry["method"], entry["status"]) for entry in log] == [(2, "PUT", 200), (3, "GET", 400)]
    assert (log[0]["path"], log[0]["fields"], log[0]["route"]) == (
        "/api/v1/products/1",
        ["item_name"],
        "/products/{id}",
    )
    stats = (await client.get("http://shop/_sandbox/stats")).json()
    assert stats["calls"] == 3
    assert stats["by_route"] == {"GET /products": 2, "PUT /products/{id}": 1}
    assert (stats["limit"], stats["refused_429"], [window["used"] for window in stats["windows"]]) == (1000, 0, [3])
    assert [violation["n"] for violation in stats["violations"]] == [3]


async def test_policy_and_faults_over_http(client: httpx.AsyncClient) -> None:
    admin = "http://shop/_sandbox"
    changed = await client.put(f"{admin}/policy", json={"limit": 2, "scopes": ["read_catalog"], "latency_ms": 0})
    assert changed.status_code == 200
    assert (await client.get("customer_types")).status_code == 403
    assert (await client.put(f"{admin}/faults", json=[{"kind": "status", "status": 503}])).json() == {"faults": 1}
    assert (await client.get("products")).status_code == 503
    assert (await client.get("products")).status_code == 429
    await client.put(f"{admin}/policy", json={"limit": 50, "scopes": None})
    await client.put(f"{admin}/faults", json={"kind": "status"})
    await client.delete(f"{admin}/faults")
    assert (await client.get("customer_types")).status_code == 200
    for path, body in (
        ("faults", [{"kind": "nonsense"}]),
        ("faults", [{"status": 500}]),
        ("faults", [{"kind": "reject_sku", "sku": "A"}]),
        ("faults", [{"kind": "status", "times": "once"}]),
        ("policy", {"x": 1}),
        ("policy", {"limit": 0}),
    ):
        assert (await client.put(f"{admin}/{path}", json=body)).status_code == 400
