"""Renewing an installed app's token: in time, once over all processes, and never losing the refresh token."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from connector.app.core import Core, open_core
from connector.app.token_renewal import LONGEST_SECONDS, REFUSED_SECONDS, RETRY_SECONDS, TokenRenewal
from connector.clock import SteppedClock
from connector.sandbox.sparkpay import SandboxPolicy, SparkPayStore, create_app
from connector.settings import Settings
from connector.sparkpay.oauth import StoreApp, StoreOAuth
from connector.state.connections import SparkLayerAccess, SparkPayAccess
from connector.state.oauth import Handshake

APP = StoreApp("4711", "app-secret-9f")
BACK = "https://us.example/cb"
KEY = "renewal-tests-only-0123456789-0123456789"


class Stage:
    def __init__(self, core: Core, clock: SteppedClock) -> None:
        self.core, self.clock = core, clock
        self.app = create_app(
            SparkPayStore(clock=clock.now), SandboxPolicy(token="t", app_id=APP.id, app_secret=APP.secret)
        )
        self.installed = self.app.state.service.installed
        self.wire = httpx.ASGITransport(self.app)

    def renewal(self) -> TokenRenewal:
        return TokenRenewal(self.core, "acme", lambda _: self.wire)

    async def install(self) -> None:
        where = httpx.URL(self.installed.consent({"client_id": APP.id, "scope": "x", "redirect_uri": BACK}))
        oauth = StoreOAuth("http://pay", self.clock, self.wire)
        brought = where.params
        grant = await oauth.grant(APP, brought["auth_id"], brought["code"], scope="x", redirect_uri=BACK)
        await self.core.connections.add(
            "acme", SparkPayAccess("http://pay", grant.token), SparkLayerAccess("http://l", "tools", "test", "c", "s")
        )
        await self.core.grants.save(
            "acme", app_id=APP.id, app_secret=APP.secret, refresh_token=grant.refresh_token, token=grant.token,
            expires_at=grant.expires_at,
        )  # fmt: skip

    async def token(self) -> str:
        return (await self.core.connections.get("acme")).sparkpay.token


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    clock = SteppedClock()
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'state.sqlite3'}", secret_key=SecretStr(KEY))
    async with open_core(settings, clock) as core:
        made = Stage(core, clock)
        await made.install()
        yield made


async def test_a_token_is_renewed_at_four_fifths_of_its_life(stage: Stage) -> None:
    first = await stage.token()
    assert await stage.renewal().step() == pytest.approx(2880)
    stage.clock.advance(2879)
    await stage.renewal().step()
    assert await stage.token() == first
    stage.clock.advance(2)
    assert await stage.renewal().step() == 0.0
    second = await stage.token()
    assert (second != first, stage.installed.admits(second), stage.installed.refreshes) == (True, True, 1)
    assert (await stage.core.connections.get("acme")).version == 2
    stage.clock.advance(3600)
    assert await stage.renewal().step() == 0.0
    assert await stage.token() not in (first, second)


async def test_many_processes_renew_it_once(stage: Stage) -> None:
    stage.clock.advance(3000)
    waits = await asyncio.gather(*(stage.renewal().step() for _ in range(20)))
    assert stage.installed.refreshes == 1
    assert waits.count(0.0) == 1
    assert all(wait in (0.0, RETRY_SECONDS) or wait > RETRY_SECONDS for wait in waits)


async def test_a_process_that_died_at_it_holds_nobody_up_for_long(stage: Stage) -> None:
    stage.clock.advance(3000)
    grant = await stage.core.grants.get("acme")
    assert grant is not None
    assert await stage.core.grants.claim("acme", grant)
    assert await stage.renewal().step() == RETRY_SECONDS
    stage.clock.advance(61)
    assert await stage.renewal().step() == 0.0


async def test_a_refused_renewal_is_kept_as_a_problem(stage: Stage) -> None:
    stage.installed.revoke()
    stage.clock.advance(3000)
    assert await stage.renewal().step() == REFUSED_SECONDS
    grant = await stage.core.grants.get("acme")
    assert grant is not None
    assert "install it again" in (grant.problem or "")
    assert APP.secret not in (grant.problem or "")


async def test_a_token_given_by_hand_ends_the_grant(stage: Stage) -> None:
    await stage.core.connections.update("acme", sparkpay=SparkPayAccess("http://pay", "single-token"))
    assert await stage.renewal().step() == LONGEST_SECONDS
    assert await stage.core.grants.get("acme") is None
    assert await stage.renewal().step() == LONGEST_SECONDS
    await stage.core.connections.remove("acme")
    assert await stage.renewal().step() == LONGEST_SECONDS


class Answering(httpx.AsyncBaseTransport):
    """The store; something happens between its answer and our hearing of it."""

    def __init__(self, stage: Stage, happens: Callable[[], Awaitable[object]]) -> None:
        self._stage, self._happens = stage, happens

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._stage.wire.handle_async_request(request)
        await self._happens()
        return answer


async def test_a_token_that_is_set_by_hand_during_a_renewal_stays(stage: Stage) -> None:
    stage.clock.advance(3000)
    by_hand = SparkPayAccess("http://pay", "single-token")
    wire = Answering(stage, lambda: stage.core.connections.update("acme", sparkpay=by_hand))
    await TokenRenewal(stage.core, "acme", lambda _: wire).step()
    assert await stage.token() == "single-token"
    assert await stage.renewal().step() == LONGEST_SECONDS
    assert await stage.core.grants.get("acme") is None


@pytest.mark.parametrize("refused", [False, True])
async def test_a_grant_that_comes_during_a_renewal_stays(stage: Stage, refused: bool) -> None:
    stage.clock.advance(3000)
    later = stage.clock.now() + timedelta(hours=2)

    async def install_again() -> None:
        await stage.core.connections.update("acme", sparkpay=SparkPayAccess("http://pay", "newer"))
        await stage.core.grants.save(
            "acme", app_id=APP.id, app_secret=APP.secret, refresh_token="newer-refresh", token="newer", expires_at=later
        )

    if refused:
        stage.installed.revoke()
    await TokenRenewal(stage.core, "acme", lambda _: Answering(stage, install_again)).step()
    assert await stage.token() == "newer"
    grant = await stage.core.grants.get("acme")
    assert grant is not None
    assert (grant.refresh_token, grant.expires_at, grant.problem) == ("newer-refresh", later, None)


async def test_a_token_without_its_grant_drops_only_the_grant_of_another(stage: Stage) -> None:
    """An installation stores the token first: whoever looks in between must not take the grant that comes next."""
    seen = await stage.core.grants.get("acme")
    assert seen is not None
    stage.clock.advance(1)
    await stage.core.grants.save(
        "acme", app_id=APP.id, app_secret=APP.secret, refresh_token="r2", token="newer", expires_at=stage.clock.now()
    )
    await stage.core.grants.forget("acme", seen)
    assert await stage.core.grants.get("acme") is not None


async def test_an_expired_token_is_waited_for_while_another_process_renews_it(stage: Stage) -> None:
    first = await stage.token()
    stage.clock.advance(4000)
    grant = await stage.core.grants.get("acme")
    assert grant is not None
    assert await stage.core.grants.claim("acme", grant)
    waiting = asyncio.create_task(stage.renewal().ready())
    while stage.clock.monotonic() < 4003:
        await asyncio.sleep(0)
    assert not waiting.done()
    new = stage.clock.now() + timedelta(hours=1)
    assert await stage.core.grants.renewed("acme", grant, token="second", refresh_token="r", expires_at=new)
    await waiting
    assert stage.clock.monotonic() < 4060
    assert await stage.token() == "second" != first


async def test_nobody_waits_for_a_process_that_died_at_it(stage: Stage) -> None:
    stage.clock.advance(4000)
    grant = await stage.core.grants.get("acme")
    assert grant is not None
    await stage.core.grants.claim("acme", grant)
    stage.clock.advance(61)
    await stage.renewal().ready()
    assert stage.installed.refreshes == 1


async def test_a_handshake_is_taken_once_and_in_time(stage: Stage) -> None:
    begun = Handshake("test", "tools", "http://pay", APP.id, APP.secret, "x")
    handshakes = stage.core.handshakes
    state = await handshakes.begin(begun)
    assert await handshakes.take(state + "x") is None
    results = await asyncio.gather(*(handshakes.take(state) for _ in range(5)))
    assert [result for result in results if result is not None] == [begun]
    late = await handshakes.begin(begun)
    stage.clock.advance(901)
    assert await handshakes.take(late) is None
    assert APP.secret not in repr(begun)
