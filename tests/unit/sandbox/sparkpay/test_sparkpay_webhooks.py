import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from connector.sandbox.sparkpay import SandboxPolicy, SparkPayStore, create_app
from connector.sandbox.sparkpay.webhook_events import EVENTS, EVENTS_OF_2020
from connector.sandbox.sparkpay.webhook_post import NotTaken, WebhookPost
from connector.sandbox.sparkpay.webhooks import MOST_AT_ONCE, MOST_WAITING
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


async def test_an_older_store_tells_in_its_own_words(hall: Hall) -> None:
    await hall.subscribe(
        "CustomerRegistered", "OrderPlaced", "OrderApproved", "OrderShipped", "OrderCanceled", "OrderDeclined",
        "PaymentProcessed", "NewValidOrder", "NewOrder",
    )  # fmt: skip
    hall.store.has_events_of_2020 = False
    for name, flag in (("Open", "is_open"), ("Shipped", "is_shipped"), ("Cancelled", "is_cancelled")):
        hall.store.insert("order_statuses", name=name, **{flag: True})
    customer = hall.store.insert("customers", email="a@b.example", store_id=1)["id"]
    order = int(str(hall.store.insert("orders", customer_id=customer, order_status_id=1, store_id=1)["id"]))
    assert sorted(await hall.heard()) == ["CustomerRegistered", "OrderPlaced"]
    payment = int(str(hall.store.insert("order_payments", order_id=order, amount="3.00")["id"]))
    await hall.app.state.bell.quiet()
    (body,) = hall.ear.heard
    assert named_rows(json.dumps(body).encode()) == [("orders", order)]
    assert hall.ear.names() == ["PaymentProcessed"]
    hall.store.update("order_payments", payment, is_approved=True)
    hall.store.update("orders", order, order_status_id=2)
    hall.store.update("orders", order, order_status_id=3)
    hall.store.update("orders", order, special_instructions="Ring twice")
    assert await hall.heard() == ["OrderApproved", "OrderShipped", "OrderCanceled"]
    hall.store.has_events_of_2020 = True
    hall.store.insert("orders", customer_id=customer, order_status_id=3, store_id=1)
    hall.store.insert("orders", customer_id=customer, order_status_id=1, store_id=1)
    assert Counter(await hall.heard()) == Counter({"NewOrder": 2, "OrderPlaced": 2, "NewValidOrder": 1})


async def test_a_status_event_shows_both_statuses(hall: Hall) -> None:
    await hall.subscribe("OrderStatusChanged")
    for name in ("New", "Packed"):
        hall.store.insert("order_statuses", name=name)
    order = hall.store.insert("orders", order_status_id=1)["id"]
    await hall.api.put(f"/orders/{order}/status", json={"order_status_id": 2})
    await hall.app.state.bell.quiet()
    (body,) = hall.ear.heard
    assert (body["old_status"]["name"], body["new_status"]["name"]) == ("New", "Packed")


async def test_what_fails_goes_to_the_fallback_and_into_the_log(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    ear, bell = hall.ear, hall.app.state.bell
    refused, kept = "https://down.test/hook/its-secret", []

    async def send(url: str, body: bytes) -> None:
        if url == refused:
            raise httpx.ConnectError(f"no route to {url}")
        kept.append(body)
        await ear(url, body)

    bell._send = send
    body = {"event_type": "ProductUpdated", "store_id": 1, "url": refused}
    await hall.api.post("/webhooks", json={**body, "failure_type": "Fallback", "fallback_url": URL})
    await hall.api.post("/webhooks", json=body)
    hall.store.update("products", 1, item_name="Told")
    assert await hall.heard() == ["ProductUpdated"]
    assert len(kept) == 1
    controls = httpx.AsyncClient(transport=httpx.ASGITransport(hall.app), base_url="http://shop/_sandbox")
    async with controls:
        shown = (await controls.get("/webhooks")).json()
    assert (shown["delivered"], shown["lost"]) == (1, 2)
    assert [entry["to"] for entry in shown["log"]].count("https://down.test") == 2
    assert {entry["id"] for entry in shown["log"]} == {1}
    assert "its-secret" not in json.dumps(shown) + caplog.text


async def test_a_receiver_that_hangs_holds_up_no_more_than_so_many(hall: Hall) -> None:
    free = asyncio.Event()
    begun: list[str] = []

    async def hang(url: str, _body: bytes) -> None:
        begun.append(url)
        await free.wait()

    bell = hall.app.state.bell
    bell._send = hang
    await hall.subscribe("ProductUpdated")
    for number in range(MOST_WAITING + 3):
        hall.store.update("products", 1, item_name=f"N{number}")
    await asyncio.sleep(0)
    assert bell.lost == 3
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(begun) == MOST_AT_ONCE
    free.set()
    await bell.quiet()
    assert bell.delivered == MOST_WAITING


async def test_a_webhook_is_posted_as_json_and_an_answer_that_is_no_success_is_a_failure() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200 if request.url.path == "/hook" else 503)

    post = WebhookPost(httpx.MockTransport(answer))
    await post(URL, b'{"product": {"id": 1}}')
    (request,) = asked
    assert (request.method, str(request.url), request.headers["content-type"]) == ("POST", URL, "application/json")
    assert json.loads(request.content) == {"product": {"id": 1}}
    with pytest.raises(NotTaken, match="503"):
        await post("https://us.test/else", b"{}")
    await post.close()
