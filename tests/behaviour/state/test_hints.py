"""Hints and webhook secrets in the database."""

import asyncio

import pytest

from connector.clock import SteppedClock
from connector.errors import UserFault
from connector.ports import Hint
from connector.state.connections import Connections, SparkLayerAccess, SparkPayAccess
from connector.state.database import Database
from connector.state.hints import ConnectionHints, HintStore
from connector.state.vault import Vault
from connector.state.webhook_access import WebhookSecrets, digest

VAULT = Vault("hints-only-0123456789-0123456789-ab")


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


async def connections(db: Database, clock: SteppedClock, *ids: str) -> Connections:
    made = Connections(db, VAULT, clock)
    for id_ in ids:
        access = SparkLayerAccess("https://layer.example", "site", "test", "client", "secret")
        await made.add(id_, SparkPayAccess("https://pay.example", "token"), access)
    return made


async def test_repeats_collapse_and_the_oldest_come_first(db: Database, clock: SteppedClock) -> None:
    await connections(db, clock, "acme", "other")
    store, mine = HintStore(db, clock), ConnectionHints(db, "acme")
    assert await store.waiting() == set()
    await store.store([("acme", "products", 5), ("acme", "products", 5), ("other", "orders", 1)])
    clock.advance(1)
    await store.store([("acme", "orders", 2)])
    clock.advance(1)
    await store.store([("acme", "products", 5)])
    assert await store.waiting() == {"acme", "other"}
    assert [(hint.resource, hint.number) for hint in await mine.take(10)] == [("products", 5), ("orders", 2)]
    assert len(await mine.take(1)) == 1
    assert await mine.arrivals() == {"products": clock.now(), "orders": clock.now().replace(second=1)}


async def test_a_hint_that_was_renewed_is_not_forgotten(db: Database, clock: SteppedClock) -> None:
    await connections(db, clock, "acme")
    store, mine = HintStore(db, clock), ConnectionHints(db, "acme")
    await store.store([("acme", "products", 5), ("acme", "products", 6)])
    taken = await mine.take(10)
    await store.store([("acme", "products", 6)])
    await mine.forget(taken)
    left = await mine.take(10)
    assert [hint.number for hint in left] == [6]
    await mine.forget(left)
    await store.store([("acme", "products", 6)])
    await mine.forget([*left, Hint("products", 6, "")])  # it is there anew, with another stamp
    assert [hint.number for hint in await mine.take(10)] == [6]
    await mine.forget([])


async def test_many_writers_lose_nothing(db: Database, clock: SteppedClock) -> None:
    await connections(db, clock, "acme")
    store, mine = HintStore(db, clock), ConnectionHints(db, "acme")
    batches = [[("acme", "products", (start * 7 + step) % 50) for step in range(20)] for start in range(20)]
    await asyncio.gather(*(store.store([(c, r, n + 1) for c, r, n in batch]) for batch in batches))
    assert {hint.number for hint in await mine.take(100)} == set(range(1, 51))


async def test_nothing_is_kept_of_a_connection_that_is_gone(db: Database, clock: SteppedClock) -> None:
    known = await connections(db, clock, "acme")
    store, secrets = HintStore(db, clock), WebhookSecrets(db, VAULT, clock)
    await secrets.ensure("acme")
    await store.store([("acme", "products", 5), ("nobody", "products", 5)])
    await known.remove("acme")
    await store.store([("acme", "products", 6)])
    assert await store.waiting() == set()
    assert await ConnectionHints(db, "acme").arrivals() == {}
    assert await secrets.sealed() == {}
    with pytest.raises(UserFault, match="'acme'"):
        await secrets.ensure("acme")


async def test_a_secret_is_rotated_without_a_gap(db: Database, clock: SteppedClock) -> None:
    await connections(db, clock, "acme")
    secrets = WebhookSecrets(db, VAULT, clock)
    assert await secrets.get("acme") is None
    first, again = await asyncio.gather(secrets.ensure("acme"), secrets.ensure("acme"))
    assert first == again
    assert len(first.secret) >= 40
    assert first.secret not in repr(first)
    second = await secrets.rotate("acme")
    assert (second.former, second.secret != first.secret) == (first.secret, True)
    sealed = (await secrets.sealed())["acme"]
    assert secrets.digests(sealed) == (digest(second.secret), digest(first.secret))
    assert first.secret not in f"{sealed}"
    await secrets.settled("acme", "the token lacks a scope")
    kept = await secrets.get("acme")
    assert kept is not None
    assert (kept.former, kept.problem, kept.checked_at) == (first.secret, "the token lacks a scope", clock.now())
    await secrets.settled("acme")
    assert (await secrets.ensure("acme")).former is None
    await secrets.forget("acme")
    assert await secrets.get("acme") is None
