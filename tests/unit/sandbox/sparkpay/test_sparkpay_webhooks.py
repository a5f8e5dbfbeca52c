import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from connector.sandbox.sparkpay import SandboxPolicy, SparkPayStore, create_app
from connector.sandbox.sparkpay.webhook_events import EVENTS, EVENTS_OF_2020
from connector.sparkpay.webhook_body import named_rows
from tests.unit.sandbox.sparkpay.conftest import TOKEN

URL = "https://us.test/hook"


class Ear:
    """Receives what the store sends."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.deaf = False

    async def __call__(self, url: str, body: bytes) -> None:
        if self.deaf:
            raise httpx.ConnectError("refused")
        assert url == URL
        self.heard.append(json.loads(body))

    def names(self) -> list[str]:
        taken, self.heard = self.heard, []
        return [body["message_type_name"] for body in taken]


class Hall:
    def __init__(self, store: SparkPayStore, ear: Ear, app: Any, api: httpx.AsyncClient) -> None:
        self.store, self.ear, self.app, self.api = store, ear, app, api

    async def subscribe(self, *events: str, store_id: int = 1) -> None:
        for event in events:
            body = {"url": URL, "event_type": event, "store_id": store_id}
            assert (await self.api.post("/webhooks", json=body)).status_code == 201

    async def heard(self) -> list[str]:
        await self.app.state.bell.quiet()
        return self.ear.names()


@pytest.fixture
async def hall(store: SparkPayStore, policy: SandboxPolicy) -> AsyncIterator[Hall]:
    async def at_once(_: float) -> None:
        return None

    ear = Ear()
    app = create_app(store, policy, send=ear, sleep=at_once)
    headers = {"X-AC-Auth-Token": TOKEN, "Cache-Control": "no-cache"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://shop/api/v1", headers=headers
    ) as api:
        yield Hall(store, ear, app, api)


def test_the_vendor_names_thirty_events() -> None:
    assert (len(EVENTS), len(EVENTS_OF_2020)) == (30, 12)


async def test_subscriptions_are_a_resource_like_any(hall: Hall) -> None:
    body = {"url": URL, "event_type": "ProductUpdated", "store_id": 1}
    made = (await hall.api.post("/webhooks", json=body)).json()
    assert made == {"id": 1, **body, "failure_type": "Ignore", "fallback_url": "", "cache_length": "NoCache"}
    assert (await hall.api.get("/webhooks")).json()["webhooks"] == [made]
    changed = await hall.api.put("/webhooks/1", json={"cache_length": "Short"})
    assert changed.json()["cache_length"] == "Short"
    for wrong in (
        {"event_type": "ProductDeleted"},
        {"url": "nowhere"},
        {"failure_type": "Loud"},
        {"store_id": 9},
        {"secret": "x"},
    ):
        assert (await hall.api.post("/webhooks", json={**body, **wrong})).status_code == 409
    assert (await hall.api.post("/webhooks", json={"url": URL, "store_id": 1})).status_code == 500
    assert (await hall.api.delete("/webhooks/1")).status_code == 204
    hall.app.state.service.policy = replace(hall.app.state.service.policy, scopes=frozenset({"catalog"}))
    assert (await hall.api.get("/webhooks")).status_code == 403


async def test_changes_are_told_to_whoever_subscribed(hall: Hall) -> None:
    await hall.subscribe("ProductUpdated", "ProductStatusChanged", "NewOrder", "OrderUpdated", "OrderStatusChanged")
    hall.store.insert("order_statuses", name="Fresh", is_open=True)
    customer = hall.store.insert("customers", email="a@b.example", store_id=1)["id"]
    order = int(str(hall.store.insert("orders", customer_id=customer, order_status_id=1)["id"]))
    hall.store.insert("order_items", order_id=order, product_id=3, quantity=1)
    await hall.app.state.bell.quiet()
    (body,) = hall.ear.heard
    assert set(body) == {"order", "message_type_name", "store_id"}
    assert (body["order"]["customer"]["email"], body["order"]["items"][0]["product_id"]) == ("a@b.example", 3)
    assert named_rows(json.dumps(body).encode()) == [("orders", order), ("products", 3)]
    hall.ear.names()
    hall.store.update("orders", order, order_status_id=1)
    hall.store.update("products", 1, item_name="Other", product_status_id=2)
    assert Counter(await hall.heard()) == Counter(
        ["OrderUpdated", "OrderStatusChanged", "ProductUpdated", "ProductStatusChanged"]
    )


async def test_what_the_platform_never_tells(hall: Hall) -> None:
    await hall.subscribe("ProductUpdated", "ProductCreated", "CustomerUpdated")
    hall.store.update("products", 1, quantity_on_hand=4)
    hall.store.update("products", 1, touch=False, item_name="Silent")
    hall.store.update("variant_inventory", 1, inventory=2)
    hall.store.update("product_pricing", 1, price=3)
    hall.store.delete("products", 3)
    assert await hall.heard() == []
    await hall.api.put("/products/1", json={"item_name": "Told"})
    assert await hall.heard() == ["ProductUpdated"]


async def test_a_subscription_is_of_one_store(hall: Hall) -> None:
    hall.store.insert("stores", name="Second")
    await hall.subscribe("CustomerCreated", store_id=2)
    hall.store.insert("customers", email="a@b.example", store_id=1)
    hall.store.insert("customers", email="b@b.example", store_id=2)
    assert await hall.heard() == ["CustomerCreated"]


async def test_deliveries_go_wrong_as_the_policy_says(hall: Hall) -> None:
    service = hall.app.state.service
    await hall.subscribe("ProductUpdated")

    async def edits(count: int, **policy: Any) -> list[str]:
        service.policy = replace(service.policy, **policy)
        for number in range(count):
            hall.store.update("products", 1, item_name=f"N{number}")
        return await hall.heard()

    assert len(await edits(10, webhooks_doubled=1.0)) == 20
    assert await edits(10, webhooks_lost=1.0) == []
    assert hall.app.state.bell.lost == 10
    await edits(1, webhooks_lost=0.0, webhooks_doubled=0.0, webhook_filled=False)
    hall.store.update("products", 1, item_name="thin")
    await hall.app.state.bell.quiet()
    assert hall.ear.heard[0]["product"] == {"id": 1}
    hall.ear.deaf = True
    await edits(2)
    assert hall.app.state.bell.lost == 12
    hall.ear.deaf = False
    hall.store.has_events_of_2020 = False
    assert await edits(1) == []
    body = {"url": URL, "event_type": "ProductUpdated", "store_id": 1}
    assert (await hall.api.post("/webhooks", json=body)).status_code == 409
