"""An ERP that is the master of everything: what it publishes reaches Spark Pay through sink, inbox and appliers."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.ports import Priority
from contracts.entities import (
    Customer,
    CustomerAddress,
    CustomerGroup,
    Entity,
    Option,
    Order,
    OrderCustomer,
    OrderLine,
    OrderStatus,
    Price,
    PriceList,
    PriceRow,
    Product,
    Quantity,
    Shipment,
    Stock,
    StockLevel,
    Totals,
    Tracking,
    Variant,
)
from contracts.events import changed, deleted
from contracts.topics import SIDES
from tests.both_ways.world import World, make_template, world

FLOWS = {
    f"flow__{kind}": "to_sparkpay" for kind in ("product", "price", "stock", "customer", "customer_group", "order")
}
AT = datetime(2026, 2, 3, 15, 4, 5, tzinfo=UTC)
PLACE = CustomerAddress(id="a", line1="12 Oak St", city="Austin", region="TX", postal_code="78701", country="US")


class Erp:
    """Publishes, and lets the rest happen."""

    def __init__(self, on: World) -> None:
        self.on = on
        self.moment = AT

    async def tells(self, *entities: Entity) -> None:
        """Everything at once, in any order."""
        self.moment += timedelta(seconds=1)
        await self.publishes([changed(one, connection="acme", source="erp", time=self.moment) for one in entities])

    async def publishes(self, events: Sequence[Any]) -> None:
        await self.on.bus.publish(events, Priority.LIVE)
        await self.on.deliver()
        self.on.clock.advance(10)
        for _ in range(3):
            for side in SIDES:
                await self.on.apply(side)
        assert self.on.office.refusals == []

    def rows(self, resource: str) -> list[dict[str, Any]]:
        return self.on.platforms.store.rows(resource)


@pytest.fixture
async def erp(tmp_path: Path) -> AsyncIterator[Erp]:
    template = await make_template(tmp_path / "template.sqlite3")
    folder = tmp_path / "play"
    folder.mkdir()
    async with world(folder, template, **FLOWS) as on:
        store = on.platforms.store
        if not store.rows("stores"):
            store.insert("stores", name="Shop")
        store.insert("categories", name="Tools")
        for name, flags in (("There", {}), ("Sold out", {"is_unavailable": True}), ("No more", {"is_hidden": True})):
            store.insert("product_statuses", name=name, **flags)
        ids = [row["id"] for row in store.rows("product_statuses")][-3:]
        store.update(
            "inventory_settings", 1, in_stock_product_status_id=ids[0], out_of_stock_product_status_id=ids[1],
            discontinued_product_status_id=ids[2],
        )  # fmt: skip
        store.insert("order_statuses", name="Fresh", is_open=True)
        store.insert("order_statuses", name="Gone", is_shipped=True)
        yield Erp(on)
        assert on.platforms.store_app.state.journal.violations == []


def rope(*skus: str) -> Product:
    variants = tuple(
        Variant(id=f"v{at}", sku=sku, position=at, options=(Option(name="Size", value=sku),) if len(skus) > 1 else ())
        for at, sku in enumerate(skus, 1)
    )
    return Product(key=f"erp:{skus[0]}", title=f"Rope {skus[0]}", variants=variants)


def priced(sku: str, **amounts: str) -> Price:
    lists = tuple(
        PriceList(list=name.replace("_", "-"), rows=(PriceRow(amount=Decimal(amount)),))
        for name, amount in amounts.items()
    )
    return Price(sku=sku, currency="USD", lists=lists)


def stocked(sku: str, level: int) -> Stock:
    return Stock(sku=sku, levels=(StockLevel(level=level),))


async def test_prices_and_stock_wait_for_their_products_and_follow_them(erp: Erp) -> None:
    gold = CustomerGroup(key="gold", name="Gold")
    await erp.tells(priced("A", base="10", gold="8"), stocked("A", 5), priced("C", base="7"), stocked("C", 3))
    assert erp.rows("products") == []
    await erp.tells(rope("A"), rope("B", "C"))
    prices = [row["price"] for row in erp.rows("product_pricing")]
    assert prices == [7], "those of A wait for the group of one of their lists"
    await erp.tells(gold)
    plain, head = erp.rows("products")
    assert (plain["item_number"], plain["price"], plain["quantity_on_hand"]) == ("A", 10, 5)
    assert plain["call_for_pricing"] == 0, "there is a price now"
    assert (head["item_number"], head["price"], head["call_for_pricing"]) == ("erp:B", 7, 0)
    assert {row["item_number"]: row["inventory"] for row in erp.rows("variant_inventory")} == {"B": 0, "C": 3}
    (gold_type,) = [row["id"] for row in erp.rows("customer_types") if row["name"] == "Gold"]
    found = [
        (row["customer_type_id"], row["variant_inventory_id"], row["price"]) for row in erp.rows("product_pricing")
    ]
    assert sorted(found, key=str) == sorted([(gold_type, None, 8), (None, 2, 7)], key=str)


async def test_what_changes_costs_what_it_has_to(erp: Erp) -> None:
    skus = [f"S-{number}" for number in range(60)]
    await erp.tells(*(rope(sku) for sku in skus))
    await erp.tells(*(priced(sku, base="10") for sku in skus), *(stocked(sku, 5) for sku in skus))
    before = erp.on.writes["sparkpay"]
    await erp.tells(*(priced(sku, base="11") for sku in skus), *(stocked(sku, 6) for sku in skus))
    assert erp.on.writes["sparkpay"] - before == 4, "two calls for sixty prices, two for sixty levels"
    await erp.tells(*(priced(sku, base="11") for sku in skus), *(stocked(sku, 6) for sku in skus))
    assert erp.on.writes["sparkpay"] - before == 4


async def test_a_product_that_ends_is_hidden(erp: Erp) -> None:
    await erp.tells(rope("A"))
    moment = AT + timedelta(minutes=5)
    await erp.publishes([deleted("product", "erp:A", connection="acme", source="erp", time=moment)])
    (row,) = erp.rows("products")
    assert (row["is_hidden"], row["is_discontinued"]) == (1, True)


async def test_customers_and_orders_of_an_erp(erp: Erp) -> None:
    ana = Customer(
        key="erp:7", email="ana@x.example", first_name="Ana", group="gold", addresses=(PLACE,), default_billing="a"
    )
    order = Order(
        key="erp:4711",
        refs={"erp": "4711"},
        number="A-4711",
        placed_at=AT,
        currency="USD",
        customer=OrderCustomer(key="erp:7", email="ana@x.example"),
        billing=PLACE,
        lines=(OrderLine(id="1", sku="A", quantity=Decimal(2), unit_price=Decimal(9), net=Decimal(18)),),
        totals=Totals(grand=Decimal(18)),
    )
    await erp.tells(rope("A"), CustomerGroup(key="gold", name="Gold"), ana, order)
    (customer,) = erp.rows("customers")
    (made,) = erp.rows("orders")
    assert (customer["email"], made["customer_id"], made["order_number"]) == ("ana@x.example", customer["id"], "A-4711")
    parcel = Shipment(id="9", tracking=(Tracking(number="1Z"),), lines=(Quantity(line="1", quantity=Decimal(2)),))
    await erp.tells(order.model_copy(update={"status": OrderStatus.SHIPPED, "shipments": (parcel,)}))
    (shipment,) = erp.rows("order_shipments")
    (item,) = erp.rows("order_items")
    assert (shipment["tracking_numbers"], shipment["items"]) == ("1Z", ({"id": item["id"], "quantity_shipped": 2},))
    (made,) = erp.rows("orders")
    assert next(row["name"] for row in erp.rows("order_statuses") if row["id"] == made["order_status_id"]) == "Gone"
