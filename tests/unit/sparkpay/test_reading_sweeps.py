import asyncio
from decimal import Decimal

import httpx
import pytest

from connector.sandbox.sparkpay.policy import SandboxPolicy
from connector.sparkpay.catalogue import SLICE
from tests.fakes.sparkpay_shop import TOKEN, open_shop, synced, told


@pytest.mark.parametrize("fresh_process", [True, False])
async def test_silent_changes_and_rows_without_a_time_are_found_by_sweeps(*, fresh_process: bool) -> None:
    async with open_shop(products=40, skus=120) as shop:
        poller = await synced(shop)
        if fresh_process:
            poller = shop.poller()
        stock = next(row for row in shop.store.rows("variant_inventory"))
        shop.store.update("variant_inventory", int(str(stock["id"])), touch=False, inventory=4321)
        hidden = shop.product(item_number="NO-TIME", updated_at=None, created_at=None)
        price = next(row for row in shop.store.rows("product_pricing") if row["price_calculation_id"] is None)
        shop.store.update("product_pricing", int(str(price["id"])), touch=False, price=Decimal("0.07"))
        assert (await poller.poll_once()).published == 0
        await poller.catch_up()
        events = told(shop.outlet.take())
        assert ("stock", stock["item_number"]) in events
        assert ("product", f"sparkpay:{hidden}") in events
        assert any(name == "price" for name, _ in events)
        shop.wire.requests.clear()
        assert (await poller.catch_up()).published == 0
        # Looks at ten resources, what is hidden in stores, and the sweep: products, combinations, prices.
        assert shop.calls <= 10 + 1 + 3


async def test_a_product_that_is_shown_again_in_the_store_is_found_by_a_sweep() -> None:
    async with open_shop(products=10, skus=20) as shop:
        poller = await synced(shop)
        product = int(str(shop.store.rows("products")[0]["id"]))
        store = int(str(shop.store.rows("stores")[0]["id"]))
        hidden = shop.store.insert("product_inactive_in_store", item_id=product, store_id=store)
        shop.clock.advance(5)
        await poller.catch_up()
        assert ("product", f"sparkpay:{product}") in told(shop.outlet.take())
        shop.store.delete("product_inactive_in_store", int(str(hidden["id"])))
        shop.clock.advance(5)
        await poller.catch_up()
        assert ("product", f"sparkpay:{product}") in told(shop.outlet.take())


async def test_a_product_that_is_shown_again_is_found_by_the_steps_alone_and_past_the_cache() -> None:
    """A row that is gone shows in no change, and the platform's cache has it for minutes: also for a new process."""
    values = {"poll.stock_sweep_seconds": "60"}
    async with open_shop(values=values, policy=SandboxPolicy(token=TOKEN, limit=1_000_000, cache_seconds=900)) as shop:
        first, second = shop.product(item_number="S-1"), shop.product(item_number="S-2")
        rows = [shop.store.insert("product_inactive_in_store", item_id=item, store_id=1) for item in (first, second)]
        await synced(shop)
        for row, item in zip(rows, (first, second), strict=True):
            shop.store.delete("product_inactive_in_store", int(str(row["id"])))
            poller = shop.poller()  # the process was started anew
            while ("product", f"sparkpay:{item}") not in told(shop.outlet.take()):
                shop.clock.advance(max(await poller.step(), 1.0))
                assert shop.calls < 200
        assert shop.app.state.journal.stats()["cached_reads"] > 0, "the cache was there to be fallen for"


async def test_steps_sweep_by_themselves_within_their_share() -> None:
    values = {"sparkpay.limit": "5", "poll.stock_sweep_seconds": "60", "poll.idle_share": "0.05"}
    async with open_shop(products=30, skus=60, page_size=10, values=values) as shop:
        poller = await synced(shop)
        product = int(str(shop.store.rows("products")[0]["id"]))
        shop.store.update("products", product, touch=False, item_name="Silently renamed", quantity_on_hand=77)
        start, sweeps = shop.clock.now(), 0
        while not shop.outlet.events:
            wait = await poller.step()
            sweeps = sum(path in ("products", "variant_inventory") for path in shop.wire.paths)
            shop.clock.advance(max(wait, 0.1))
            assert (shop.clock.now() - start).total_seconds() < 3600
        assert sweeps > 0
        for _ in range(400):
            shop.clock.advance(max(await poller.step(), 0.1))
        seconds = (shop.clock.now() - start).total_seconds()
        # 0.5 calls a second: 5 % for idle looks, 10 % for sweeps, and the looks right after the start.
        assert shop.calls / seconds <= 0.5 * 0.15 * 1.2 + 40 / seconds
        await poller.close()


async def test_before_the_first_full_sync_nothing_is_swept() -> None:
    async with open_shop() as shop:
        shop.product(item_number="OLD")
        shop.clock.advance(600)
        poller = shop.poller()
        for _ in range(5):
            shop.clock.advance(max(await poller.step(), 1))
        assert shop.outlet.events == []
        shop.product(item_number="NEW")
        shop.clock.advance(60)
        await poller.step()
        assert ("stock", "NEW") in told(shop.outlet.take())


async def test_a_change_of_reference_data_within_a_sweep_begins_it_again() -> None:
    async with open_shop(products=SLICE + 30, page_size=100) as shop:
        poller = await synced(shop)
        shop.clock.advance(1000)
        await poller.sweep_step()  # the first stretch of a sweep is done
        shop.store.update("product_statuses", 1, is_hidden=True)
        shop.clock.advance(1)
        await poller.look_step()
        while shop.memory.cursors.get("sweep:changes", {}).get("finished") is None:
            shop.clock.advance(max(await poller.sweep_step(), 0.1))
        retired = {
            row["product_id"] if "product_id" in row else row["id"]
            for row in [*shop.store.rows("products"), *shop.store.rows("variant_inventory")]
            if row["product_status_id"] == 1
        }
        told_of = {int(key.removeprefix("sparkpay:")) for key in shop.outlet.newest("product")}
        assert len(told_of) > SLICE / 2
        assert told_of <= retired
        await poller.close()


async def test_a_status_that_changes_its_meaning_walks_all_products() -> None:
    async with open_shop() as shop:
        made = [shop.product(item_number=f"S-{n}") for n in range(3)]
        poller = await synced(shop)
        shop.store.update("product_statuses", 1, is_hidden=True)
        shop.clock.advance(1)
        await poller.catch_up()
        assert {key for name, key in told(shop.outlet.take()) if name == "product"} == {
            f"sparkpay:{product}" for product in made
        }


async def test_looking_goes_on_while_a_sweep_waits_for_its_turn() -> None:
    async with open_shop(products=30) as shop:
        poller = await synced(shop)
        shop.clock.advance(1000)
        released = asyncio.Event()

        async def hold(request: httpx.Request) -> None:
            if "is_child_product" in str(request.url) and "expand" not in str(request.url):
                await released.wait()  # the sweep's own reading of products

        shop.wire.before = hold
        sweeping = asyncio.create_task(poller.sweep_step())
        await asyncio.sleep(0)
        product = int(str(shop.store.rows("products")[0]["id"]))
        shop.store.update("products", product, quantity_on_hand=4242)
        shop.clock.advance(1)
        await poller.look_step()
        assert len(shop.outlet.events) == 1
        assert not sweeping.done()
        released.set()
        await sweeping
        await poller.close()
