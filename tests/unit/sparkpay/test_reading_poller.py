import asyncio
from decimal import Decimal

import httpx
import pytest

from connector.errors import CredentialsRefused, PlatformError, TargetIll, Unavailable
from connector.ports import Priority
from connector.sandbox.sparkpay import FaultRule, SandboxPolicy
from connector.settings import ConnectionSettings
from connector.sparkpay.catalogue import SLICE
from connector.sparkpay.pace import Pace, paces
from connector.sparkpay.poller import Poller
from contracts.events import Event, entity_name, is_deletion
from tests.fakes.sparkpay_shop import Shop, open_shop


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [(entity_name(event), event.data.key) for event in events]


async def synced(shop: Shop) -> Poller:
    """A poller that has published everything and has looked once since."""
    poller = shop.poller()
    await poller.full_sync("first")
    await poller.poll_once()
    shop.clock.advance(600)
    await poller.poll_once()
    shop.clock.advance(10)
    shop.outlet.take()
    shop.wire.requests.clear()
    return poller


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
        log = [entry for entry in shop.outlet.log if not entry.startswith(("cursor live", "cursor sweep"))]
        assert log == [
            *["publish", "remember", "cursor full:r1"] * 2,
            "cursor full:r1",
            "cursor walked",
            "cursor full:r1",
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


@pytest.mark.parametrize(
    ("resource", "fields", "expected"),
    [
        ("products", {"price": Decimal("8.25")}, {"price", "product"}),
        ("products", {"quantity_on_hand": 1}, {"stock"}),
        ("products", {"item_name": "Renamed"}, {"product"}),
        ("product_pricing", {"price": Decimal("1.11")}, {"price"}),
        ("product_pictures", {"image_file": "/other.jpg"}, {"product"}),
    ],
)
async def test_any_change_is_seen_by_the_next_look(
    resource: str, fields: dict[str, object], expected: set[str]
) -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="A-1")
        children = {
            "product_pricing": {"price": 4, "starting_quantity": 10},
            "product_pictures": {"image_file": "/a.jpg", "is_primary": True},
        }
        rows = {name: shop.store.insert(name, product_id=product, **row) for name, row in children.items()}
        poller = await synced(shop)
        row_id = product if resource == "products" else int(str(rows[resource]["id"]))
        shop.store.update(resource, row_id, **fields)
        shop.clock.advance(1)
        await poller.poll_once()
        assert {name for name, _ in told(shop.outlet.take())} == expected
        shop.clock.advance(1)
        assert (await poller.poll_once()).published == 0


async def test_changed_products_need_no_second_read() -> None:
    async with open_shop() as shop:
        made = [shop.product(item_number=f"S-{n}") for n in range(50)]
        poller = await synced(shop)
        for product in made:
            shop.store.update("products", product, quantity_on_hand=2)
        shop.clock.advance(1)
        assert (await poller.poll_once()).published == 50
        assert shop.calls == 10  # one look per resource
        shop.clock.advance(1)
        await poller.poll_once()
        assert shop.calls == 20


async def test_children_of_many_products_are_read_together() -> None:
    async with open_shop() as shop:
        made = [shop.product(item_number=f"S-{n}") for n in range(150)]
        poller = await synced(shop)
        for product in made:
            shop.store.insert("product_pricing", product_id=product, price=3, starting_quantity=5)
        shop.clock.advance(1)
        assert (await poller.poll_once()).published == 150
        assert shop.calls == 11
        shop.clock.advance(1)
        await poller.poll_once()
        assert shop.calls == 21  # seen within the overlap, not read again


async def test_two_changes_within_one_second_are_both_seen() -> None:
    async with open_shop(resolution="second") as shop:
        product = shop.product(item_number="A-1")
        poller = await synced(shop)
        for level in (5, 6):
            shop.store.update("products", product, quantity_on_hand=level)
            await poller.poll_once()
            (event,) = shop.outlet.take()
            assert event.data.levels[0].level == level  # type: ignore[union-attr]


