"""Tokens: bought once, kept, renewed in time, and what happens when they are refused."""

import asyncio
import traceback
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connector.clock import SteppedClock
from connector.errors import ContractFault, CredentialsRefused, TargetIll, Throttled, Unavailable
from connector.sandbox.sparklayer import FaultRule
from connector.sparklayer import CallGate, Credentials, GatePolicy, MemoryTokenStore, SparkLayerClient, Token
from connector.sparklayer.token_keeper import TokenKeeper


async def test_many_tasks_share_one_token_call(client: SparkLayerClient, rig: Any) -> None:
    await asyncio.gather(*(client.stock_locations.all() for _ in range(20)))
    assert (rig.journal.token_calls, rig.journal.calls) == (1, 20)


async def test_it_is_renewed_a_minute_before_it_ends(client: SparkLayerClient, rig: Any) -> None:
    await client.stock_locations.all()
    rig.clock.advance(3539)
    await client.stock_locations.all()
    assert rig.journal.token_calls == 1
    rig.clock.advance(1)
    await asyncio.gather(*(client.stock_locations.all() for _ in range(5)))
    assert rig.journal.token_calls == 2
    assert "401" not in rig.journal.by_status


async def test_a_stored_token_is_used_until_it_is_near_its_end(rig: Any) -> None:
    store = MemoryTokenStore()
    await rig.client(tokens=store).stock_locations.all()
    again = rig.client(tokens=store)
    await again.stock_locations.all()
    assert rig.journal.token_calls == 1
    rig.clock.advance(3541)
    await rig.client(tokens=store).stock_locations.all()
    assert rig.journal.token_calls == 2
    # The first one's own copy is as old; it finds the new one in the store.
    await again.stock_locations.all()
    assert rig.journal.token_calls == 2


class Together(httpx.ASGITransport):
    """Lets the first calls through only when so many have come, so that all of them carry the same token."""

    def __init__(self, app: Any, calls: int) -> None:
        super().__init__(app)
        self.barrier, self.left = asyncio.Barrier(calls), calls

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.left and request.url.path != "/api/auth/token":
            self.left -= 1
            await self.barrier.wait()
        return await super().handle_async_request(request)


async def test_401s_at_once_are_repaired_by_one_renewal(rig: Any) -> None:
    client = rig.client(transport=Together(rig.app, 4))
    await client.check_token()
    rig.service.tokens.revoke(keys=False)
    answers = await asyncio.gather(*(client.stock_locations.all() for _ in range(4)))
    assert all(len(rows) == 1 for rows in answers)
    assert rig.journal.token_calls == 2
    assert rig.journal.by_status == {"401": 4, "200": 4}


async def test_a_write_after_a_401_is_applied_once(client: SparkLayerClient, rig: Any) -> None:
    await client.check_token()
    rig.service.tokens.revoke(keys=False)
    await client.stock_locations.create("w", "W")
    assert rig.journal.by_status == {"401": 1, "201": 1}


async def test_revoked_keys_are_refused_with_one_token_call_for_all(client: SparkLayerClient, rig: Any) -> None:
    await client.check_token()
    rig.service.tokens.revoke(keys=True)
    results = await asyncio.gather(*(client.stock_locations.all() for _ in range(4)), return_exceptions=True)
    assert [type(result) for result in results] == [CredentialsRefused] * 4
    assert rig.journal.token_calls == 2
    error = results[0]
    assert (error.code, error.status, error.endpoint) == ("credentials", 401, "POST /api/auth/token")
    rig.service.tokens.revoke(keys=False)
    assert len(await client.stock_locations.all()) == 1


async def test_a_second_401_in_a_row_is_final(rig_of: Any) -> None:
    rig = rig_of(token_seconds=0)  # tokens that are dead at once
    dead = rig.client()
    with pytest.raises(CredentialsRefused) as caught:
        await dead.stock_locations.all()
    assert caught.value.code == "credentials"
    assert rig.journal.by_status == {"401": 2}
    assert rig.journal.token_calls == 2


async def test_a_token_that_dies_while_its_call_waits_is_not_sent(client: SparkLayerClient, rig: Any) -> None:
    await client.check_token()
    rig.service.policy = replace(rig.service.policy, retry_after_seconds=3600, retry_after_form="seconds")
    rig.faults.add(FaultRule("status", status=429))
    with pytest.raises(Throttled):
        await client.stock_locations.all()
    await client.stock_locations.all()
    assert rig.clock.monotonic() == 3600
    assert rig.journal.by_status == {"429": 1, "200": 1}
    assert rig.journal.token_calls == 2


async def test_a_missing_scope_is_told_apart_and_costs_no_renewal(rig_of: Any) -> None:
    rig = rig_of(scopes=frozenset({"setup.read"}))
    client = rig.client()
    with pytest.raises(CredentialsRefused) as caught:
        await client.stock_locations.create("w", "W")
    assert (caught.value.code, caught.value.status) == ("scope", 403)
    assert rig.journal.token_calls == 1


