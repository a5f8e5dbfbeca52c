"""Webhooks at the door: who is let in, what is stored, and how it is answered."""

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest

from connector.errors import Unavailable
from connector.state.hints import ConnectionHints, HintStore, Told
from connector.state.webhook_access import SealedSecrets, WebhookSecrets
from connector.web.app import build
from connector.web.webhooks import LARGEST_BYTES
from tests.unit.web.conftest import Site


@pytest.fixture
async def address(site: Site) -> str:
    return f"/webhooks/sparkpay/acme/{(await site.core.webhooks.ensure('acme')).secret}"


async def named(site: Site) -> list[tuple[str, int]]:
    return [(hint.resource, hint.number) for hint in await ConnectionHints(site.core.database, "acme").take(100_000)]


@pytest.mark.parametrize("event", ["", "/ProductUpdated", "/anything"])
async def test_what_is_named_is_stored_before_the_answer(site: Site, address: str, event: str) -> None:
    answer = await site.http.post(address + event, json={"product": {"id": 9}})
    assert (answer.status_code, answer.content) == (200, b"")
    assert await named(site) == [("products", 9)]


async def test_strangers_all_hear_the_same(site: Site, address: str) -> None:
    secret = address.rpartition("/")[2]
    body = {"product": {"id": 9}}
    answers = [
        await site.http.post(path, json=body)
        for path in (
            "/webhooks/sparkpay/acme/wrong",
            f"/webhooks/sparkpay/nobody/{secret}",
            f"/webhooks/sparkpay/acme/{secret}x",
            f"/webhooks/sparkpay/acme/{secret[:-1]}",
            "/webhooks/sparkpay/acme/%ff%fe",
            f"/webhooks/sparkpay/acme/{'x' * 5000}",
            "/webhooks/sparkpay/acme/wrong/ProductUpdated",
            f"/webhooks/sparkpay/acme/{secret}/ProductUpdated/more",
            "/webhooks/sparkpay/",
            "/webhooks/sparkpay/acme",
            "/webhooks/sparkpay//",
        )
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, b"")}
    assert {frozenset(answer.headers.items()) for answer in answers} == {frozenset(answers[0].headers.items())}
    assert await named(site) == []


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b"\xff", b'{"order": 5}', b"[" * 50_000])
async def test_what_cannot_be_read_is_taken_and_forgotten(site: Site, address: str, raw: bytes) -> None:
    assert (await site.http.post(address, content=raw)).status_code == 200
    assert await named(site) == []


async def test_a_cut_body_still_names_its_order(site: Site, address: str) -> None:
    raw = json.dumps({"order": {"id": 100020, "items": [{"id": 1}]}})[:-5]
    assert (await site.http.post(address, content=raw.encode())).status_code == 200
    assert await named(site) == [("orders", 100020)]


