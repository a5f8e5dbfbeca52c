import asyncio

import httpx
import pytest

from connector.errors import CredentialsRefused, PlatformError, TargetIll, Unavailable
from connector.sandbox.sparkpay import FaultRule, SandboxPolicy
from tests.fakes.sparkpay_shop import open_shop, synced, told


async def test_a_live_poll_and_a_full_sync_side_by_side_never_go_back() -> None:
    async with open_shop(products=50, page_size=10) as shop:
        poller = await synced(shop)
        target = shop.product(item_number="T")

        def meddle(_: httpx.Request) -> None:
            shop.clock.advance(0.5)
            if shop.calls % 3 == 0:
                shop.store.update("products", target, quantity_on_hand=shop.calls)

        shop.wire.before = meddle

        async def look() -> None:
            for _ in range(20):
                await poller.poll_once()

        await asyncio.gather(look(), poller.full_sync("again"), look())
        shop.wire.before = None
        await poller.catch_up()
        levels = [
            event.data.levels[0].level
            for event in shop.outlet.events
            if told([event]) == [("stock", "T")]  # type: ignore[union-attr]
        ]
        times = [event.time for event in shop.outlet.events if told([event]) == [("stock", "T")]]
        assert levels == sorted(levels)
        assert times == sorted(times)
        assert levels[-1] == shop.store.get("products", target)["quantity_on_hand"]  # type: ignore[index]


async def test_failures_leave_the_position_where_it_was() -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="A")
        poller = await synced(shop)
        shop.store.update("products", product, quantity_on_hand=1)
        shop.clock.advance(1)
        before = {name: position for name, position in shop.memory.cursors.items() if name.startswith("live")}
        shop.outlet.broken = True
        with pytest.raises(Unavailable):
            await poller.poll_once()
        shop.outlet.broken = False
        rules = shop.app.state.faults  # type: ignore[attr-defined]
        rules.add(FaultRule("status", path="*/product_pricing", status=503, times=None))
        with pytest.raises(TargetIll):
            await poller.poll_once()
        rules.clear()
        assert {name: shop.memory.cursors[name] for name in before} == before
        await poller.poll_once()
        assert told(shop.outlet.take()) == [("stock", "A")]


async def test_a_revoked_token_is_told_as_such() -> None:
    async with open_shop(policy=SandboxPolicy(token="new", limit=100)) as shop:
        poller = shop.poller()
        for work in (poller.poll_once, poller.catch_up):
            with pytest.raises(CredentialsRefused):
                await work()
        with pytest.raises(PlatformError):
            await poller.full_sync("r")
        assert shop.memory.cursors == {}
