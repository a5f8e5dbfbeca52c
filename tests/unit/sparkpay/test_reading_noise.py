import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from connector.clock import SteppedClock
from connector.errors import PayLayerError
from connector.sparkpay.calls import RetryPolicy
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.poller import Poller
from connector.sparkpay.query import Query
from tests.fakes.sparkpay_noise import Noise, Spoil, misleading, spoiled
from tests.fakes.sparkpay_ports import FakeBudget
from tests.fakes.sparkpay_shop import Shop, open_shop, synced

MANY = 20


async def page(client: SparkPayClient) -> None:
    found = await client.page("products", Query())
    assert all(isinstance(row["id"], int) for row in found.rows)


async def get(client: SparkPayClient) -> None:
    assert isinstance(await client.get("products", 1), dict)


async def select_many(client: SparkPayClient) -> None:
    async for found in client.select_many("products", [1, 2]):
        assert all(isinstance(row["id"], int) for row in found.rows)


async def single(client: SparkPayClient) -> None:
    assert isinstance(await client.single("inventory/settings"), dict)


async def failing_only_on_purpose(work: Awaitable[object]) -> None:
    with suppress(PayLayerError):
        await work


@pytest.mark.parametrize("call", [page, get, select_many, single])
@settings(max_examples=100)
@given(spoil=misleading)
def test_whatever_is_answered_the_client_gives_rows_or_a_typed_error(
    call: Callable[[SparkPayClient], Awaitable[None]], spoil: Spoil
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        status, body = spoil(b'{"total_count": 1, "products": [{"id": 1}], "id": 1}')
        return httpx.Response(status, content=body)

    async def run() -> None:
        client = SparkPayClient(
            "https://shop.example",
            SecretStr("made-up"),
            budget=FakeBudget(),
            transport=httpx.MockTransport(answer),
            clock=SteppedClock(),
            policy=RetryPolicy(attempts=1),
        )
        async with client:
            (ended,) = await asyncio.gather(call(client), return_exceptions=True)
        assert ended is None or isinstance(ended, PayLayerError)

    asyncio.run(run())


async def look(poller: Poller) -> None:
    await poller.poll_once()


async def catch_up(poller: Poller) -> None:
    await poller.catch_up()


async def full_sync(poller: Poller) -> None:
    await poller.full_sync("again")


async def limited(poller: Poller) -> None:
    await poller.full_sync("some", force=True, only=frozenset({"stock"}))


Work = Callable[[Poller], Awaitable[None]]


def live_positions(shop: Shop) -> dict[str, datetime]:
    found = {name: at for name, at in shop.memory.cursors.items() if name.startswith("live:")}
    return {name: datetime.fromisoformat(position["at"]) for name, position in found.items()}


@pytest.mark.parametrize("work", [look, catch_up, full_sync, limited])
@settings(max_examples=25)
@given(noise=st.lists(st.none() | misleading, max_size=12))
def test_whatever_is_answered_the_poller_fails_on_purpose_and_keeps_its_positions_within_time(
    work: Work, noise: list[Spoil | None]
) -> None:
    async def run() -> None:
        async with open_shop(products=12, skus=24, page_size=10) as shop:
            poller = await synced(shop)
            before = live_positions(shop)
            shop.wire._inner = Noise(shop.wire._inner, noise)
            for _ in range(2):
                await failing_only_on_purpose(work(poller))
            now = shop.client.server_clock.now()
            after = live_positions(shop)
            assert all(before[name] <= after[name] <= now for name in before)
            await poller.close()

    asyncio.run(run())


@settings(max_examples=25)
@given(
    noise=st.lists(st.none() | spoiled, max_size=40) | st.lists(spoiled, min_size=1, max_size=2),
    skipped=st.integers(0, 20) | st.integers(9, 14),  # about there it is products by their ids
    fresh_process=st.booleans(),
)
def test_no_change_is_lost_behind_answers_that_nobody_can_read(
    noise: list[Spoil | None], skipped: int, *, fresh_process: bool
) -> None:
    async def run() -> None:
        async with open_shop(page_size=10, expand_page_size=10) as shop:
            made = [shop.product(item_number=f"S-{n}", quantity_on_hand=0) for n in range(MANY)]
            poller = await synced(shop)
            for number, product in enumerate(made):
                if number % 2:
                    shop.store.update("products", product, quantity_on_hand=number)
                else:
                    shop.store.insert("product_pricing", product_id=product, price=3, starting_quantity=5)
                shop.clock.advance(1)
            quiet, shop.wire._inner = shop.wire._inner, Noise(shop.wire._inner, [*[None] * skipped, *noise])
            for _ in range(3):
                await failing_only_on_purpose(poller.poll_once())
                shop.clock.advance(200)  # whatever a position has passed lies beyond the overlap by now
            shop.wire._inner = quiet
            poller = shop.poller() if fresh_process else poller
            await poller.poll_once()
            stock = {key: event.data.levels[0].level for key, event in shop.outlet.newest("stock").items()}  # type: ignore[union-attr]
            assert stock == {f"S-{number}": number for number in range(1, MANY, 2)}
            assert shop.outlet.newest("price").keys() == {f"S-{number}" for number in range(0, MANY, 2)}

    asyncio.run(run())
