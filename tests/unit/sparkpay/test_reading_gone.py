import httpx
import pytest

from connector.errors import ConfirmationNeeded
from connector.sparkpay.gone import ALWAYS_ALLOWED
from connector.sparkpay.poller import Poller
from contracts.events import is_deletion
from tests.fakes.sparkpay_shop import Shop, open_shop, synced, told


async def test_a_deleted_product_is_seen_by_its_children_and_by_the_sweep() -> None:
    async with open_shop() as shop:
        keep, drop = shop.product(item_number="K"), shop.product(item_number="D")
        poller = await synced(shop)
        shop.store.delete("products", drop)
        await poller.poll_once()
        assert shop.outlet.take() == []
        await poller.catch_up()
        events = shop.outlet.take()
        assert told(events) == [("product", f"sparkpay:{drop}"), ("price", "D"), ("stock", "D")]
        assert all(is_deletion(event) for event in events)
        assert f"products/{drop}" in shop.wire.paths
        assert f"products/{keep}" not in shop.wire.paths


async def test_a_product_that_a_list_leaves_out_is_not_deleted_unless_confirmed() -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="K")
        poller = await synced(shop)
        shop.memory.kept["product", "sparkpay:999"] = shop.memory.kept["product", f"sparkpay:{product}"]

        class Stubborn(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                if request.url.path.endswith("/products"):
                    return httpx.Response(200, json={"total_count": 0, "products": []})
                return await inner.handle_async_request(request)

        inner, shop.wire._inner = shop.wire._inner, Stubborn()
        await poller.catch_up()
        assert shop.outlet.take() == []


async def test_the_sweep_for_deletions_reads_ids_and_what_is_hidden_alone() -> None:
    values = {"poll.stock_sweep_seconds": "1000000", "poll.deletion_sweep_seconds": "60"}
    async with open_shop(values=values) as shop:
        made = [shop.product(item_number=f"S-{n}") for n in range(4)]
        poller = await synced(shop)
        for product in made[1:3]:
            shop.store.delete("products", product)
        await poller.sweep_step()
        shop.clock.advance(await poller.sweep_step())
        await poller.sweep_step()
        assert [key for name, key in told(shop.outlet.take()) if name == "product"] == [
            f"sparkpay:{product}" for product in made[1:3]
        ]
        hidden, ids, *products = shop.wire.paths
        assert (hidden, ids) == ("product_inactive_in_store", "products")
        assert products == [f"products/{made[1]}", f"products/{made[2]}"]
        assert "fields=id&" in str(shop.wire.requests[1].url)
        shop.clock.advance(await poller.sweep_step())
        assert await poller.sweep_step() == 60
        assert shop.calls == 4


async def of_many(shop: Shop, count: int) -> tuple[Poller, list[int]]:
    made = [shop.product(item_number=f"S-{n}") for n in range(count)]
    return await synced(shop), made


async def sweep(poller: Poller, shop: Shop) -> None:
    for _ in range(5):
        shop.clock.advance(max(await poller.sweep_step(), 0.1))


@pytest.mark.parametrize("fresh_process", [True, False])
@pytest.mark.parametrize("way", ["catch_up", "sweep", "full_sync", "limited"])
async def test_too_many_deletions_at_once_stop_everything_until_a_person_says_so(
    way: str, *, fresh_process: bool
) -> None:
    values = {"poll.stock_sweep_seconds": "1000000", "poll.deletion_sweep_seconds": "60"}
    async with open_shop(values=values, page_size=50) as shop:
        poller, made = await of_many(shop, 150)
        poller = shop.poller() if fresh_process else poller
        for product in made[-31:]:
            shop.store.delete("products", product)
        remembered, cursors = dict(shop.memory.kept), dict(shop.memory.cursors)

        async def work(poller: Poller) -> None:
            match way:
                case "catch_up":
                    await poller.catch_up()
                case "sweep":
                    await sweep(poller, shop)
                case "full_sync":
                    await poller.full_sync("r")
                case _:
                    await poller.full_sync("r", only=frozenset({"stock"}))

        if way == "limited":
            await work(poller)
        else:
            with pytest.raises(ConfirmationNeeded, match=r"31 or more.*acme.*at most 30.*poll\.deletions_at_once=1"):
                await work(poller)
        assert shop.outlet.take() == []
        assert shop.memory.kept == remembered
        finished = {name: position.get("finished") for name, position in shop.memory.cursors.items()}
        assert {name: finished[name] for name in cursors} == {name: at.get("finished") for name, at in cursors.items()}
        assert not any("/" in path for path in set(shop.wire.paths) - {"products/select_many", "inventory/settings"})
        if way != "limited":
            shop.settings = shop.settings.with_values({"poll.deletions_at_once": "1"})
            await work(shop.poller())
            gone = [key for kind, key in told(shop.outlet.take()) if kind == "product"]
            assert gone == [f"sparkpay:{product}" for product in made[-31:]]


async def test_as_many_deletions_as_allowed_are_told() -> None:
    async with open_shop() as shop:
        poller, made = await of_many(shop, 150)
        for product in made[:30]:
            shop.store.delete("products", product)
        await poller.catch_up()
        assert sum(kind == "product" for kind, _ in told(shop.outlet.take())) == 30


async def test_a_small_catalogue_may_vanish() -> None:
    async with open_shop() as shop:
        poller, made = await of_many(shop, ALWAYS_ALLOWED)
        for product in made:
            shop.store.delete("products", product)
        await poller.catch_up()
        assert sum(is_deletion(event) for event in shop.outlet.take()) == 3 * ALWAYS_ALLOWED


async def test_an_empty_list_alone_deletes_nothing_and_alarms_nobody() -> None:
    async with open_shop() as shop:
        poller, _ = await of_many(shop, 250)

        class Empty(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                if request.url.path.endswith("/products"):
                    return httpx.Response(200, json={"total_count": 0, "products": []})
                return await inner.handle_async_request(request)

        inner, shop.wire._inner = shop.wire._inner, Empty()
        await poller.catch_up()
        assert shop.outlet.take() == []
        assert shop.wire.count("products/select_many") == 2


async def test_a_walk_that_went_on_in_the_middle_still_finds_what_is_gone_before() -> None:
    async with open_shop() as shop:
        poller, made = await of_many(shop, 10)
        shop.store.delete("products", made[1])
        shop.memory.cursors["full:r"] = {"after": made[5]}
        await poller.full_sync("r")
        assert told(shop.outlet.take())[0] == ("product", f"sparkpay:{made[1]}")
