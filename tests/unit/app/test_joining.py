"""Joining a store with a site from either side, in any order, interrupted and repeated; and taking it apart."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from connector.app.core import Core, open_core
from connector.app.joining import Announcement, AnotherStore, Joining
from connector.app.platforms import Platforms
from connector.app.removal import Removal
from connector.app.webhook_keeping import bring_webhooks
from connector.clock import SteppedClock
from connector.engine.metrics import Metrics
from connector.engine.usage import CallMeter
from connector.errors import UserFault
from connector.sandbox import sparklayer as layer
from connector.sandbox import sparkpay as pay
from connector.settings import Settings
from connector.settings.connection import FlowSettings
from connector.settings.flows import contradictions
from connector.state.connections import SparkLayerAccess, SparkPayAccess
from connector.state.hints import HintStore
from connector.state.ignite_sites import InstalledStore, SiteKey, StoreGrant
from connector.state.tables import metadata

KEY = "joining-tests-only-0123456789-0123456789"
SITE = SiteKey("test", "acme-tools")
SAID = Announcement("shop.example", "client-1", "site-secret-1")
STORE = InstalledStore("https://shop.example", "store-token")


class Stage:
    def __init__(self, core: Core, clock: SteppedClock) -> None:
        self.core, self.clock = core, clock
        self.joining = Joining(core)
        self.store = pay.SparkPayStore(clock=clock.now)
        self.store.insert("stores", name="Shop")
        self.shop = pay.create_app(self.store, pay.SandboxPolicy(token="store-token"), sleep=clock.sleep)
        self.site = layer.SparkLayerSite(clock=clock.now)
        policy = layer.SitePolicy(site_id=SITE.id, client_id="client-1", client_secret="site-secret-1")
        self.layer = layer.create_app(self.site, policy, sleep=clock.sleep)
        self.platforms = Platforms(core, CallMeter(core.usage, Metrics()), self._wire)
        self.removal = Removal(core, self.platforms)

    def _wire(self, url: str) -> httpx.AsyncBaseTransport:
        return httpx.ASGITransport(self.shop if "shop" in url else self.layer)

    async def runs(self) -> int:
        async with self.core.database.read() as read:
            return int((await read.execute(sa.text("SELECT count(*) FROM sync_runs"))).scalar_one())

    async def rows(self) -> dict[str, int]:
        """How many rows each table has that has any."""
        found = {}
        async with self.core.database.read() as read:
            for table in metadata.sorted_tables:
                count = (await read.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
                if count:
                    found[table.name] = int(count)
        return found


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    clock = SteppedClock()
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'state.sqlite3'}",
        secret_key=SecretStr(KEY),
        public_url="https://us.example",
        sparklayer_test_url="http://layer",
        default_b2b_customer_types="all",
        default_currency="CAD",
    )
    async with open_core(settings, clock) as core:
        yield Stage(core, clock)


async def test_begun_at_sparklayer(stage: Stage) -> None:
    link = await stage.joining.announced(SITE, SAID)
    assert link is not None
    assert link.startswith("https://us.example/oauth/sparkpay/install?link=")
    assert await stage.joining.announced(SITE, SAID) == link  # an answer may get lost
    site = await stage.core.sites.by_link(link.partition("=")[2])
    assert site is not None
    assert site.key == SITE
    joined = await stage.joining.installed(SITE, STORE)
    assert joined is not None
    assert (joined.id, joined.sparkpay.url, joined.sparkpay.token) == ("acme-tools-test", STORE.url, STORE.token)
    assert joined.sparklayer == SparkLayerAccess("http://layer", SITE.id, "test", "client-1", "site-secret-1")
    assert joined.settings.store.currency_code == "CAD"
    assert joined.settings.b2b.customer_type_ids == "all"
    assert joined.settings.flow == FlowSettings(setting="to_sparklayer")
    assert list(contradictions(joined.settings)) == []
    assert await stage.joining.announced(SITE, SAID) is None
    assert await stage.core.sites.by_link(link.partition("=")[2]) is None
    assert await stage.runs() == 1  # the second announcement found it under way


async def test_begun_at_the_store(stage: Stage) -> None:
    grant = StoreGrant("app", "app-secret", "refresh", stage.clock.now())
    assert await stage.joining.installed(SITE, InstalledStore(STORE.url, STORE.token, grant)) is None
    assert await stage.joining.announced(SITE, SAID) is None
    joined = await stage.joining.connection_of(SITE)
    assert joined is not None
    stored = await stage.core.grants.get(joined.id)
    assert stored is not None
    assert (stored.refresh_token, stored.app_secret) == ("refresh", "app-secret")
    assert await stage.core.sites.installed(SITE) is None
    assert await stage.runs() == 1


async def test_a_store_that_waits_is_joined_only_with_whoever_names_it(stage: Stage) -> None:
    await stage.joining.installed(SITE, STORE)
    assert await stage.joining.announced(SITE, Announcement("another.example", "c", "s")) is not None
    assert await stage.joining.connection_of(SITE) is None


async def test_a_store_waits_for_a_week(stage: Stage) -> None:
    await stage.joining.installed(SITE, STORE)
    stage.clock.advance(8 * 86_400)
    assert await stage.joining.announced(SITE, SAID) is not None


async def test_a_link_is_good_for_a_day_and_then_another_is_given(stage: Stage) -> None:
    link = (await stage.joining.announced(SITE, SAID) or "").partition("=")[2]
    stage.clock.advance(23.5 * 3600)
    newer = (await stage.joining.announced(SITE, SAID) or "").partition("=")[2]
    assert newer != link
    assert await stage.core.sites.by_link(link) is None
    stage.clock.advance(86_400 + 1)
    assert await stage.core.sites.by_link(newer) is None


async def test_new_keys_replace_the_old_and_drop_the_token(stage: Stage) -> None:
    await stage.joining.announced(SITE, SAID)
    joined = await stage.joining.installed(SITE, STORE)
    assert joined is not None
    await stage.core.tokens.save(f"{joined.id}/sparklayer/client-1", "cached", stage.clock.now())
    assert await stage.joining.announced(SITE, Announcement("shop.example", "client-2", "s2")) is None
    now = await stage.core.connections.get(joined.id)
    assert (now.sparklayer.client_id, now.sparklayer.client_secret) == ("client-2", "s2")
    assert await stage.core.tokens.load(f"{joined.id}/sparklayer/client-1") is None
    with pytest.raises(AnotherStore, match=r"shop\.example"):
        await stage.joining.announced(SITE, Announcement("evil.example", "client-3", "s3"))
    assert (await stage.core.connections.get(joined.id)).sparklayer.client_id == "client-2"


async def test_a_site_that_was_connected_by_command_takes_the_first_store_name(stage: Stage) -> None:
    access = SparkLayerAccess("http://layer", SITE.id, "test", "old", "old")
    await stage.core.connections.add("by-hand", SparkPayAccess("https://shop.example", "t"), access)
    assert await stage.joining.announced(SITE, Announcement("label-7", "client-1", "s")) is None
    site = await stage.core.sites.get(SITE)
    assert site is not None
    assert (site.connection, site.store_id, site.state) == ("by-hand", "label-7", "active")


async def test_a_store_that_moved_is_announced_by_its_new_name(stage: Stage) -> None:
    await stage.joining.announced(SITE, SAID)
    joined = await stage.joining.installed(SITE, STORE)
    assert joined is not None
    moved = Announcement("new.example", "client-1", "site-secret-1")
    with pytest.raises(AnotherStore):
        await stage.joining.announced(SITE, moved)
    await stage.core.connections.update(joined.id, sparkpay=SparkPayAccess("https://new.example", STORE.token))
    assert await stage.joining.announced(SITE, moved) is None
    with pytest.raises(AnotherStore, match=r"new\.example"):
        await stage.joining.announced(SITE, SAID)  # the old name is another's by now
    assert (await stage.core.connections.get(joined.id)).sparkpay.url == "https://new.example"


async def test_announced_again_after_a_removal_that_broke_off_it_works_again(stage: Stage) -> None:
    await stage.joining.announced(SITE, SAID)
    joined = await stage.joining.installed(SITE, STORE)
    assert joined is not None
    await stage.core.sites.set_state(SITE, "removing")
    await stage.core.connections.set_state(joined.id, "paused")
    assert await stage.joining.announced(SITE, SAID) is None
    site = await stage.core.sites.get(SITE)
    assert site is not None
    assert site.state == "active"
    assert (await stage.core.connections.get(joined.id)).state == "active"


async def test_a_store_of_a_connected_site_gets_a_new_grant_whoever_made_the_connection(stage: Stage) -> None:
    access = SparkLayerAccess("http://layer", SITE.id, "test", "c", "s")
    await stage.core.connections.add("by-hand", SparkPayAccess(STORE.url, "old"), access)
    grant = StoreGrant("app", "app-secret", "refresh", stage.clock.now())
    joined = await stage.joining.installed(SITE, InstalledStore(STORE.url, "new", grant))
    assert joined is not None
    assert (joined.id, joined.sparkpay.token, joined.sparklayer) == ("by-hand", "new", access)
    assert await stage.core.grants.get("by-hand") is not None
    assert await stage.core.sites.installed(SITE) is None
    with pytest.raises(UserFault, match="with another store"):
        await stage.joining.installed(SITE, InstalledStore("https://thief.example", "t"), invited=True)
    assert await stage.core.sites.installed(SITE) is None


async def test_many_at_once_make_one_connection(stage: Stage) -> None:
    await asyncio.gather(*(stage.joining.announced(SITE, SAID) for _ in range(10)))
    await asyncio.gather(*(stage.joining.installed(SITE, STORE) for _ in range(10)))
    assert await stage.core.connections.ids() == ["acme-tools-test"]
    assert await stage.runs() == 1


async def test_an_installation_that_broke_off_half_way_is_finished_by_the_next(stage: Stage) -> None:
    await stage.joining.announced(SITE, SAID)
    access = SparkLayerAccess("http://layer", SITE.id, "test", "client-1", "site-secret-1")
    await stage.core.connections.add("acme-tools-test", SparkPayAccess("https://shop.example", "older"), access)
    joined = await stage.joining.installed(SITE, STORE)
    assert joined is not None
    assert joined.sparkpay.token == STORE.token
    site = await stage.core.sites.get(SITE)
    assert site is not None
    assert site.state == "active"


@pytest.mark.parametrize(
    ("key", "id_"),
    [
        (SiteKey("live", "acme-tools"), "acme-tools"),
        (SiteKey("live", "Acme Tools"), None),
        (SiteKey("live", "x" * 200), None),
        (SiteKey("test", "äöü"), None),
    ],
)
async def test_each_site_gets_an_id_of_its_own(stage: Stage, key: SiteKey, id_: str | None) -> None:
    await stage.joining.announced(key, SAID)
    joined = await stage.joining.installed(key, STORE)
    assert joined is not None
    assert id_ in (None, joined.id)
    assert len(joined.id) <= 64
    assert (joined.sparklayer.site_env, joined.sparklayer.site_id) == (key.env, key.id)


async def test_an_environment_that_nobody_knows_is_refused_when_it_is_joined(stage: Stage) -> None:
    await stage.joining.announced(SiteKey("moon", "x"), SAID)
    with pytest.raises(UserFault):
        await stage.joining.installed(SiteKey("moon", "x"), STORE)


async def full(stage: Stage) -> None:
    """A connection with all that it may have."""
    await stage.joining.announced(SITE, SAID)
    grant = StoreGrant("app", "app-secret", "refresh", stage.clock.now())
    joined = await stage.joining.installed(SITE, InstalledStore(STORE.url, STORE.token, grant))
    assert joined is not None
    async with stage.platforms.sparkpay(joined, stage.platforms.budget(joined)) as client:
        assert (await bring_webhooks(stage.core, joined, client)).created == 9
    async with stage.platforms.sparklayer(joined) as site:
        await site.sync_log.record("products", {"last_full_sync": "2026-01-01T00:00:00Z", "errors": []})
    await HintStore(stage.core.database, stage.clock).store([(joined.id, "products", 1)])
    await stage.core.workers.register("w", ["producers"], "host", 1)
    await stage.core.workers.acquire("w", {"producers": [f"poll:sparkpay:{joined.id}"]})


async def test_removal_leaves_nothing_behind(stage: Stage) -> None:
    await full(stage)
    await stage.removal.site(SITE)
    assert set(await stage.rows()) <= {"workers"}
    assert stage.store.rows("webhooks") == []
    assert {report["last_full_sync"] for report in stage.site.sync_log.values()} == {None}
    await stage.removal.site(SITE)
    await stage.removal.site(SiteKey("live", "nobody"))


async def test_removal_does_not_wait_for_platforms_that_refuse(stage: Stage) -> None:
    await full(stage)
    stage.shop.state.faults.add(pay.FaultRule("status", times=None, status=401))
    stage.layer.state.faults.add(pay.FaultRule("status", times=None, status=401))
    await asyncio.gather(*(stage.removal.site(SITE) for _ in range(3)))
    assert set(await stage.rows()) <= {"workers", "budgets"}


async def test_what_was_written_after_the_removal_is_swept_up(stage: Stage) -> None:
    await full(stage)
    await stage.removal.site(SITE)
    await stage.core.usage.add({("acme-tools-test", "sparkpay"): 3})
    await stage.core.connections.sweep_up("acme-tools-test")
    assert "platform_calls" not in await stage.rows()
    await full(stage)
    before = await stage.rows()
    await stage.core.connections.sweep_up("acme-tools-test")  # it is back: nothing is swept
    assert await stage.rows() == before


async def test_a_pending_site_is_removed_as_well(stage: Stage) -> None:
    await stage.joining.announced(SITE, SAID)
    await stage.joining.installed(SiteKey("live", "other"), STORE)
    await stage.removal.site(SITE)
    await stage.removal.site(SiteKey("live", "other"))
    assert await stage.rows() == {}


def test_secrets_do_not_show() -> None:
    shown: Any = (STORE, StoreGrant("app", "app-secret", "refresh", SteppedClock().now()))
    assert not any(secret in repr(shown) for secret in ("store-token", "app-secret", "refresh'"))
