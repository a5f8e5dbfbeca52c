"""Both ways of connecting a store, killed at every step and taken up again, whoever comes first then."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from pydantic import SecretStr

from connector.app.core import Core, core_over
from connector.app.installing import Installing, InstallRefused
from connector.app.joining import Announcement, Joining
from connector.clock import SteppedClock
from connector.sandbox import sparkpay as pay
from connector.settings import Settings
from connector.sparkpay.oauth import StoreApp
from connector.state.budgets import BudgetRows
from connector.state.database import Database
from connector.state.ignite_sites import SiteKey
from connector.state.oauth import token_digest
from connector.state.tables import ignite_sites, installed_stores, sync_runs
from tests.support.databases import database_url

__all__ = ["database_url"]

KEY = "broken-off-tests-only-0123456789-0123456789"
APP = StoreApp("4711", "app-secret-9f3a")
SINGLE = "single-token-77"
SHOP = "http://shop"

Step = Callable[[], Awaitable[None]]


class Killed(Exception):
    """The process ends here."""


class Killer:
    """Lets so many transactions be written, and no more until it is told to rest."""

    def __init__(self) -> None:
        self.left: int | None = None

    async def __call__(self, _transaction: object) -> None:
        if self.left == 0:
            raise Killed
        if self.left is not None:
            self.left -= 1


class Scene:
    """One site, its store, and the two who connect them: each knows only what he was answered."""

    def __init__(self, core: Core, shop: Any, key: SiteKey, *, oauth: bool) -> None:
        self.core, self.shop, self.key, self.oauth = core, shop, key, oauth
        self.link = ""

    def _installing(self) -> Installing:
        return Installing(self.core, lambda _: httpx.ASGITransport(self.shop))

    async def sparklayer(self) -> None:
        said = Announcement("shop", f"client of {self.key.id}", "site-secret")
        url = await Joining(self.core).announced(self.key, said)
        self.link = (url or "").partition("link=")[2] or self.link

    async def merchant(self) -> None:
        installing = self._installing()
        if self.link:
            try:
                assert await installing.site_of(self.link) == self.key
            except InstallRefused:
                return  # the page says that the link has done its work
        invited = bool(self.link)
        if not self.oauth:
            await installing.with_token(self.key, SHOP, SINGLE, invited=invited)
            return
        begun = await installing.begin(self.key, SHOP, invited=invited)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.shop)) as browser:
            back = (await browser.get(begun.url)).headers["location"]
        brought = httpx.URL(back).params
        await installing.finish(begun.state, brought["auth_id"], brought["code"])

    async def check(self) -> None:
        """Everything is there, once, and fits together."""
        joined = await Joining(self.core).connection_of(self.key)
        assert joined is not None
        assert (joined.state, joined.sparkpay.url) == ("active", SHOP)
        assert (joined.sparklayer.client_id, joined.sparklayer.client_secret) == (
            f"client of {self.key.id}",
            "site-secret",
        )
        grant = await self.core.grants.get(joined.id)
        if self.oauth:
            assert self.shop.state.service.installed.admits(joined.sparkpay.token)
            assert grant is not None
            assert grant.token_digest == token_digest(joined.sparkpay.token)
        else:
            assert (joined.sparkpay.token, grant) == (SINGLE, None)
        mine = {"site_env": self.key.env, "site_id": self.key.id}
        async with self.core.database.read() as read:
            runs = (await read.execute(sa.select(sync_runs).where(sync_runs.c.connection == joined.id))).all()
            (site,) = (await read.execute(sa.select(ignite_sites).filter_by(**mine))).all()
            waiting = (await read.execute(sa.select(installed_stores).filter_by(**mine))).all()
        assert [(run.full_walk, run.state) for run in runs] == [(True, "requested")]
        assert (site.state, site.link, site.connection) == ("active", None, joined.id)
        assert waiting == []
        if self.link:
            with pytest.raises(InstallRefused):
                await self._installing().site_of(self.link)


@pytest_asyncio.fixture
async def world(database_url: str) -> AsyncIterator[tuple[Core, Any, Killer]]:
    clock, killer = SteppedClock(), Killer()
    settings = Settings(
        database_url=database_url,
        secret_key=SecretStr(KEY),
        public_url="http://us",
        sparklayer_test_url="http://layer",
        sparkpay_app_id=APP.id,
        sparkpay_app_secret=SecretStr(APP.secret),
    )
    store = pay.SparkPayStore(clock=clock.now)
    store.insert("stores", name="Shop")
    policy = pay.SandboxPolicy(token=SINGLE, limit=100_000, app_id=APP.id, app_secret=APP.secret)
    shop = pay.create_app(store, policy, sleep=clock.sleep)
    database = await Database.open(database_url, create=True)
    core = core_over(database.fenced(killer), settings, clock)
    try:  # calls are counted elsewhere: they are no steps of an installation
        yield replace(core, budgets=BudgetRows(database, clock)), shop, killer
    finally:
        await core.database.close()


@pytest.mark.parametrize("oauth", [True, False], ids=["oauth", "token"])
@pytest.mark.parametrize("first_again", [True, False], ids=["the-killed-one-again", "the-other-one-first"])
@pytest.mark.parametrize("begins", ["sparklayer", "merchant"])
async def test_killed_at_every_step_it_is_finished_by_repeating(
    world: tuple[Core, Any, Killer], begins: str, oauth: bool, first_again: bool
) -> None:
    core, shop, killer = world
    for number in range(100):
        scene = Scene(core, shop, SiteKey("test", f"site-{number}"), oauth=oauth)
        steps: list[Step] = [scene.sparklayer, scene.merchant]
        if begins == "merchant":
            steps.reverse()
        killer.left = number
        broken = False
        for place, step in enumerate(steps):
            try:
                await step()
            except Exception:  # noqa: BLE001 - whatever becomes of a process that is killed
                assert killer.left == 0, "nothing else may go wrong"
                broken, killer.left = True, None
                other = steps[1 - place]
                for again in (step,) if first_again else (other, step):
                    await again()
        killer.left = None
        await scene.check()
        if not broken:
            assert number > 5, "there are more steps than that"
            return
    pytest.fail("it never got to its end")
