from datetime import timedelta
from decimal import Decimal

import pytest

from connector.errors import Unavailable
from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.ledger import DOUBT
from connector.sparkpay.poller import Poller
from connector.sparkpay.read_order import ReadOrder
from contracts.entities import Price, Stock
from contracts.events import Event, entity_name, is_deletion
from tests.fakes.sparkpay_shop import Shop, catalogue, open_shop


async def read(poller: Poller, *ids: int) -> list[ProductBundle]:
    return (await catalogue(poller).catalogue.hydrate(ids)).bundles


async def observe(shop: Shop, poller: Poller, *ids: int, force: bool = False) -> list[Event]:
    await catalogue(poller).observer.observe(await read(poller, *ids), force=force)
    return shop.outlet.take()


def told(events: list[Event]) -> list[tuple[str, str, bool]]:
    return [(entity_name(event), event.data.key, is_deletion(event)) for event in events]


async def test_a_product_is_told_with_its_price_and_stock_and_never_twice() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        product = shop.product(item_number="A-1", price=Decimal("29.1666"))
        events = await observe(shop, poller, product)
        key = f"sparkpay:{product}"
        assert told(events) == [("product", key, False), ("price", "A-1", False), ("stock", "A-1", False)]
        assert all((event.connection, event.source) == ("acme", "sparkpay") for event in events)
        assert events[0].data.refs == {"sparkpay": str(product)}
        assert isinstance(events[1].data, Price)
        assert isinstance(events[2].data, Stock)
        assert shop.outlet.priorities
        assert await observe(shop, poller, product) == []
        assert await observe(shop, shop.poller(), product) == []


async def test_only_what_changed_is_told_with_a_later_time_and_another_id() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        product = shop.product(item_number="A-1")
        first = {entity_name(event): event for event in await observe(shop, poller, product)}
        assert first["stock"].time == shop.store.get("products", product)["updated_at"]  # type: ignore[index]
        shop.clock.advance(10)
        shop.store.update("products", product, quantity_on_hand=3)
        shop.clock.advance(5)
        (event,) = await observe(shop, poller, product)
        assert entity_name(event) == "stock"
        assert event.time == shop.store.get("products", product)["updated_at"]  # type: ignore[index]
        assert event.time > first["stock"].time
        assert event.id != first["stock"].id


async def test_a_change_that_moves_no_time_is_told_with_the_time_it_was_seen() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        product = shop.product(item_number="A-1")
        (*_, before) = await observe(shop, poller, product)
        shop.clock.advance(100)
        shop.store.update("products", product, touch=False, quantity_on_hand=3)
        (event,) = await observe(shop, poller, product)
        assert event.time == shop.clock.now()
        shop.store.update("products", product, touch=False, quantity_on_hand=4)
        (again,) = await observe(shop, poller, product)
        assert event.time < again.time <= event.time + timedelta(microseconds=1)
        assert before.time < event.time


async def test_a_row_stamped_in_the_future_does_not_make_later_states_look_old() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        product = shop.product(item_number="A-1", updated_at=shop.clock.now() + timedelta(days=900))
        events = await observe(shop, poller, product)
        assert all(event.time <= shop.clock.now() for event in events)


async def test_going_back_to_an_earlier_state_is_an_event_of_its_own() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        product = shop.product(item_number="A-1", quantity_on_hand=5)
        ids = {event.id for event in await observe(shop, poller, product)}
        for level in (6, 5, 6, 5):
            shop.clock.advance(1)
            shop.store.update("products", product, quantity_on_hand=level)
            (event,) = await observe(shop, poller, product)
            assert event.id not in ids
            ids.add(event.id)


async def test_force_repeats_the_same_events() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        product = shop.product(item_number="A-1")
        events = await observe(shop, poller, product)
        shop.clock.advance(60)
        assert await observe(shop, poller, product, force=True) == events


