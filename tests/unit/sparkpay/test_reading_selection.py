from decimal import Decimal

import pytest

from connector.errors import TargetIll
from connector.sandbox.sparkpay import FaultRule
from connector.sparkpay.selection import Selection
from contracts.events import is_deletion
from tests.fakes.sparkpay_shop import Shop, catalogue, open_shop, synced, told

GOODS = frozenset({"price", "stock"})


def silently(shop: Shop, product: int, **fields: object) -> None:
    shop.store.update("products", product, touch=False, **fields)


async def test_only_the_chosen_kinds_are_told_and_the_rest_is_still_found() -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="A")
        poller = await synced(shop)
        silently(shop, product, item_name="Renamed", price=Decimal(9), quantity_on_hand=1)
        result = await poller.full_sync("r", only=GOODS)
        assert told(shop.outlet.take()) == [("price", "A"), ("stock", "A")]
        assert result.published == 2
        assert "full:r" not in shop.memory.cursors
        await poller.catch_up()
        assert told(shop.outlet.take()) == [("product", f"sparkpay:{product}")]


async def test_force_repeats_the_chosen_kinds_with_the_ids_they_had() -> None:
    async with open_shop(products=30, skus=60) as shop:
        poller = shop.poller()
        await poller.full_sync("first")
        first = {event.id for event in shop.outlet.take() if told([event])[0][0] == "stock"}
        assert (await poller.full_sync("again", only=frozenset({"stock"}))).published == 0
        await poller.full_sync("forced", force=True, only=frozenset({"stock"}))
        assert {event.id for event in shop.outlet.take()} == first


@pytest.mark.parametrize("only", [None, frozenset(), frozenset({"product", "price", "stock"})])
async def test_no_choice_and_every_kind_are_the_whole(only: frozenset[str] | None) -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="A")
        await shop.poller().full_sync("r", only=only)
        assert told(shop.outlet.take()) == [("product", f"sparkpay:{product}"), ("price", "A"), ("stock", "A")]
        assert "walked" in shop.memory.cursors


async def test_kinds_that_are_not_read_from_the_catalogue_cost_nothing() -> None:
    async with open_shop() as shop:
        await shop.poller().full_sync("r", only=frozenset({"order"}))
        assert shop.calls == 0


async def test_a_limited_walk_is_no_first_sync() -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="A")
        poller = shop.poller()
        await poller.full_sync("r", only=GOODS)
        shop.outlet.take()
        assert "walked" not in shop.memory.cursors
        await poller.full_sync("whole")
        assert told(shop.outlet.take()) == [("product", f"sparkpay:{product}")]


async def test_one_product_speaks_for_a_shared_sku_although_nothing_of_it_is_remembered() -> None:
    async with open_shop(page_size=10) as shop:
        shop.product(item_number="X", quantity_on_hand=1)
        for n in range(250):
            shop.product(item_number=f"S-{n}")
        shop.product(item_number="X", quantity_on_hand=2)
        await shop.poller().full_sync("r", only=frozenset({"stock"}))
        (event,) = [event for event in shop.outlet.take() if event.data.key == "X"]
        assert event.data.levels[0].level == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("only", [frozenset({"product"}), frozenset({"product", "stock"}), GOODS, frozenset({"price"})])
async def test_a_sku_that_was_let_go_is_told_by_whoever_reads_the_product_whole(only: frozenset[str]) -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="OLD")
        heir = shop.product(item_number="HEIR", quantity_on_hand=3)
        poller = await synced(shop)
        silently(shop, product, item_number="NEW")
        silently(shop, heir, item_number="OLD")
        await poller.full_sync("r", only=only)
        limited = shop.outlet.take()
        assert {kind for kind, _ in told(limited)} <= only
        await shop.poller().catch_up()
        events = {key: event for event in [*limited, *shop.outlet.take()] for key in told([event])}
        for kind in ("price", "stock"):
            assert is_deletion(events[kind, "HEIR"])
            assert not is_deletion(events[kind, "NEW"])
        assert events["stock", "OLD"].data.levels[0].level == 3  # type: ignore[union-attr]
        assert ("product", f"sparkpay:{product}") in events


async def test_deleted_products_are_left_for_the_sweep() -> None:
    async with open_shop() as shop:
        product, _ = shop.product(item_number="A"), shop.product(item_number="B")
        poller = await synced(shop)
        shop.store.delete("products", product)
        for only in (GOODS, frozenset({"product"})):
            assert (await poller.full_sync("r", only=only)).published == 0
        await poller.catch_up()
        assert told(shop.outlet.take()) == [("product", f"sparkpay:{product}"), ("price", "A"), ("stock", "A")]


async def test_an_older_read_of_the_whole_product_is_made_again_after_a_limited_walk_has_passed_it() -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="A")
        poller = await synced(shop)
        silently(shop, product, item_name="Renamed", quantity_on_hand=1)
        catalogue(poller).observer.reads.begin("test", 0)
        old = (await catalogue(poller).catalogue.hydrate([product])).bundles
        silently(shop, product, quantity_on_hand=2)
        await poller.full_sync("r", only=frozenset({"stock"}))
        assert told(shop.outlet.take()) == [("stock", "A")]
        await catalogue(poller).observer.observe(old)
        assert told(shop.outlet.take()) == [("product", f"sparkpay:{product}")]


async def test_a_limited_walk_goes_on_where_it_failed() -> None:
    async with open_shop(products=450) as shop:
        poller = shop.poller()
        await poller.full_sync("whole")
        expected = {event.data.key for event in shop.outlet.take() if told([event])[0][0] == "stock"}
        rules = shop.app.state.faults  # type: ignore[attr-defined]
        calls = 0

        async def progress(*, read: int = 0, **_: int) -> None:
            nonlocal calls
            calls += read
            if calls == read:
                raise TargetIll("lost", side="sparkpay", endpoint="GET /products")

        with pytest.raises(TargetIll):
            await poller.full_sync("r", progress, force=True, only=frozenset({"stock"}))
        rules.add(FaultRule("status", path="*/products", status=503))
        await poller.full_sync("r", progress, force=True, only=frozenset({"stock"}))
        keys = [event.data.key for event in shop.outlet.take()]
        assert set(keys) == expected
        assert len(keys) == len(expected)
        assert calls == 450


def test_a_selection_knows_claims_better_than_the_memory() -> None:
    selection = Selection(frozenset({"price"}))
    selection.keep("sparkpay:1", [("X", "a"), ("X", "b")])
    selection.keep("sparkpay:1", [("Y", "a")])
    selection.keep("sparkpay:2", [("X", "c")])
    remembered = {"X": [("sparkpay:1", "a"), ("sparkpay:3", "d")]}
    assert selection.over(remembered, ["X", "Y", "Z"]) == {
        "X": [("sparkpay:3", "d"), ("sparkpay:2", "c")],
        "Y": [("sparkpay:1", "a")],
    }
