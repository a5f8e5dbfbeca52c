"""Orders: a first sync, changes of them and of what belongs to them, deletions, and what each costs."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.ports import NoEchoes, Priority
from contracts.entities import Order, OrderKind, OrderStatus
from contracts.events import Event, entity_name, is_deletion
from tests.fakes.sparkpay_people import Counter, with_people
from tests.fakes.sparkpay_shop import Shop, open_shop, synced, told

ORDERS = ["order:orders"]
CHILDREN = ["order:order_items", "order:order_payments", "order:order_shipments", "order:order_addresses"]


def newest(shop: Shop, key: str) -> Order:
    entity: Any = shop.outlet.newest("order")[key].data
    assert isinstance(entity, Order)
    return entity


def orders_told(shop: Shop) -> list[str]:
    return [key for kind, key in told(shop.outlet.take()) if kind == "order"]


async def look(shop: Shop, poller: Any, *names: str) -> list[str]:
    """One look at these resources of orders; the paths that it asked for."""
    shop.clock.advance(30)
    shop.wire.requests.clear()
    stream = next(stream for stream in poller.streams if "order" in stream.kinds)
    await stream.poll(names or ORDERS, Priority.LIVE)
    return shop.wire.paths


async def test_a_first_sync_tells_orders_with_everything() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        buyer = counter.customer()
        order = counter.order(buyer, lines=3, order_number="A-1")
        counter.shipment(order, tracking_numbers="1Z1, 1Z2", shipping_provider_name="UPS")
        blank = counter.order(buyer, lines=0, order_number="", order_billing_address_id=None)
        await shop.poller().full_sync("r")
        found = newest(shop, f"sparkpay:{order}")
        assert (found.number, found.status, found.customer.key) == (
            "A-1",
            OrderStatus.PARTIALLY_SHIPPED,
            f"sparkpay:{buyer}",
        )
        assert found.customer.email == "buyer1@trade.example"
        assert [line.sku for line in found.lines] == ["SKU-0", "SKU-1", "SKU-2"]
        assert found.billing is not None
        assert found.billing.line1 == "1 Elm St"
        assert found.destinations[0].address is not None
        assert found.destinations[0].address.line1 == "2 Elm St"
        assert [part.number for part in found.shipments[0].tracking] == ["1Z1", "1Z2"]
        assert [part.line for part in found.shipments[0].lines or ()] == [str(id_) for id_ in counter.items_of(order)]
        assert [payment.amount for payment in found.payments] == [Decimal(30)]
        assert (newest(shop, f"sparkpay:{blank}").lines, newest(shop, f"sparkpay:{blank}").number) == ((), str(blank))


async def test_the_walk_and_the_look_say_the_same() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        order = counter.order(counter.customer(), lines=2, cart="cart-1")
        counter.shipment(order)
        poller = await synced(shop)
        shop.store.update("orders", order, ip_address="10.0.0.1")
        paths = await look(shop, poller)
        assert paths[0] == "orders"
        assert orders_told(shop) == []
        poller = shop.poller()
        await look(shop, poller)
        shop.store.update("orders", order, admin_comments="Call first")
        await look(shop, poller)
        assert orders_told(shop) == ["sparklayer:cart-1"]


async def test_detecting_one_changed_order_takes_at_most_two_calls() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        buyer = counter.customer()
        order = counter.order(buyer)
        poller = await synced(shop)
        shop.store.update("orders", order, order_status_id=counter.shipped)
        assert await look(shop, poller) == ["orders"]
        assert orders_told(shop) == [f"sparkpay:{order}"]
        placed = counter.order(buyer)
        assert await look(shop, poller) == ["orders", "order_addresses/select_many"]
        assert orders_told(shop) == [f"sparkpay:{placed}"]
        counter.shipment(placed)
        assert await look(shop, poller, "order:order_shipments") == ["order_shipments", "orders/select_many"]
        assert newest_status(shop, placed) is OrderStatus.PARTIALLY_SHIPPED
        assert await look(shop, poller, *CHILDREN, *ORDERS) == [
            *["order_items", "order_payments", "order_shipments", "order_addresses"],
            "orders",
        ], "what is known has nothing read again"
        assert orders_told(shop) == [f"sparkpay:{placed}"]


def newest_status(shop: Shop, order: int) -> OrderStatus:
    return newest(shop, f"sparkpay:{order}").status


async def test_changed_children_are_changes_of_the_order() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        order = counter.order(counter.customer())
        shipment = counter.shipment(order)
        poller = await synced(shop)
        item, second = counter.items_of(order)
        payment = next(int(str(row["id"])) for row in shop.store.rows("order_payments"))
        address = int(str(shop.store.rows("orders")[0]["order_billing_address_id"]))
        for resource, id_, change in (
            ("order_items", item, {"quantity": 5}),
            ("order_payments", payment, {"is_approved": True, "is_captured": True}),
            ("order_shipments", shipment, {"tracking_numbers": "9X"}),
            ("order_shipments", shipment, {"items": [{"id": second, "quantity_shipped": 1}]}),
            ("order_addresses", address, {"city": "Waco"}),
        ):
            shop.store.update(resource, id_, **change)
            await look(shop, poller, *CHILDREN)
            assert orders_told(shop) == [f"sparkpay:{order}"], resource


async def test_an_order_of_sparklayer_is_keyed_by_its_cart_and_not_told_before_it_has_it() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        poller = await synced(shop)
        order = counter.order(counter.customer(), order_number="SL-0123456789AB", customer_type_id=0)
        await look(shop, poller)
        assert orders_told(shop) == []
        counter.field(counter.cart_field, order, "cart-9")
        await look(shop, poller, "order:custom_field_values")
        (event,) = [one for one in shop.outlet.events if one.data.key == "sparklayer:cart-9"]
        assert event.data.refs == {"sparkpay": str(order), "sparklayer": "cart-9"}


async def test_what_is_not_served_is_told_only_where_it_was_told_before() -> None:
    values = with_people(**{"b2b.customer_type_ids": "1", "orders__since": "2026-01-01"})
    async with open_shop(values=values) as shop:
        counter = Counter(shop)
        served = counter.order(counter.customer())
        counter.order(counter.customer(customer_type_id=0), customer_type_id=0)
        counter.order(counter.customer(), is_payment_order_only=True)
        old = counter.order(counter.customer(), ordered_at=shop.clock.now() - timedelta(days=3000))
        quote = counter.order(counter.customer(), order_type="Quote")
        poller = await synced(shop)
        assert sorted(key for kind, key in shop.memory.kept if kind == "order") == sorted(
            f"sparkpay:{id_}" for id_ in (served, quote)
        )
        shop.store.update("orders", old, admin_comments="Still here")
        await look(shop, poller)
        assert orders_told(shop) == []
        buyer = int(str(shop.store.rows("orders")[0]["customer_id"]))
        shop.store.update("customers", buyer, customer_type_id=0)
        shop.store.update("orders", served, order_status_id=counter.cancelled, customer_type_id=0)
        shop.store.update("orders", quote, admin_comments="Offer")
        await look(shop, poller)
        assert newest(shop, f"sparkpay:{served}").status is OrderStatus.CANCELLED
        assert newest(shop, f"sparkpay:{quote}").kind is OrderKind.QUOTE


async def test_a_deleted_order_is_told_under_the_key_that_it_had() -> None:
    async with open_shop(values=with_people(poll__deletion_sweep_seconds="60")) as shop:
        counter = Counter(shop)
        order = counter.order(counter.customer(), cart="cart-1")
        poller = await synced(shop)
        shop.store.delete("orders", order)
        await poller.catch_up()
        events = shop.outlet.take()
        assert told(events) == [("order", "sparklayer:cart-1")]
        assert is_deletion(events[0])
        assert events[0].data.refs["sparkpay"] == str(order)


async def test_an_unknown_status_and_a_row_that_cannot_be_mapped_leave_the_others_alone() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        buyer = counter.customer()
        poller = await synced(shop)
        late = int(str(shop.store.insert("order_statuses", name="Split", is_cancelled=True)["id"]))
        broken = counter.order(buyer, ordered_at=None, created_at=None)
        fine = counter.order(buyer, order_status_id=late)
        await look(shop, poller)
        assert orders_told(shop) == [f"sparkpay:{fine}"]
        assert [(problem.key, problem.code) for problem in shop.problems] == [
            (f"sparkpay:{broken}", "ordered_at_missing")
        ]


async def test_the_buyers_own_number_is_read_where_a_payment_method_asks_for_it() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        await shop.poller().full_sync("r")
        assert shop.wire.count("payment_methods") == 1
        assert "expand=fields" in next(
            str(request.url) for request in shop.wire.requests if "payment_methods" in str(request.url)
        )
        counter.order(counter.customer())
        assert shop.wire.count("order_payments/select_many") == 0


@pytest.mark.parametrize("orders", [450])
async def test_a_walk_over_many_orders_costs_pages_and_not_orders(orders: int) -> None:
    async with open_shop(values=with_people(), page_size=100) as shop:
        counter = Counter(shop)
        for _ in range(orders):
            counter.order(counter.customer(), lines=2)
        poller = shop.poller()
        await poller.full_sync("r")
        assert len(shop.outlet.newest("order")) == orders
        assert shop.wire.count("order_items") <= 2 * orders / 100 + 2
        assert shop.wire.count("order_addresses") <= 2 * orders / 100 + 2
        assert not any(path.endswith("select_many") for path in shop.wire.paths)


class Mirror:
    """Echoes of orders under some keys."""

    def __init__(self, *keys: str) -> None:
        self.keys = {("order", key) for key in keys}

    async def sift(self, events: Sequence[Event]) -> Sequence[Event]:
        return [event for event in events if (entity_name(event), event.data.key) not in self.keys]


async def test_an_echo_is_remembered_and_not_published() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        written, placed = counter.order(counter.customer()), counter.order(counter.customer())
        shop.echoes = Mirror(f"sparkpay:{written}")
        poller = shop.poller()
        assert (await poller.full_sync("r")).published == 3
        assert orders_told(shop) == [f"sparkpay:{placed}"]
        assert shop.memory.kept["order", f"sparkpay:{written}"].hash not in ("", "?")
        shop.echoes = NoEchoes()
        assert (await shop.poller().full_sync("again")).published == 0
