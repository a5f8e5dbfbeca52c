"""Every endpoint through the client, against the strict sandbox."""

from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.errors import ContractFault, NotFound, Refused
from connector.sparklayer import SparkLayerClient
from connector.version import USER_AGENT


async def test_products_and_variants(client: SparkLayerClient, rig: Any) -> None:
    body = {
        "external_id": "4711",
        "title": "Seil 60 m 🧗",
        "slug": "seil",
        "variants": [{"external_id": "v", "sku": "S", "rrp": [{"value": Decimal("129.10"), "currency_code": "usd"}]}],
    }
    created = await client.products.create(body)
    assert created["title"] == "Seil 60 m 🧗"
    assert str(created["variants"][0]["rrp"][0]["value"]) == "129.10"
    assert await client.products.get("4711") == created
    changed = await client.products.change(created["id"], {"title": "New"})
    assert changed["title"] == rig.site.product("4711")["title"] == "New"
    assert (await client.products.change_variant("v", {"status": "live"}))["status"] == "live"
    assert (await client.products.get_variant("v"))["sku"] == "S"
    with pytest.raises(NotFound, match="site acme, /api/v1/products/4712"):
        await client.products.get("4712")


async def test_stock_and_locations(client: SparkLayerClient, rig: Any) -> None:
    await rig.seed(client, "A", "B")
    assert [row["external_id"] for row in await client.stock_locations.all()] == ["default"]
    made = await client.stock_locations.create("wh-2", "West")
    assert (await client.stock_locations.get("wh-2")) == made
    assert (await client.stock_locations.change("wh-2", {"name": "W"}))["name"] == "W"
    place = {"stock_location_external_id": "wh-2"}
    await client.stock.update([{"sku": "A", **place, "stock_level": 3}, {"sku": "B", **place, "stock_level": 4}])
    assert [(row["sku"], row["stock_level"]) for row in await client.stock.fetch(["A", "B"])] == [("A", 3), ("B", 4)]
    await client.stock.update_sku("A", [{"stock_location_id": "default", "stock_level": 8}])
    assert sorted(row["stock_level"] for row in await client.stock.get_sku("A")) == [3, 8]
    await client.stock.delete(["A"])
    await client.stock_locations.delete("wh-2")
    assert rig.site.stock("A") == rig.site.stock("B") == {}


async def test_price_lists_of_several_pages(client: SparkLayerClient, rig: Any) -> None:
    for number in range(260):
        body = {"slug": f"l-{number:03}", "name": f"L{number:03}", "currency_code": "usd", "source": "integration"}
        await client.price_lists.create(body)
    before = rig.journal.calls
    rows = await client.price_lists.all(source="integration")
    assert [row["slug"] for row in rows] == [f"l-{number:03}" for number in range(260)]
    assert rig.journal.calls - before == 2
    assert await client.price_lists.all(source="custom") == []
    assert len(await client.price_lists.all_v1()) == 260
    assert (await client.price_lists.change("l-000", {"name": "New"}))["name"] == "New"
    assert (await client.price_lists.get("l-000"))["name"] == "New"
    await client.price_lists.delete("l-000")
    with pytest.raises(NotFound):
        await client.price_lists.get("l-000")


async def test_prices_keep_every_digit(client: SparkLayerClient, rig: Any) -> None:
    await rig.seed(client, "A", "B")
    odd = Decimal("1234567.1000")
    rows = [{"sku": "A", "price_list_slug": "base", "pricing": [{"quantity": 1, "price": odd}]}]
    await client.prices.update(rows)
    assert str(rig.site.prices("A")["base"][0]["price"]) == "1234567.1000"
    read = (await client.prices.get_list("base"))[0]["pricing"][0]["price"]
    assert (type(read), str(read)) == (Decimal, "1234567.1000")
    await client.prices.update_list("base", [{"sku": "B", "pricing": [{"quantity": 1, "price": Decimal("0.3")}]}])
    assert (await client.prices.get_sku("B"))[0]["pricing"] == [{"quantity": 1, "price": Decimal("0.3")}]
    await client.prices.update_sku("B", [{"price_list_slug": "base", "pricing": [{"quantity": None, "price": None}]}])
    assert await client.prices.get_sku("B") == []
    await client.prices.clear_list("base")
    assert await client.prices.get_list("base") == []


async def test_floats_and_texts_without_utf8_never_leave(client: SparkLayerClient, rig: Any) -> None:
    await client.check_token()
    with pytest.raises(TypeError, match="Decimal"):
        await client.prices.update([{"sku": "A", "price": 0.1}])
    with pytest.raises(Refused) as caught:
        await client.products.change("1", {"title": "broken \ud800"})
    assert caught.value.code == "body-not-encodable"
    assert rig.journal.calls == 0


@pytest.mark.parametrize("key", ["", ".", "..", "\ud800"])
async def test_a_key_that_no_path_can_carry_is_refused_before_any_call(
    client: SparkLayerClient, rig: Any, key: str
) -> None:
    with pytest.raises(Refused, match="cannot be part of a path") as caught:
        await client.stock.get_sku(key)
    assert caught.value.code == "key-not-addressable"
    assert rig.calls == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sku=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100).filter(
        lambda s: s not in {".", ".."}
    )
)
async def test_any_other_sku_survives_the_path(rig_of: Any, sku: str) -> None:
    rig = rig_of()
    client = rig.client()
    await rig.seed(client, sku)
    await client.stock.update_sku(sku, [{"stock_location_id": "default", "stock_level": 7}])
    assert rig.site.stock(sku)["default"]["stock_level"] == 7
    assert (await client.stock.get_sku(sku))[0]["stock_level"] == 7


@pytest.mark.parametrize(
    "sku", ["A/B", "a%2Fb", "50% off?#1", "../x", "红色 ١٢", "a+b&c=d", "%2e%2e", "e\u0301", "x;y"]
)
async def test_awkward_skus_reach_their_variant(client: SparkLayerClient, rig: Any, sku: str) -> None:
    await rig.seed(client, sku)
    await client.prices.update_sku(sku, [{"price_list_slug": "base", "pricing": [{"quantity": 1, "price": 2}]}])
    assert rig.site.prices(sku) == {"base": [{"quantity": 1, "price": 2}]}


async def test_what_every_call_carries_and_who_is_told(rig: Any) -> None:
    seen: list[httpx.Request] = []

    class Spy(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return await super().handle_async_request(request)

    spied = rig.client(transport=Spy(rig.app))
    await spied.stock_locations.create("w", "W")
    token, call = seen
    assert token.headers["site-id"] == call.headers["site-id"] == "acme"
    assert token.headers["user-agent"] == call.headers["user-agent"] == USER_AGENT
    assert "authorization" not in token.headers
    assert call.headers["content-type"] == "application/json"
    assert [entry[:3] for entry in rig.calls] == [
        ("POST", "/api/auth/token", 200),
        ("POST", "/api/v1/stock-locations", 201),
    ]


@pytest.mark.parametrize("answer", [b"[]", b'{"data":[]}', b'{"data":{},"pagination":{"total_pages":1}}', b"null"])
async def test_a_page_of_another_shape_is_a_contract_fault(rig: Any, answer: bytes) -> None:
    token = b'{"access_token":"t","expires_in":3600}'

    def reply(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=token if request.url.path == "/api/auth/token" else answer)

    client = rig.client(transport=httpx.MockTransport(reply))
    with pytest.raises(ContractFault):
        await client.price_lists.all()
