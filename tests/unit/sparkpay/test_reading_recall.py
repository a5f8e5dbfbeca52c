"""A producer's memory that was lost, and restored from the events that it had published."""

from collections.abc import Sequence
from datetime import timedelta

from connector.ports import Observed
from connector.sparkpay.recall import Recollection
from contracts.entities import Product, Stock, StockLevel, Variant
from contracts.events import Event, changed, decode, deleted, encode
from tests.fakes.sparkpay_people import Counter, with_people
from tests.fakes.sparkpay_ports import FakeMemory
from tests.fakes.sparkpay_shop import open_shop, told


def as_read(events: Sequence[Event]) -> list[Event]:
    """As a topic gives them back."""
    return [decode(key, value, headers) for key, value, headers in map(encode, events)]


async def recalled(events: Sequence[Event], memory: FakeMemory | None = None) -> FakeMemory:
    memory = memory or FakeMemory()
    recollection = Recollection(memory)
    for event in as_read(events):
        await recollection.note([event])
    await recollection.finish()
    return memory


def comparable(memory: FakeMemory) -> dict[tuple[str, str], tuple[object, ...]]:
    return {
        name: (one.hash, one.event_id, one.time, one.number, tuple(one.skus), one.deleted)
        for name, one in memory.kept.items()
    }


async def test_the_events_of_a_catalogue_are_its_memory() -> None:
    """A sync after the loss tells only what was changed, inserted or deleted meanwhile."""
    async with open_shop(products=60, skus=200) as shop:
        await shop.poller().full_sync("r1")
        published = shop.outlet.take()
        before = comparable(shop.memory)
        memory = await recalled(list(reversed(published)))
        assert comparable(memory) == before
        shop.memory.kept, shop.memory.cursors = memory.kept, {}
        await shop.poller().catch_up()
        assert shop.outlet.take() == []
        assert "walked" in shop.memory.cursors

        first, second = (await memory.numbers("product", 0, None))[:2]
        shop.store.update("products", first, item_name="Meanwhile")
        shop.store.delete("products", second)
        shop.memory.cursors = {}
        await shop.poller().catch_up()
        keys = {key for _, key in told(shop.outlet.take())}
        assert {f"sparkpay:{first}", f"sparkpay:{second}"} <= keys


def stock(source: str, seconds: int, level: int, id_: str | None = None) -> Event:
    entity = Stock(sku="A", levels=(StockLevel(level=level),))
    return changed(entity, connection="acme", source=source, time=_START + timedelta(seconds=seconds), id=id_)


_PRODUCT = changed(
    Product(key="sparkpay:7", variants=(Variant(id="p-7", sku="A"),)), connection="acme", source="sparkpay"
)
_START = _PRODUCT.time


async def test_what_the_store_told_last_counts_though_another_spoke_later() -> None:
    own, other = stock("sparkpay", 1, 5), stock("erp", 2, 9)
    memory = await recalled([_PRODUCT, own, other])
    assert memory.kept["stock", "A"].event_id == own.id


async def test_where_only_others_spoke_nobody_knows_what_the_store_shows() -> None:
    """Then what it shows next is no news: it may be older than what the other said."""
    for other in (stock("erp", 2, 9), stock("sparkpay", 2, 9, id_="x~1")):
        memory = await recalled([_PRODUCT, other])
        assert memory.kept["stock", "A"] == Observed("stock", "A", "", "", other.time)


async def test_what_others_told_of_things_that_the_store_does_not_have_is_not_its_memory() -> None:
    foreign = changed(Product(key="erp:1"), connection="acme", source="erp")
    memory = await recalled([stock("erp", 2, 9), foreign])
    assert memory.kept == {}


async def test_an_older_event_that_was_replayed_does_not_replace_a_newer_one() -> None:
    old, new = stock("sparkpay", 1, 5), stock("sparkpay", 2, 6)
    memory = await recalled([new, old])
    assert memory.kept["stock", "A"].event_id == new.id


async def test_deletions_are_remembered() -> None:
    gone = deleted("product", "sparkpay:7", connection="acme", source="sparkpay", time=_START + timedelta(seconds=9))
    memory = await recalled([_PRODUCT, gone])
    assert (memory.kept["product", "sparkpay:7"].deleted, memory.kept["product", "sparkpay:7"].skus) == (True, ())


async def test_the_events_of_customers_orders_and_tables_are_the_memory_of_them() -> None:
    """After the loss only what was changed or deleted meanwhile is told."""
    values = with_people(
        **{f"flow.{kind}": "to_sparklayer" for kind in ("customer_group", "stock_location", "setting")}
    )
    async with open_shop(values=values) as shop:
        counter = Counter(shop)
        buyer = counter.customer()
        gone, kept = counter.order(buyer, cart="cart-1"), counter.order(buyer)
        await shop.poller().full_sync("r1")
        published = shop.outlet.take()
        before = comparable(shop.memory)
        shop.memory = await recalled(published)
        assert comparable(shop.memory).keys() == before.keys()
        assert {name: one[0] for name, one in comparable(shop.memory).items()} == {
            name: one[0] for name, one in before.items()
        }
        shop.store.delete("orders", gone)
        shop.store.update("orders", kept, order_status_id=counter.shipped)
        await shop.poller().full_sync("r2")
        assert told(shop.outlet.take()) == [("order", f"sparkpay:{kept}"), ("order", "sparklayer:cart-1")]
