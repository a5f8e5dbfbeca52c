"""What happens to a connection while a service works for it: paused, new credentials, another plan, another address."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from connector.app.core import Core, open_core
from connector.app.service import Service, started
from connector.choice import Choice
from connector.sandbox.sparkpay import SandboxPolicy, SparkPayStore
from connector.sandbox.sparkpay import create_app as store_app
from connector.sparkpay.oauth import StoreApp, StoreOAuth
from connector.state.connections import Connection, SparkPayAccess
from connector.state.observations import SourceMemory
from tests.behaviour.app.letter_desk import LetterDesk
from tests.support.both_platforms import STORE, TOKEN, Platforms, over

pytestmark = pytest.mark.timeout(180)
QUIET = {"flow__customer": "off", "flow__customer_group": "off", "flow__order": "off", "sparkpay__webhooks": "false"}
WORK = frozenset({"producers", "intake", "appliers"})
NEW_STORE = "http://moved.example"
APP = StoreApp("4711", "app-secret-9f")


@dataclass
class World:
    """Both platforms, behind addresses that can be given to other stores, and services that run."""

    both: Platforms
    stores: dict[str, Any]

    @property
    def core(self) -> Core:
        return self.both.core

    def transport(self, url: str) -> httpx.AsyncBaseTransport:
        if url in self.stores:
            return httpx.ASGITransport(self.stores[url])
        return self.both.transport(url)

    @asynccontextmanager
    async def service(self, core: Core | None = None) -> AsyncIterator[Service]:
        async with started(core or self.core, WORK, self.transport) as service:
            working = asyncio.create_task(service.run())
            try:
                yield service
            finally:
                working.cancel()
                await asyncio.wait([working])

    async def until(self, what: str, holds: Callable[[], Any], seconds: float = 60) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            assert asyncio.get_running_loop().time() < end, f"not within {seconds} s: {what}"
            await asyncio.sleep(0.05)

    def titles(self) -> dict[str, str]:
        return {product["variants"][0]["sku"]: product["title"] for product in self.both.site.catalogue.products()}

    async def shows(self, sku: str, title: str) -> None:
        await self.until(f"{sku} is {title}", lambda: self.titles().get(sku) == title)

    async def settled(self) -> None:
        """All that it begins with was brought over."""
        run = await self.core.runs.request("acme", entities=(), full=False, requested_by="test")
        await self.until("all is settled", lambda: _over(self, run.id))

    def calls(self, app: Any = None) -> list[Any]:
        return list((app or self.both.store_app).state.journal.since(0))

    def policy(self, **changes: Any) -> None:
        service = self.both.store_app.state.service
        service.policy = replace(service.policy, **changes)

    async def connection(self) -> Connection:
        return await self.core.connections.get("acme")

    async def pause(self, side: str = "sparkpay") -> str | None:
        found = (await self.core.pauses.paused("acme")).get(side)
        return None if found is None else found.kind

    async def settle(self, **values: str) -> None:
        now = await self.connection()
        named = {key.replace("__", "."): value for key, value in values.items()}
        await self.core.connections.update("acme", settings=now.settings.with_values(named))

    async def cursors(self) -> dict[str, Any]:
        memory = SourceMemory(self.core.database, self.core.clock, "acme", "sparkpay")
        return {name: await memory.cursor(name) for name in ("store", "address")}


@pytest.fixture
async def world(desk: LetterDesk) -> AsyncIterator[World]:
    desk.core.settings.__dict__.update(poll_interval_seconds=0.2)
    both = over(desk.core)
    yield World(both, {})
    assert both.store_app.state.journal.violations == []


async def test_paused_it_stands_still_and_resumed_it_brings_what_it_missed(world: World) -> None:
    await world.both.add(**QUIET)
    first = world.both.product("A-1", item_name="Rope")
    async with world.service():
        await world.shows("A-1", "Rope")
        await world.core.connections.set_state("acme", "paused")
        await asyncio.sleep(4)
        before = len(world.calls())
        world.both.store.update("products", first, item_name="Strong rope")
        await asyncio.sleep(2)
        assert len(world.calls()) == before
        assert world.titles()["A-1"] == "Rope"
        await world.core.connections.set_state("acme", "active")
        await world.shows("A-1", "Strong rope")


async def test_a_new_token_replaces_the_old_while_a_sync_runs(world: World) -> None:
    """The old one is taken back in the middle: the side stands still until the new one is there; nothing is lost."""
    await world.both.add(**QUIET)
    for number in range(60):
        world.both.product(f"S-{number:02}", item_name=f"Thing {number}")
    world.policy(latency_ms=40)
    async with world.service():
        run = await world.core.runs.request("acme", entities=(), full=True, requested_by="test")
        await world.until("some are there", lambda: len(world.titles()) > 3)
        world.policy(token="new-token")
        await world.until("the side is paused", lambda: _is(world.pause(), "credentials"))
        now = await world.connection()
        await world.core.connections.update("acme", sparkpay=replace(now.sparkpay, token="new-token"))
        await world.until("it goes on", lambda: _is(world.pause(), None))
        await world.until("the sync ends", lambda: _over(world, run.id))
    assert (await world.core.runs.get(run.id)).state == "done"
    assert world.titles() == {f"S-{number:02}": f"Thing {number}" for number in range(60)}


async def test_one_entity_is_synced_again_by_its_number_while_the_service_runs(world: World) -> None:
    """At once and alone, also what no date tells of; the sweep that would find it can wait."""
    await world.both.add(**QUIET)
    first, _ = world.both.product("A-1", item_name="Rope"), world.both.product("B-1", item_name="Twine")
    async with world.service():
        await world.shows("A-1", "Rope")
        await world.shows("B-1", "Twine")
        await world.settled()
        world.both.store.update("products", first, touch=False, item_name="Strong rope")
        choice = Choice(ids=(first,))
        run = await world.core.runs.request(
            "acme", entities=("product",), full=False, requested_by="test", choice=choice
        )
        await world.until("the sync ends", lambda: _over(world, run.id))
        done = await world.core.runs.get(run.id)
        assert (done.state, done.read) == ("done", 1)
        assert world.titles() == {"A-1": "Strong rope", "B-1": "Twine"}


async def test_a_new_limit_counts_without_a_restart_and_is_never_passed(world: World) -> None:
    """Named by a person where the store says none; where it does, its own word counts."""
    world.policy(limit=5, window_seconds=1.0)
    await world.both.add(**QUIET, sparkpay__limit="5", sparkpay__window_seconds="1")
    for number in range(5):
        world.both.product(f"A-{number}")
    async with world.service():
        await world.until("it is read", lambda: len(world.titles()) == 5)
        assert refused(world) == 0
        for limit in (20, 8):
            world.policy(limit=limit)
            await world.settle(sparkpay__limit=str(limit))
            await world.until("the new limit is known", lambda limit=limit: _limit(world, limit))
            run = await world.core.runs.request("acme", entities=(), full=True, requested_by="test")
            await world.until("the sync ends", lambda run=run: _over(world, run.id))
        assert refused(world) <= 1  # the store's own plan shrank under a call that had left


async def test_a_moved_store_goes_on_where_it_was(world: World) -> None:
    await world.both.add(**QUIET)
    first = world.both.product("A-1", item_name="Rope")
    async with world.service():
        await world.shows("A-1", "Rope")
        await world.until("its address is known", lambda: _is(_origin(world), STORE))
        await world.settled()
        writes = len(world.both.writes["sparklayer"])
        moved = world.stores[NEW_STORE] = world.both.store_app
        world.stores[STORE] = store_app(
            SparkPayStore(clock=world.core.clock.now), SandboxPolicy(token="nobody's")
        )  # the old address is let
        now = await world.connection()
        await world.core.connections.update("acme", sparkpay=replace(now.sparkpay, url=NEW_STORE))
        await world.until("its new address is known", lambda: _is(_origin(world), NEW_STORE))
        world.both.store.update("products", first, item_name="Strong rope")
        await world.shows("A-1", "Strong rope")
        assert await world.pause() is None
    assert len(world.both.writes["sparklayer"]) == writes + 1  # nothing was told anew
    assert moved.state.journal.violations == []
    await world.core.connections.remove("acme")
    assert await world.core.budgets.read(STORE) == (None, pytest.approx(0, abs=1e12))


async def test_webhooks_are_looked_after_at_the_new_address(world: World) -> None:
    world.core.settings.__dict__.update(public_url="https://us.example")
    await world.both.add(**QUIET | {"sparkpay__webhooks": "true"})
    store = world.both.store
    async with world.service():
        await world.until("they are registered", lambda: _webhooks_checked(world))
        await world.until("its address is known", lambda: _is(_origin(world), STORE))
        before = subscribed(world)
        assert len(before) > 3
        for row in store.rows("webhooks"):
            store.delete("webhooks", row["id"])
        world.stores[NEW_STORE] = world.both.store_app
        now = await world.connection()
        await world.core.connections.update("acme", sparkpay=replace(now.sparkpay, url=NEW_STORE))
        await world.until("they are there again", lambda: subscribed(world) == before)


async def test_another_store_behind_the_new_address_is_refused(world: World) -> None:
    """It has products of the same numbers, takes the token, and gets nothing written nor anything read of it told."""
    await world.both.add(**QUIET | {"flow__stock": "both"})
    first = world.both.product("A-1", item_name="Rope")
    stranger = over(world.core)
    stranger.product("X-1", item_name="Other")
    world.stores[NEW_STORE] = stranger.store_app
    async with world.service():
        await world.shows("A-1", "Rope")
        await world.until("its address is known", lambda: _is(_origin(world), STORE))
        now = await world.connection()
        await world.core.connections.update("acme", sparkpay=SparkPayAccess(NEW_STORE, TOKEN))
        await world.until("the side is paused", lambda: _is(world.pause(), "by hand"))
        reason = (await world.core.pauses.paused("acme"))["sparkpay"].reason
        assert f"was at {STORE} so far" in reason
        await world.core.pauses.resume("acme", "sparkpay")  # to insist does not help
        await asyncio.sleep(1)
        await world.until("the side is paused again", lambda: _is(world.pause(), "by hand"))
        assert {entry.method for entry in world.calls(stranger.store_app)} <= {"GET"}
        assert world.titles() == {"A-1": "Rope"}
        await world.core.connections.update("acme", sparkpay=now.sparkpay)
        await world.core.pauses.resume("acme", "sparkpay")
        world.both.store.update("products", first, item_name="Strong rope")
        await world.shows("A-1", "Strong rope")


async def test_two_processes_renew_an_installed_apps_token_once_and_work_on_with_it(world: World) -> None:
    """Reading and writing are jobs of two processes: both need the token, one renews it."""
    await world.both.add(**QUIET | {"flow__stock": "both"})
    world.policy(app_id=APP.id, app_secret=APP.secret)
    installed = world.both.store_app.state.service.installed
    where = httpx.URL(installed.consent({"client_id": APP.id, "scope": "x", "redirect_uri": "https://us/cb"})).params
    oauth = StoreOAuth(STORE, world.core.clock, world.transport(STORE))
    grant = await oauth.grant(APP, where["auth_id"], where["code"], scope="x", redirect_uri="https://us/cb")
    await world.core.connections.update("acme", sparkpay=SparkPayAccess(STORE, grant.token))
    await world.core.grants.save(
        "acme", app_id=APP.id, app_secret=APP.secret, refresh_token=grant.refresh_token, token=grant.token,
        expires_at=world.core.clock.now() + timedelta(seconds=5),
    )  # fmt: skip
    world.policy(token="no single token")
    first = world.both.product("A-1", item_name="Rope")
    async with open_core(world.core.settings) as other, world.service(), world.service(other):
        await world.shows("A-1", "Rope")
        await world.until("it is renewed", lambda: _has_another_token(world, grant.token))
        world.both.store.update("products", first, item_name="Strong rope")
        await world.shows("A-1", "Strong rope")
        assert installed.refreshes == 1
        assert await world.pause() is None


async def test_the_key_of_the_secrets_is_changed_while_services_work(world: World) -> None:
    """In the order of docs/operations.md, process by process: nobody stands still, and the old key is not needed."""
    await world.both.add(**QUIET)
    first = world.both.product("A-1", item_name="Rope")
    old, new = world.core.settings.secret_key, SecretStr("a-new-key-0123456789-0123456789-0123456789")
    learning = world.core.settings.model_copy(update={"secret_key_second": new})
    sealing = world.core.settings.model_copy(update={"secret_key": new, "secret_key_second": old})
    alone = world.core.settings.model_copy(update={"secret_key": new})
    async with open_core(learning) as one, open_core(sealing) as two:
        async with world.service(one), world.service(two):
            await world.shows("A-1", "Rope")
            await two.sealed_texts.renew()
            world.both.store.update("products", first, item_name="Strong rope")
            await world.shows("A-1", "Strong rope")
        await two.sealed_texts.renew()  # what the first one has sealed since
        assert all(count.all_current for count in await two.sealed_texts.count())
    async with open_core(alone) as after, world.service(after):
        world.both.store.update("products", first, item_name="Stronger rope")
        await world.shows("A-1", "Stronger rope")
        assert {side: pause.reason for side, pause in (await after.pauses.paused("acme")).items()} == {}


def subscribed(world: World) -> set[tuple[str, str]]:
    return {(str(row["event_type"]), str(row["url"])) for row in world.both.store.rows("webhooks")}


async def _webhooks_checked(world: World) -> bool:
    access = await world.core.webhooks.get("acme")
    return access is not None and access.checked_at is not None


def refused(world: World) -> int:
    return sum(entry.status == 429 for entry in world.calls())


async def _is(awaited: Any, wanted: object) -> bool:
    return bool(await awaited == wanted)


async def _over(world: World, run: str) -> bool:
    return (await world.core.runs.get(run)).over


async def _has_another_token(world: World, token: str) -> bool:
    return (await world.connection()).sparkpay.token != token


async def _origin(world: World) -> str | None:
    found = (await world.cursors())["address"]
    return None if found is None else str(found["origin"])


async def _limit(world: World, limit: int) -> bool:
    stored, _ = await world.core.budgets.read(STORE)
    return stored is not None and stored["limit"] == limit
