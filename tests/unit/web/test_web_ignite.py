"""The Ignite contract over HTTP: its credential, connections, syncs, metafields, shoppers."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connector.app.joining import Joining
from connector.state.ignite_sites import InstalledStore, SiteKey
from connector.web.ignite.gate import BURST, LARGEST_BYTES, SIGNATURE, TIMESTAMP, signature
from tests.unit.web.ignite_town import CONNECT, ROOT, TOKEN, Town, ignite_town, joined

SITE = SiteKey("test", "tools")
JSON = {"Content-Type": "application/json"}
PATHS = ("", "/customers", "/status/products", "/checkout/complete", "/nothing", "/../../v1/test/tools")


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async for made in ignite_town(tmp_path):
        yield made


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_without_the_credential_nothing_is_told(town: Town, path: str, method: str) -> None:
    answer = await town.http.request(method, ROOT + path, content=b"{}")
    assert (answer.status_code, answer.json()) == (401, {"error_code": "auth-failure"})


@pytest.mark.parametrize("token", [None, SecretStr("")])
async def test_while_nothing_is_configured_everything_is_refused(town: Town, token: SecretStr | None) -> None:
    town.settings(ignite_token=token)
    for given in ("", "Bearer ", "Bearer None", f"Bearer {TOKEN}"):
        answer = await town.http.delete(ROOT, headers={"Authorization": given})
        assert answer.status_code == 401


@pytest.mark.parametrize("given", [TOKEN, f"bearer {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer é"])
async def test_only_the_very_token_opens(town: Town, given: str) -> None:
    answer = await town.http.delete(ROOT, headers={"Authorization": given.encode("latin-1")})
    assert answer.status_code == 401
    await town.call("DELETE", code=204)


async def test_basic_authentication(town: Town) -> None:
    town.settings(ignite_auth="basic", ignite_user="spark")
    good = base64.b64encode(f"spark:{TOKEN}".encode()).decode()
    bad = base64.b64encode(f"other:{TOKEN}".encode()).decode()
    assert (await town.http.delete(ROOT, headers={"Authorization": f"Basic {good}"})).status_code == 204
    for given in (f"Basic {bad}", f"Bearer {TOKEN}", good):
        assert (await town.http.delete(ROOT, headers={"Authorization": given})).status_code == 401


async def test_signed_requests(town: Town) -> None:
    town.settings(ignite_auth="hmac")
    body = json.dumps(CONNECT).encode()

    async def send(
        *, at: float | None = None, key: str = TOKEN, path: str = ROOT, sent: bytes = body, method: str = "POST"
    ) -> int:
        moment = str(int(town.site.clock.now().timestamp() if at is None else at))
        headers = {TIMESTAMP: moment, SIGNATURE: signature(key, moment, "POST", ROOT, body), **JSON}
        return (await town.http.request(method, path, content=sent, headers=headers)).status_code

    assert await send() == 201
    now = town.site.clock.now().timestamp()
    assert await send(at=now - 299) == 201
    assert [await send(at=now - 301), await send(at=now + 301), await send(key="other")] == [401, 401, 401]
    assert [await send(sent=body + b" "), await send(path=ROOT + "?x=1"), await send(method="DELETE")] == [401] * 3
    assert (await town.http.post(ROOT, content=body, headers={TIMESTAMP: "x"})).status_code == 401


async def test_addresses_may_be_listed(town: Town) -> None:
    town.settings(ignite_allow="10.0.0.0/8, 192.168.1.7")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert (await town.http.delete(ROOT, headers=headers)).status_code == 401  # it comes from 127.0.0.1
    town.settings(ignite_allow="127.0.0.0/8")
    assert (await town.http.delete(ROOT, headers=headers)).status_code == 204
    town.settings(ignite_allow="nonsense")
    assert (await town.http.delete(ROOT, headers=headers)).status_code == 401


async def test_who_goes_on_guessing_has_to_wait(town: Town) -> None:
    codes = [(await town.http.delete(ROOT)).status_code for _ in range(BURST + 2)]
    assert codes == [401] * BURST + [429] * 2
    town.site.clock.advance(10)
    await town.call("DELETE", code=204)


async def test_bodies_that_are_too_large_or_not_to_be_stored(town: Town) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert (await town.http.post(ROOT, content=b"x" * (LARGEST_BYTES + 1), headers=headers)).status_code == 413
    for raw in (b"", b"{", b"[]", b"null", b'{"store_id": ""}', b'{"store_id": 5}', b"\xff"):
        answer = await town.http.post(ROOT, content=raw, headers={**headers, **JSON})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid-request")
    for wrong in ("\ud800", "a\x00b"):
        answer = await town.http.post(ROOT, content=json.dumps({**CONNECT, "store_id": wrong}), headers=headers)
        assert answer.status_code == 400


async def test_connecting_and_removing(town: Town) -> None:
    first = await town.call("POST", code=201, json=CONNECT)
    assert first["redirect_url"].startswith("http://us/oauth/sparkpay/install?link=")
    assert await town.call("POST", code=201, json=CONNECT) == first
    await Joining(town.core).installed(SITE, InstalledStore("http://shop", "store-token-34cd"))
    assert await town.call("POST", code=204, json=CONNECT) is None
    refused = await town.call("POST", code=400, json={**CONNECT, "store_id": "another"})
    assert refused["error_code"] == "another-store"
    await town.call("DELETE", code=204)
    assert await town.core.connections.ids() == []
    await asyncio.gather(*(town.call("DELETE", code=204) for _ in range(3)))
    assert (await town.call("POST", code=201, json=CONNECT))["redirect_url"] != first["redirect_url"]


@pytest.mark.parametrize("path", ["/v1/moon/tools", "/v1/test/%C3%A4", "/v1/test/" + "x" * 300])
async def test_sites_that_cannot_be(town: Town, path: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = await town.http.post(path, json=CONNECT, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid-request")
    assert (await town.http.get("/v1/", headers=headers)).status_code == 404
    assert (await town.http.patch(ROOT, headers=headers)).status_code == 405


async def test_operations_of_a_site_that_is_not_connected(town: Town) -> None:
    for method, path, body in (
        ("GET", "/metafield-configuration", None),
        ("POST", "/status/products", None),
        ("POST", "/authentication/verify", {"data": "x"}),
        ("DELETE", "/sub-accounts/5", None),
    ):
        refused = await town.call(method, path, 400, json=body)
        assert refused["error_code"] == "not-connected"


async def test_syncs_are_asked_for_one_of_a_kind(town: Town) -> None:
    id_ = await joined(town)
    codes = await asyncio.gather(
        *(town.http.post(f"{ROOT}/status/products", headers={"Authorization": f"Bearer {TOKEN}"}) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in codes) == [201, 400, 400, 400, 400]
    town.site.clock.advance(1)
    await town.call("POST", "/status/customers", 201)
    assert (await town.call("POST", "/status/customers", 400))["error_code"] == "sync-already-running"
    for kind in ("purchases", "merchant", "customer_groups"):
        await town.call("POST", f"/status/{kind}", 201)
    assert (await town.call("POST", "/status/orders", 400))["error_code"] == "invalid-request"
    run = await town.core.runs.next_requested(id_)
    assert run is not None
    assert (run.entities, run.full, run.requested_by) == (("product", "price", "stock"), True, "ignite")
    await town.core.runs.start(run.id)
    await town.call("POST", "/status/products", 400)
    await town.core.runs.finish(run.id)
    await town.call("POST", "/status/products", 201)


async def test_metafields_are_switched_on(town: Town) -> None:
    await joined(town)
    found = await town.call("GET", "/metafield-configuration")
    assert {"key": "customer.accounting_id", "name": "Accounting id", "enabled": False} in found
    for _ in range(2):
        await town.call("POST", "/metafield-configuration/enable", 204, json={"key": "customer.company_name"})
    on = [field["key"] for field in await town.call("GET", "/metafield-configuration") if field["enabled"]]
    assert on == ["customer.company_name"]
    assert (await town.call("POST", "/metafield-configuration/enable", 400, json={"key": "x"}))["error_code"] == (
        "metafield-unknown"
    )


def token(claims: object, secret: str = "storefront-key", alg: str = "HS256") -> str:  # noqa: S107
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    text = f"{part({'alg': alg, 'typ': 'JWT'})}.{part(claims)}"
    mark = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


async def test_who_a_shopper_is(town: Town) -> None:
    await joined(town)
    later = town.site.clock.now().timestamp() + 60
    good = token({"sub": "5012", "exp": later})
    assert (await town.call("POST", "/authentication/verify", 401, json={"data": good}))["error_code"] == "auth-failure"
    town.settings(ignite_verify_secret=SecretStr("storefront-key"))
    for data in (good, token({"sub": 5012, "exp": later})):
        answer = await town.call("POST", "/authentication/verify", json={"data": data})
        assert answer == {"customer_external_id": "5012"}
    wrong: list[Any] = [
        token({"sub": "5012", "exp": later - 61}),
        token({"sub": "5012"}),
        token({"sub": "5012", "exp": True}),
        token({"sub": "x", "exp": later}),
        token({"sub": "5012", "exp": later}, "other"),
        token({"sub": "5012", "exp": later}, alg="none"),
        token([1]),
        good[:-2],
        good.rpartition(".")[0] + ".",
        "a.b",
        "é.é.é",
    ]
    for data in wrong:
        await town.call("POST", "/authentication/verify", 401, json={"data": data})
