import asyncio

import httpx
import pytest

from connector.ports import Priority
from connector.sparkpay.catalogue import SLICE
from contracts.events import is_deletion
from tests.fakes.sparkpay_shop import open_shop, synced, told


class Counts:
    def __init__(self) -> None:
        self.read = self.published = self.skipped = 0

    async def __call__(self, *, read: int = 0, published: int = 0, skipped: int = 0) -> None:
        self.read += read
        self.published += published
        self.skipped += skipped


async def test_a_full_sync_publishes_everything_once_and_says_how_far_it_is() -> None:
    async with open_shop(products=60, skus=200) as shop:
        counts = Counts()
        poller = shop.poller()
        result = await poller.full_sync("r1", counts)
        assert counts.read == 60
        assert counts.published == result.published == len(shop.outlet.events)
        assert set(shop.outlet.priorities) == {Priority.SYNC}
        assert "full:r1" not in shop.memory.cursors
        assert await shop.poller().full_sync("r2") == type(result)()
        first = shop.outlet.take()
        assert (await poller.full_sync("r3", force=True)).published == len(first)
        assert sorted(told(shop.outlet.take())) == sorted(told(first))


async def test_a_position_is_stored_only_after_the_bus_and_the_memory_have_everything() -> None:
    async with open_shop(products=SLICE + 50) as shop:
        shop.memory.log = shop.outlet.log
        await shop.poller().full_sync("r1")
        log = [
            entry for entry in shop.outlet.log if not entry.startswith(("cursor live", "cursor sweep", "cursor store"))
        ]
        assert log == [
            *["remember", "publish", "remember", "cursor full:r1"] * 2,  # doubts, events, what is certain
            "cursor full:r1",
            "cursor walked",
            "cursor full:r1",  # this part is through
            "cursor full:r1",  # the run is over
        ]


async def test_a_full_sync_can_stop_at_any_call_and_go_on() -> None:
    async with open_shop(products=45, skus=120, page_size=10) as shop:
        await shop.poller().full_sync("whole")
        expected = shop.outlet.newest("product").keys(), shop.outlet.newest("price").keys()
        total = shop.calls
        for stop_at in range(1, total, 3):
            shop.memory.kept.clear()
            shop.memory.cursors.clear()
            shop.outlet.take()
            start = shop.calls

            def stop(_: httpx.Request, limit: int = start + stop_at) -> None:
                if shop.calls == limit:
                    raise asyncio.CancelledError

            shop.wire.before = stop
            with pytest.raises(asyncio.CancelledError):
                await shop.poller().full_sync("r")
            shop.wire.before = None
            reached = shop.memory.cursors.get("full:r", {}).get("after", 0)
            await shop.poller().full_sync("r")
            assert (shop.outlet.newest("product").keys(), shop.outlet.newest("price").keys()) == expected
            ids = [event.id for event in shop.outlet.events]
            assert len(ids) == len(set(ids)), f"stopped at call {stop_at}, after product {reached}"


async def test_nothing_is_lost_while_rows_shift_under_a_full_sync() -> None:
    async with open_shop(products=60, skus=100, page_size=10) as shop:
        poller = shop.poller()

        def meddle(request: httpx.Request) -> None:
            if request.url.path.endswith("/products") and shop.calls % 2:
                shop.clock.advance(1)
                first = shop.store.rows("products")[0]
                shop.store.delete("products", int(str(first["id"])))
                shop.product(item_number=f"NEW-{shop.calls}")

        shop.wire.before = meddle
        await poller.full_sync("r")
        shop.wire.before = None
        await poller.catch_up()
        products = {key for key, event in shop.outlet.newest("product").items() if not is_deletion(event)}
        assert products == {f"sparkpay:{row['id']}" for row in shop.store.rows("products")}


async def test_what_changes_during_the_first_walk_is_found_by_the_live_poll() -> None:
    async with open_shop(page_size=10) as shop:
        first = shop.product(item_number="FIRST", quantity_on_hand=1)
        for n in range(30):
            shop.product(item_number=f"S-{n}")

        def meddle(request: httpx.Request) -> None:
            if "id=gt:10&" in str(request.url):  # the first page has been read
                shop.store.update("products", first, quantity_on_hand=2)
            shop.clock.advance(300)  # a long walk: further than the overlap reaches back from its end

        poller = shop.poller()
        shop.wire.before = meddle
        await poller.full_sync("r")
        shop.wire.before = None
        assert shop.outlet.newest("stock")["FIRST"].data.levels[0].level == 1  # type: ignore[union-attr]
        await poller.poll_once()
        assert shop.outlet.newest("stock")["FIRST"].data.levels[0].level == 2  # type: ignore[union-attr]


async def test_reference_data_that_changes_during_a_full_sync_is_swept_right_after_it() -> None:
    async with open_shop(page_size=10) as shop:
        for n in range(30):
            shop.product(item_number=f"S-{n}")
        poller = await synced(shop)

        async def meddle(request: httpx.Request) -> None:
            if "id=gt:20&" in str(request.url) and not shop.store.get("product_statuses", 1)["is_hidden"]:  # type: ignore[index]
                shop.store.update("product_statuses", 1, is_hidden=True)
                shop.clock.advance(1)
                shop.wire.before = None
                await poller.poll_once()

        shop.wire.before = meddle
        await poller.full_sync("again")
        for _ in range(40):
            shop.clock.advance(min(await poller.sweep_step(), 5) + 0.1)
        assert len(shop.outlet.newest("product")) == 30
        await poller.close()
