"""Who may call: token, site, scope; what is refused before an endpoint looks."""

from typing import Any

import pytest


async def test_the_token_lives_its_time_and_not_longer(caller: Any) -> None:
    answer = await caller.login()
    assert answer.json()["token_type"] == "bearer"
    assert answer.json()["expires_in"] == 3600
    caller.wall.advance(3599)
    assert (await caller.call("GET", "/api/v1/stock-locations")).status_code == 200
    caller.wall.advance(1)
    refused = await caller.call("GET", "/api/v1/stock-locations")
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["title"] == "unauthorized"


async def test_wrong_keys_and_foreign_sites_are_unauthorised(caller: Any) -> None:
    assert (await caller.login(client_secret="wrong")).status_code == 401
    caller.headers["Site-Id"] = "other"
    assert (await caller.login()).status_code == 401
    assert (await caller.call("GET", "/api/v1/stock-locations")).status_code == 401


async def test_the_token_call_takes_json_with_known_fields_only(caller: Any) -> None:
    form = await caller.http.post("/api/auth/token", data={"grant_type": "client_credentials"}, headers=caller.headers)
    assert form.status_code == 415
    odd = await caller.login(scope="products")
    assert odd.status_code == 400
    assert odd.json()["errors"] == [
        {"code": "unknown-field", "property": "scope", "message": "is not a field of this request"}
    ]
    assert (await caller.login(grant_type="password")).status_code == 400


async def test_revocation_kills_tokens_and_on_request_the_keys(caller: Any) -> None:
    await caller.call("POST", "/_sandbox/revoke")
    assert (await caller.call("GET", "/api/v1/stock-locations")).status_code == 401
    assert (await caller.login()).status_code == 200
    await caller.call("POST", "/_sandbox/revoke", {"keys": True})
    assert (await caller.login()).status_code == 401
    await caller.call("POST", "/_sandbox/revoke", {"keys": False})
    assert (await caller.login()).status_code == 200
    assert (await caller.call("POST", "/_sandbox/revoke", {"key": True})).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/products/1", None, 404),
        ("POST", "/api/v1/products", {"title": "T", "slug": "t"}, 403),
        ("POST", "/api/v1/batch-fetch-stock", {"skus": []}, 200),
        ("POST", "/api/v1/batch-update-stock", [], 403),
        ("GET", "/api/v1/pricing/A", None, 403),
        ("GET", "/api/v2/price-lists", None, 200),
        ("POST", "/api/v1/stock-locations", {"name": "W", "external_id": "w"}, 201),
    ],
)
async def test_a_missing_scope_is_forbidden(start: Any, method: str, path: str, body: Any, status: int) -> None:
    caller = await start(scopes=frozenset({"products.read", "products.stock.read", "setup"}))
    assert (await caller.call(method, path, body)).status_code == status


async def test_unknown_paths_methods_bodies_and_sizes(start: Any) -> None:
    caller = await start(max_rows=2, max_bytes=200)
    assert (await caller.call("GET", "/api/v1/products")).status_code == 405
    assert (await caller.call("GET", "/api/v1/nothing")).status_code == 404
    assert (await caller.call("POST", "/api/v1/batch-fetch-stock", {"skus": ["a", "b", "c"]})).status_code == 413
    assert (await caller.call("POST", "/api/v1/batch-fetch-stock", {"skus": ["a" * 200]})).status_code == 413
    json_type = {**caller.headers, "Content-Type": "application/json"}
    for raw in (b'{"skus": [NaN]}', b"{", b"\xff", b"[" * 199):
        answer = await caller.http.post("/api/v1/batch-fetch-stock", content=raw, headers=json_type)
        assert (answer.status_code, answer.json()["title"]) == (400, "invalid-json")


async def test_the_rate_is_kept_and_the_wait_is_told_in_both_forms(start: Any) -> None:
    caller = await start(rate_per_second=2.0, retry_after_seconds=3)
    answers = [await caller.call("GET", "/api/v1/stock-locations") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert answers[2].headers["retry-after"] == "3"
    assert answers[3].headers["retry-after"] == "Sun, 01 Mar 2026 12:00:04 GMT"
    assert answers[3].headers["date"] == "Sun, 01 Mar 2026 12:00:00 GMT"
    caller.wall.advance(0.5)
    assert (await caller.call("GET", "/api/v1/stock-locations")).status_code == 200
    assert (await caller.call("GET", "/_sandbox/stats")).json()["refused_429"] == 2


async def test_the_secret_does_not_show(caller: Any) -> None:
    assert "secret-1" not in repr(caller.policy)