async def test_a_crash_before_remembering_repeats_the_same_ids() -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="A-1")
        poller = shop.poller()
        events = await observe(shop, poller, product)
        assert shop.memory.log[-1] == "remember"
        shop.memory.kept.clear()
        assert await observe(shop, shop.poller(), product) == events


async def test_what_the_bus_refuses_is_not_remembered() -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="A-1")
        poller = shop.poller()
        shop.outlet.broken = True
        with pytest.raises(Unavailable):
            await observe(shop, poller, product)
        assert {known.hash for known in shop.memory.kept.values()} == {DOUBT}
        shop.outlet.broken = False
        assert len(await observe(shop, poller, product)) == 3


async def test_an_older_read_never_follows_a_newer_one() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        product = shop.product(item_number="A-1")
        catalogue(poller).observer.reads.begin("walk", 0)
        old = await read(poller, product)
        shop.store.update("products", product, quantity_on_hand=1)
        assert len(await observe(shop, poller, product)) == 3
        result = await catalogue(poller).observer.observe(old)
        assert result.stale == (product,)
        assert shop.outlet.take() == []


async def test_a_shared_sku_speaks_for_the_lowest_product() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        low = shop.product(item_number="X", quantity_on_hand=1)
        high = shop.product(item_number="X", quantity_on_hand=2)
        await observe(shop, poller, high)
        assert shop.memory.kept["stock", "X"].hash
        events = await observe(shop, poller, low)
        assert ("stock", "X", False) in told(events)
        shop.store.update("products", high, quantity_on_hand=9)
        assert await observe(shop, poller, high) == []
        assert await observe(shop, poller, low, high) == []


async def test_a_sku_that_is_let_go_is_told_from_the_next_claimant() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        low, high = shop.product(item_number="X", quantity_on_hand=1), shop.product(item_number="X", quantity_on_hand=2)
        await observe(shop, poller, low, high)
        shop.clock.advance(1)
        shop.store.update("products", low, item_number="Y")
        events = await observe(shop, poller, low)
        newest = {(entity_name(event), event.data.key): event for event in events}
        assert newest["stock", "X"].data.product == f"sparkpay:{high}"  # type: ignore[union-attr]
        assert newest["stock", "Y"].data.product == f"sparkpay:{low}"  # type: ignore[union-attr]
        assert not any(is_deletion(event) for event in events)


async def test_a_sku_that_nobody_claims_any_more_is_told_as_gone() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        product = shop.product(item_number="X")
        await observe(shop, poller, product)
        shop.clock.advance(1)
        shop.store.update("products", product, item_number="Y")
        gone = [item for item in told(await observe(shop, poller, product)) if item[2]]
        assert gone == [("price", "X", True), ("stock", "X", True)]
        shop.store.update("products", product, item_number="X")
        assert ("price", "X", False) in told(await observe(shop, poller, product))


async def test_a_claimant_on_sale_comes_before_one_that_is_switched_off() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        low, high = shop.product(item_number="X"), shop.product(item_number="X", quantity_on_hand=55)
        await observe(shop, poller, low, high)
        shop.clock.advance(1)
        shop.store.update("products", low, is_discontinued=True)
        events = await observe(shop, poller, low)
        stock = next(event for event in events if entity_name(event) == "stock")
        assert stock.data.product == f"sparkpay:{high}"  # type: ignore[union-attr]


async def test_heirs_that_let_go_as_well_pass_it_on() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        first, second, third, fourth = (shop.product(item_number="X") for _ in range(4))
        await observe(shop, poller, first, second, third, fourth)
        shop.clock.advance(1)
        shop.store.update("products", first, item_number="Y")
        shop.store.update("products", second, item_number="Z")
        shop.store.delete("products", third)
        events = await observe(shop, poller, first)
        last = {(entity_name(event), event.data.key): event for event in events}
        assert last["price", "X"].data.product == f"sparkpay:{fourth}"  # type: ignore[union-attr]
        assert is_deletion(last["product", f"sparkpay:{third}"])
        assert ("stock", "Z") in last