async def test_trouble_of_the_token_call_is_not_taken_for_wrong_keys(client: SparkLayerClient, rig: Any) -> None:
    token = "/api/auth/token"
    rig.faults.add(FaultRule("status", path=token, status=503), FaultRule("drop_before", path=token))
    rig.faults.add(FaultRule("status", path=token, status=429))
    for kind in (TargetIll, TargetIll, Throttled):
        with pytest.raises(kind):
            await client.stock_locations.all()
    assert rig.gate.hold_left == 1
    await client.stock_locations.all()
    assert rig.clock.monotonic() == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"access_token":7}', b'{"access_token":"x","expires_in":"1"}', b"<html>"]
)
async def test_a_token_answer_of_another_shape_says_nothing_of_its_content(rig: Any, body: bytes) -> None:
    client = rig.client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    with pytest.raises(ContractFault) as caught:
        await client.check_token()
    assert caught.value.endpoint == "POST /api/auth/token"


async def test_neither_secret_nor_token_shows() -> None:
    keys = Credentials("id-1", "hush")
    token = Token("hush", SteppedClock().now())
    assert "hush" not in f"{keys!r} {keys} {token!r} {token}"


class Mint:
    """Hands out numbered tokens when told to."""

    def __init__(self, clock: SteppedClock) -> None:
        self.clock, self.made, self.go = clock, 0, asyncio.Event()

    async def __call__(self) -> Token:
        self.made += 1
        number = self.made
        await self.go.wait()
        return Token(f"t{number}", self.clock.now() + timedelta(hours=1))


async def test_a_caller_that_gives_up_does_not_take_the_token_from_the_others() -> None:
    clock = SteppedClock()
    mint = Mint(clock)
    keeper = TokenKeeper(mint, MemoryTokenStore(), clock)
    first, second = asyncio.create_task(keeper.current()), asyncio.create_task(keeper.current())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    mint.go.set()
    assert (await second).value == "t1"
    assert first.cancelled() or first.done()
    assert mint.made == 1


async def test_a_late_refusal_of_an_old_token_does_not_buy_another() -> None:
    clock = SteppedClock()
    mint = Mint(clock)
    mint.go.set()
    keeper = TokenKeeper(mint, MemoryTokenStore(), clock)
    old = await keeper.current()
    new = await keeper.renew(old)
    assert (await keeper.renew(old), mint.made) == (new, 2)
    assert await keeper.current() == new


async def test_another_process_has_renewed_already() -> None:
    clock = SteppedClock()
    mint = Mint(clock)
    mint.go.set()
    store = MemoryTokenStore()
    mine, other = TokenKeeper(mint, store, clock), TokenKeeper(mint, store, clock)
    old = await mine.current()
    assert await other.current() == old
    new = await other.renew(old)
    assert await mine.renew(old) == new
    assert mint.made == 2


async def test_closing_ends_a_renewal_and_a_failing_store_is_heard() -> None:
    clock = SteppedClock()
    mint = Mint(clock)
    keeper = TokenKeeper(mint, MemoryTokenStore(), clock)
    waiting = asyncio.create_task(keeper.current())
    await asyncio.sleep(0)
    await keeper.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    class Broken(MemoryTokenStore):
        async def load(self) -> Token | None:
            raise Unavailable("no database")

    with pytest.raises(Unavailable):
        await TokenKeeper(mint, Broken(), clock).current()


def site(answers: Any) -> SparkLayerClient:
    """A site whose every answer is made by a function."""
    clock = SteppedClock()
    return SparkLayerClient(
        "https://site.example",
        "acme",
        Credentials("client", "the-client-secret"),
        transport=httpx.MockTransport(answers),
        clock=clock,
        gate=CallGate(GatePolicy(), clock),
    )


async def test_a_site_that_sells_the_refused_token_again_is_not_asked_for_ever() -> None:
    calls: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        same = {"access_token": "the-same", "expires_in": 3600}
        return httpx.Response(200, json=same) if "token" in request.url.path else httpx.Response(401)

    async with site(answers) as client:
        with pytest.raises(CredentialsRefused):
            await client.stock_locations.all()
    assert len(calls) == 5


@pytest.mark.parametrize("token", ["a\nb", "two words", "é", ""])
async def test_a_token_that_no_header_takes_is_no_token(token: str) -> None:
    async with site(lambda _request: httpx.Response(200, json={"access_token": token, "expires_in": 60})) as client:
        with pytest.raises(ContractFault) as caught:
            await client.check_token()
    assert not token or token not in str(caught.value)


async def test_a_token_of_any_life_is_taken() -> None:
    for life in ("1e400", "-5", "9" * 400):
        body = f'{{"access_token": "t", "expires_in": {life}}}'.encode()
        async with site(lambda _request, body=body: httpx.Response(200, content=body)) as client:
            await client.check_token()


async def test_an_error_about_headers_does_not_show_them() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError("Illegal header value b'the-client-secret'", request=request)

    async with site(broken) as client:
        with pytest.raises(TargetIll) as caught:
            await client.check_token()
    assert "secret" not in "".join(traceback.format_exception(caught.value))