async def test_a_mass_update_is_read_once_and_does_not_cost_for_ever() -> None:
    async with open_shop() as shop:
        for n in range(1200):
            shop.product(item_number=f"S-{n}")
        poller = await synced(shop)
        for row in shop.store.rows("products"):
            shop.store.update("products", int(str(row["id"])), quantity_on_hand=99)
        shop.clock.advance(1)
        assert (await poller.poll_once()).published == 1200
        shop.clock.advance(400)
        await poller.poll_once()
        before = shop.calls
        shop.clock.advance(400)
        await poller.poll_once()
        assert shop.calls - before == 10


async def test_a_look_passes_the_servers_cache() -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="A-1")
        poller = await synced(shop)
        await shop.client.request("GET", f"products/{product}", fresh=False)
        shop.store.update("products", product, item_name="New name")
        shop.clock.advance(1)
        await poller.poll_once()
        assert told(shop.outlet.take()) == [("product", f"sparkpay:{product}")]


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
        assert shop.calls <= 10 + 3  # the sweep of an unchanged store: products, combinations, prices


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


async def test_the_sweep_for_deletions_reads_ids_alone() -> None:
    values = {"poll.stock_sweep_seconds": "1000000", "poll.deletion_sweep_seconds": "60"}
    async with open_shop(values=values) as shop:
        made = [shop.product(item_number=f"S-{n}") for n in range(4)]
        poller = await synced(shop)
        for product in made[1:3]:
            shop.store.delete("products", product)
        await poller.sweep_step()
        assert [key for name, key in told(shop.outlet.take()) if name == "product"] == [
            f"sparkpay:{product}" for product in made[1:3]
        ]
        assert shop.wire.paths == ["products", f"products/{made[1]}", f"products/{made[2]}"]
        assert "fields=id&" in str(shop.wire.requests[0].url)
        shop.clock.advance(await poller.sweep_step())
        assert await poller.sweep_step() == 60
        assert shop.calls == 3


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


async def test_reference_data_is_read_again_once_however_much_of_it_changed() -> None:
    async with open_shop() as shop:
        poller = await synced(shop)
        shop.store.update("product_statuses", 1, name="Renamed")
        shop.store.update("customer_types", 1, name="Wholesale")
        shop.store.update("variant_groups", 1, name="Colour")
        shop.clock.advance(1)
        await poller.poll_once()
        assert shop.calls == 10 + 7


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


async def test_a_product_hidden_in_the_store_is_read_alone() -> None:
    async with open_shop() as shop:
        product, _ = shop.product(item_number="A"), shop.product(item_number="B")
        poller = await synced(shop)
        shop.store.insert("product_inactive_in_store", item_id=product, store_id=1)
        shop.clock.advance(1)
        await poller.poll_once()
        assert told(shop.outlet.take()) == [("product", f"sparkpay:{product}")]


async def test_a_head_takes_its_children_along() -> None:
    async with open_shop() as shop:
        child = shop.product(item_number="C", is_child_product=True, use_pricing_from_parent=True)
        head = shop.product(item_number="H", is_kit=True, price=10)
        shop.store.update("products", head, child_products=[{"id": child}])
        poller = await synced(shop)
        shop.store.update("products", head, price=12)
        shop.clock.advance(1)
        await poller.poll_once()
        assert {key for name, key in told(shop.outlet.take()) if name == "price"} == {"H", "C"}


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
        for work in (poller.step, poller.catch_up):
            with pytest.raises(CredentialsRefused):
                await work()
        with pytest.raises(PlatformError):
            await poller.full_sync("r")
        assert shop.memory.cursors == {}


def test_idle_looks_stay_within_their_share() -> None:
    for limit in (5, 10, 20, 50):
        settings = ConnectionSettings().with_values({"sparkpay.limit": str(limit)})
        found = paces(settings, 1.0, ["a", "b", "c", "d", "e"], ["v", "w", "x", "y", "z"])
        share = settings.poll.idle_share * limit / settings.sparkpay.window_seconds
        assert sum(1 / pace.idle for pace in found.values()) <= share * 1.0001


def test_a_pace_is_tight_while_things_change_and_widens_while_not() -> None:
    pace = Pace(tight=1, idle=10)
    pauses = []
    for found in (False, False, False, False, False, False, True, False):
        pace.looked(0, found=found)
        pauses.append(pace.pause)
    assert pauses == [1, 2, 4, 8, 10, 10, 1, 2]