def combination(shop: Shop, product: int, sku: str) -> int:
    """One more variant of a product, in a colour of its own."""
    option = shop.store.insert("product_variants", product_id=product, variant_group_id=1, description=f"Color {sku}")
    row = shop.store.insert(
        "variant_inventory", product_id=product, item_number=sku, inventory=3, variants=(option["id"],)
    )
    return int(str(row["id"]))


@pytest.mark.parametrize("gone", [False, True])
async def test_what_an_heir_has_let_go_is_told_with_it(*, gone: bool) -> None:
    """It is read for a SKU that another one leaves to it, and nobody looks at it again."""
    async with open_shop() as shop:
        poller = shop.poller()
        first = shop.product(item_number="X")
        heir = shop.product(use_variant_inventory=True, has_visible_variants=True)
        parts = [combination(shop, heir, sku) for sku in ("X", "R", "B")]
        other = shop.product(item_number="B", quantity_on_hand=55)
        await observe(shop, poller, first, heir, other)
        shop.clock.advance(1)
        shop.store.update("products", first, item_number="Y")
        if gone:
            shop.store.delete("products", heir)
        else:
            shop.store.update("variant_inventory", parts[1], item_number="N")
            shop.store.update("variant_inventory", parts[2], item_number="M")
        last = {(entity_name(event), event.data.key): event for event in await observe(shop, poller, first)}
        assert is_deletion(last["product", f"sparkpay:{heir}"]) is gone
        assert is_deletion(last["price", "R"])
        assert is_deletion(last["stock", "R"])
        assert last["stock", "B"].data.product == f"sparkpay:{other}"  # type: ignore[union-attr]
        assert is_deletion(last["stock", "X"]) is gone
        assert ("stock", "N") in last or gone


async def test_a_deleted_product_takes_its_price_and_stock_along() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        product = shop.product(item_number="X")
        before = await observe(shop, poller, product)
        shop.store.delete("products", product)
        gone = await catalogue(poller).observer.confirm_gone([product])
        await catalogue(poller).observer.observe([], gone_ids=gone)
        events = shop.outlet.take()
        assert told(events) == [("product", f"sparkpay:{product}", True), ("price", "X", True), ("stock", "X", True)]
        assert events[0].data.refs == {"sparkpay": str(product)}
        assert all(after.time > event.time for after, event in zip(events, before, strict=True))
        await catalogue(poller).observer.observe([], gone_ids=gone)
        assert shop.outlet.take() == []


async def test_a_product_that_is_not_to_be_pushed_any_more_is_told_as_gone() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        child, head = shop.product(item_number="C"), shop.product(item_number="H", price=3, is_kit=True)
        await observe(shop, poller, child, head)
        shop.clock.advance(1)
        shop.store.update("products", head, price=0, child_products=[{"id": child}])
        assert told(await observe(shop, poller, head)) == [
            ("product", f"sparkpay:{head}", True),
            ("price", "H", True),
            ("stock", "H", True),
        ]


async def test_a_product_that_cannot_be_mapped_is_left_alone_and_reported() -> None:
    async with open_shop() as shop:
        poller = shop.poller()
        good = shop.product(item_number="A")
        broken = shop.product(item_number="B", has_visible_variants=True)
        for color in ("Red", "Blue"):
            shop.store.insert("product_variants", product_id=broken, variant_group_id=1, description=color)
        result = await catalogue(poller).observer.observe(await read(poller, good, broken))
        assert (result.published, result.skipped) == (3, 1)
        assert [problem.code for problem in shop.problems] == ["variant_sku_ambiguous"]
        assert shop.problems[0].key == f"sparkpay:{broken}"


def test_the_order_of_reads_is_forgotten_once_nobody_can_be_late() -> None:
    order = ReadOrder()
    order.begin("walk", 100)
    for product in range(3000):
        order.take(product, 100 + product)
    assert order.is_stale(2999, 2000)
    assert not order.is_stale(2999, 4000)
    order.end("walk")
    for product in range(10_000):
        order.take(product, 4000)
    assert len(order._newest) <= 1001