async def test_a_body_that_is_too_large_is_refused(site: Site, address: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    assert (await site.http.post(address, content=b"x" * (LARGEST_BYTES + 1))).status_code == 413
    assert (await site.http.post(address, content=endless())).status_code == 413
    largest = json.dumps({"product": {"id": 9}, "x": ""}).encode()
    whole = largest[:-2] + b"y" * (LARGEST_BYTES - len(largest)) + largest[-2:]
    assert (await site.http.post(address, content=whole)).status_code == 200
    assert await named(site) == [("products", 9)]


async def test_other_methods_are_not_served(site: Site, address: str) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert (await site.http.request(method, address)).status_code == 405


async def test_a_thousand_at_once_take_few_transactions(site: Site, address: str) -> None:
    written: list[int] = []
    store = site.core.hints

    class Counting(HintStore):
        async def store(self, told: set[Told]) -> None:  # type: ignore[override]
            written.append(len(told))
            await store.store(told)

    site.service.hint_box.store = Counting(site.core.database, site.clock)
    answers = await asyncio.gather(
        *(site.http.post(address, json={"product": {"id": number % 100 + 1}}) for number in range(1000))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(await named(site)) == [("products", number) for number in range(1, 101)]
    assert len(written) < 100


async def test_without_the_database_the_store_hears_that_it_was_not_kept(site: Site, address: str) -> None:
    class Away(HintStore):
        async def store(self, told: set[Told]) -> None:  # type: ignore[override]  # noqa: ARG002
            raise Unavailable("the database does not answer")

    there = site.service.hint_box.store
    site.service.hint_box.store = Away(site.core.database, site.clock)
    answers = await asyncio.gather(*(site.http.post(address, json={"product": {"id": 9}}) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {503}
    site.service.hint_box.store = there
    assert (await site.http.post(address, json={"product": {"id": 9}})).status_code == 200


async def test_a_rotated_secret_is_taken_at_once_and_the_former_until_it_is_settled(site: Site, address: str) -> None:
    async def status(path: str) -> int:
        site.clock.advance(1.1)
        return (await site.http.post(path, json={"product": {"id": 9}})).status_code

    new = f"/webhooks/sparkpay/acme/{(await site.core.webhooks.rotate('acme')).secret}"
    assert [await status(address), await status(new)] == [200, 200]
    await site.core.webhooks.settled("acme")
    assert [await status(address), await status(new)] == [404, 200]
    await site.core.connections.remove("acme")
    assert await status(new) == 404
    assert await site.core.hints.waiting() == set()


async def test_a_secret_that_was_given_out_a_moment_ago_is_taken(site: Site, address: str) -> None:
    assert (await site.http.post(address, json={"product": {"id": 9}})).status_code == 200
    site.clock.advance(0.2)  # what was read of the secrets is still fresh
    new = f"/webhooks/sparkpay/acme/{(await site.core.webhooks.rotate('acme')).secret}"
    assert (await site.http.post(new, json={"product": {"id": 9}})).status_code == 200


async def test_while_webhooks_come_none_waits_for_the_secrets(site: Site, address: str) -> None:
    door = site.service.webhook_door
    there, reads, slow = door.secrets, 0, asyncio.Event()

    class Slow(WebhookSecrets):
        async def sealed(self) -> dict[str, SealedSecrets]:
            nonlocal reads
            reads += 1
            await slow.wait()
            return await there.sealed()

    async def status() -> int:
        async with asyncio.timeout(5):
            return (await site.http.post(address, json={"product": {"id": 9}})).status_code

    assert await status() == 200
    door.secrets = Slow(site.core.database, there._vault, site.clock)
    site.clock.advance(0.6)
    assert [await status() for _ in range(3)] == [200] * 3
    assert reads == 1
    slow.set()
    while door._ahead is not None and not door._ahead.done():
        await asyncio.sleep(0)
    site.clock.advance(0.6)
    slow.clear()
    assert await status() == 200
    slow.set()


async def test_whoever_waits_in_this_process_is_woken(site: Site, address: str) -> None:
    waiting = asyncio.create_task(site.service.lookout.hinted("acme"))
    await asyncio.sleep(0)
    assert not waiting.done()
    await site.http.post(address, json={"product": {"id": 9}})
    async with asyncio.timeout(5):
        await waiting
    assert await site.core.hints.waiting() == {"acme"}
    again = asyncio.create_task(site.service.lookout.hinted("acme"))
    await asyncio.sleep(0)
    await site.service.lookout.look()  # hints that another process stored are found by looking
    async with asyncio.timeout(5):
        await again


async def test_the_answer_of_a_client_that_left_is_nobodys(site: Site, address: str) -> None:
    messages = iter([{"type": "http.request", "body": b'{"product"', "more_body": True}, {"type": "http.disconnect"}])
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return next(messages)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": address, "raw_path": address.encode(), "query_string": b"", "headers": [], "root_path": "",
        "server": ("paylayer.test", 80), "client": ("10.0.0.1", 1),
    }  # fmt: skip
    await build(site.service)(scope, receive, send)
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] in ([], [400])
    assert await named(site) == []
