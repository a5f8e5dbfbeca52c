from collections.abc import AsyncIterator, Collection
from dataclasses import replace

import pytest

from connector.errors import CredentialsRefused, TargetIll
from connector.sandbox.sparkpay import FaultRule
from connector.sparkpay.webhook_registration import EVENTS, OLDER_EVENTS, Registration, WebhookRegistration
from tests.fakes.sparkpay_shop import Shop, open_shop

ADDRESS = "https://us.example/webhooks/sparkpay/acme/"
OURS = sum(map(len, EVENTS.values()))


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as opened:
        yield opened


def desk(shop: Shop, secret: str = "s1", former: Collection[str] = (), address: str = ADDRESS) -> WebhookRegistration:  # noqa: S107
    return WebhookRegistration(shop.client, address, secret, former)


def hooks(shop: Shop) -> list[tuple[str, str]]:
    return sorted((str(row["event_type"]), str(row["url"])) for row in shop.store.rows("webhooks"))


def counts(done: Registration) -> tuple[int, int, int, int]:
    return done.right, done.created, done.repaired, done.removed


def policy(shop: Shop, **changes: object) -> None:
    service = shop.app.state.service  # type: ignore[attr-defined]
    service.policy = replace(service.policy, **changes)


async def test_the_first_time_everything_is_created_and_then_nothing(shop: Shop) -> None:
    assert counts(await desk(shop).register(EVENTS)) == (0, OURS, 0, 0)
    assert hooks(shop) == sorted((event, f"{ADDRESS}s1/{event}") for kind in EVENTS.values() for event in kind)
    assert {(row["failure_type"], row["cache_length"]) for row in shop.store.rows("webhooks")} == {
        ("Ignore", "NoCache")
    }
    shop.wire.requests.clear()
    assert counts(await desk(shop).register(EVENTS)) == (OURS, 0, 0, 0)
    assert shop.calls == 2


async def test_each_store_has_its_own(shop: Shop) -> None:
    shop.store.insert("stores", name="Second")
    assert (await desk(shop).register(["product"])).created == 6
    assert {row["store_id"] for row in shop.store.rows("webhooks")} == {1, 2}


async def test_what_somebody_spoiled_is_repaired(shop: Shop) -> None:
    await desk(shop).register(EVENTS)
    rows = shop.store.rows("webhooks")
    shop.store.delete("webhooks", int(str(rows[0]["id"])))
    shop.store.update("webhooks", int(str(rows[1]["id"])), failure_type="Error")
    shop.store.update("webhooks", int(str(rows[2]["id"])), cache_length="Long")
    doubled = {name: value for name, value in rows[3].items() if name != "id"}
    shop.store.insert("webhooks", **doubled)
    foreign = {"event_type": "NewOrder", "url": "https://other.example/x", "store_id": 1}
    shop.store.insert("webhooks", **foreign)
    look = await desk(shop).register(EVENTS, write=False)
    assert counts(look) == counts(await desk(shop).register(EVENTS)) == (OURS - 3, 1, 2, 1)
    assert counts(await desk(shop).register(EVENTS)) == (OURS, 0, 0, 0)
    assert ("NewOrder", "https://other.example/x") in hooks(shop)


async def test_a_new_secret_changes_the_rows_in_place(shop: Shop) -> None:
    await desk(shop).register(EVENTS)
    ids = [row["id"] for row in shop.store.rows("webhooks")]
    assert counts(await desk(shop, "s2").register(EVENTS)) == (0, 0, OURS, 0)
    assert [row["id"] for row in shop.store.rows("webhooks")] == ids
    assert all("/s2/" in url for _, url in hooks(shop))


async def test_after_a_move_the_rows_of_the_old_address_are_known_by_their_secret(shop: Shop) -> None:
    await desk(shop, "s1").register(EVENTS)
    moved = desk(shop, "s2", ["s1"], "https://new.example/webhooks/sparkpay/acme/")
    assert counts(await moved.register(EVENTS)) == (0, 0, OURS, 0)
    assert all(url.startswith("https://new.example/") for _, url in hooks(shop))


async def test_kinds_that_nobody_wants_any_more_go(shop: Shop) -> None:
    await desk(shop).register(EVENTS)
    assert counts(await desk(shop).register(["product", "order"])) == (6, 0, 0, 3)


async def test_removal_leaves_the_others_and_may_be_repeated(shop: Shop) -> None:
    shop.store.insert("webhooks", event_type="NewOrder", url="https://other.example/x", store_id=1)
    await desk(shop).register(EVENTS)
    assert await desk(shop).remove() == OURS
    assert await desk(shop).remove() == 0
    assert hooks(shop) == [("NewOrder", "https://other.example/x")]


async def test_an_older_store_gets_the_older_events(shop: Shop) -> None:
    shop.store.has_events_of_2020 = False
    done = await desk(shop).register(EVENTS)
    assert done.older_store
    assert done.problems == []
    wanted = {event for events in OLDER_EVENTS.values() for event in events}
    assert {event for event, _ in hooks(shop)} == wanted
    shop.wire.requests.clear()
    again = await desk(shop).register(EVENTS)
    assert (again.right, again.changed, shop.calls) == (len(wanted), 0, 3)  # one of them asks whether it is still old


async def test_a_token_without_the_scope_is_a_problem_and_no_error(shop: Shop) -> None:
    policy(shop, scopes=frozenset({"catalog"}))
    done = await desk(shop).register(EVENTS)
    assert (done.changed, len(done.problems)) == (0, 1)
    assert "scope System" in done.problems[0]
    policy(shop, scopes=None)
    shop.app.state.faults.add(FaultRule("status", method="POST", path="*/webhooks", times=1, status=403))  # type: ignore[attr-defined]
    done = await desk(shop).register(EVENTS)
    assert done.problems == [
        "the token may not subscribe to ProductStatusChanged: it needs view and change of products"
    ]
    assert {event for event, _ in hooks(shop)} == {*EVENTS["order"], *EVENTS["customer"]}


async def test_what_the_store_says_never_shows_the_secret(shop: Shop) -> None:
    spoiled = desk(shop, "s3cret-of-ours", address="ftp://us.example/webhooks/sparkpay/acme/")
    done = await spoiled.register(["product"])
    assert done.problems
    assert all("s3cret-of-ours" not in problem for problem in done.problems)


async def test_a_revoked_token_and_a_store_that_fails_are_errors(shop: Shop) -> None:
    shop.app.state.faults.add(FaultRule("status", path="*/webhooks", times=None, status=503))  # type: ignore[attr-defined]
    with pytest.raises(TargetIll):
        await desk(shop).register(EVENTS)
    shop.app.state.faults.clear()  # type: ignore[attr-defined]
    policy(shop, token="another")
    with pytest.raises(CredentialsRefused):
        await desk(shop).register(EVENTS)
