from decimal import Decimal

import httpx
import pytest

from connector.errors import TargetIll
from connector.sparkpay.catalogue import SLICE
from tests.fakes.sparkpay_shop import open_shop, synced, told


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


async def test_only_tables_in_which_something_changed_are_read_again() -> None:
    async with open_shop() as shop:
        poller = await synced(shop)
        shop.store.update("product_statuses", 1, name="Renamed")
        shop.store.update("variant_groups", 1, name="Colour")
        shop.store.update("variant_groups", 2, name="Length")
        shop.clock.advance(1)
        await poller.poll_once()
        known = await poller.reference.current()
        assert (known.product_statuses[1]["name"], known.variant_groups[2]["name"]) == ("Renamed", "Length")
        assert shop.calls == 10 + 2


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


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
async def test_a_look_that_is_cut_short_goes_on_behind_what_it_has_published(failing: int) -> None:
    async with open_shop() as shop:
        made = [shop.product(item_number=f"S-{n}", quantity_on_hand=0) for n in range(2 * SLICE - 10)]
        poller = await synced(shop)
        for number, product in enumerate(made):
            shop.store.update("products", product, quantity_on_hand=number + 1)
            shop.clock.advance(3)  # what the cut leaves unread lies far beyond the overlap
        looks = 0

        def cut(request: httpx.Request) -> None:
            nonlocal looks
            looks += request.url.path.endswith("/products")
            if looks >= failing:
                raise httpx.ReadError("cut")

        shop.wire.before = cut
        with pytest.raises(TargetIll):
            await poller.poll_once()
        published = len(shop.outlet.events)
        shop.wire.before = None
        await shop.poller().poll_once()
        assert (published > SLICE) is (failing == 4)
        levels = {key: event.data.levels[0].level for key, event in shop.outlet.newest("stock").items()}  # type: ignore[union-attr]
        assert levels == {f"S-{number}": number + 1 for number in range(len(made))}
        assert len(shop.outlet.events) <= len(made)  # nothing twice
