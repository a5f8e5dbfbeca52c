"""What changes of each kind are made in a store that has been synchronised for long, and by whom."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from connector.ports import Priority
from contracts.entities import (
    Address,
    Customer,
    CustomerAddress,
    CustomerGroup,
    Entity,
    Option,
    Order,
    OrderStatus,
    Price,
    PriceList,
    PriceRow,
    Product,
    Quantity,
    Shipment,
    Stock,
    StockLevel,
    Tracking,
    Variant,
)
from contracts.events import changed
from tests.benchmarks.orders_placed import order
from tests.both_ways.world import ID, World
from tests.support.sparklayer_buyers import place_order

EACH = 100
"""So many entities of each kind change at once, each of them once."""
FEW = 25
"""The same of what a store has few of."""
COMBINATIONS = 10  # of each product that has any
Change = Callable[[World, int, int], Awaitable[None] | None]
SUB_ACCOUNT = 1


@dataclass(frozen=True)
class Case:
    """One way to change an entity: `change` is given the number of the entity and that of the round.

    `site` and `store` say how many calls per change each side may cost (none: nothing is promised there).
    """

    name: str
    change: Change
    store: float | None = None
    site: float | None = None
    entities: int = EACH


BULK, SINGLE = 0.05, 1.05


def furnish(on: World) -> None:
    """A store with `EACH` of everything."""
    store = on.platforms.store
    for number in range(2, FEW + 1):
        store.insert("customer_types", name=f"Type {number}")
        store.insert("warehouses", name=f"Hall {number}")
    store.insert("order_statuses", name="Gone", is_shipped=True)
    store.insert("order_statuses", name="Called off", is_cancelled=True)
    store.insert("custom_fields", name="sparklayer_cart_id", resource_type="Orders")
    store.insert("custom_fields", name="Purchase order number", resource_type="Orders")
    group = store.insert("variant_groups", name="Color")["id"]
    for number in range(1, EACH + 1):
        made = on.platforms.product(_plain(number))
        store.insert("product_pricing", product_id=made, customer_type_id=1, price=Decimal(4))
    for product in range(EACH // COMBINATIONS):
        _with_combinations(on, product, int(str(group)))
    for number in range(1, EACH + 1):
        _customer(on, number)
    for number in range(1, EACH + 1):
        store.insert(
            "customer_association",
            parent_customer_id=number,
            child_customer_id=_customer(on, EACH + number),
            association_type_id=SUB_ACCOUNT,
        )
    for number in range(1, EACH + 1):
        _order(on, number)
    region = store.insert("regions", name="Home", countries=["United States"], states=[], postal_codes=[])["id"]
    rule = {"region_id": region, "bound_type": "weight", "lower_bound": 0, "upper_bound": 0, "amount": 0}
    for number in range(1, FEW + 1):
        store.insert("custom_shipping_methods", name=f"Van {number}", is_enabled=True, rules=[rule])


def _with_combinations(on: World, product: int, group: int) -> None:
    store = on.platforms.store
    id_ = on.platforms.product(f"PARENT-{product}", use_variant_inventory=True, has_visible_variants=True)
    for number in range(COMBINATIONS):
        option = store.insert("product_variants", product_id=id_, variant_group_id=group, description=f"Shade {number}")
        store.insert(
            "variant_inventory",
            product_id=id_,
            item_number=_combined(product * COMBINATIONS + number + 1),
            inventory=5,
            product_status_id=1,
            variants=(option["id"],),
        )


def _customer(on: World, number: int) -> int:
    person = {"first_name": "Ana", "last_name": "Ruiz", "company": f"Company {number}"}
    made = on.platforms.store.insert(
        "customers", email=f"buyer{number}@trade.example", customer_type_id=1, store_id=1, **person
    )
    on.platforms.store.insert(
        "addresses",
        customer_id=made["id"],
        first_name="Ana",
        last_name="Ruiz",
        address_line_1=f"{number} Oak St",
        city="Austin",
        state="Texas",
        postal_code="78701",
        country="United States",
        is_default_billing_address=True,
        is_default_shipping_address=True,
    )
    return int(str(made["id"]))


def _order(on: World, number: int) -> int:
    store = on.platforms.store
    place = {"city": "Reno", "state": "Nevada", "postal_code": "89501", "country": "United States"}
    there = store.insert("order_addresses", customer_id=number, address_line_1=f"{number} Elm St", **place)["id"]
    made = store.insert(
        "orders",
        customer_id=number,
        customer_type_id=1,
        order_status_id=1,
        ordered_at=store.clock(),
        order_billing_address_id=there,
        order_shipping_address_id=there,
        subtotal=Decimal(20),
        grand_total=Decimal(20),
    )["id"]
    for sku in (_plain(number), _plain(number % EACH + 1)):
        store.insert("order_items", order_id=made, item_name="Rope", item_number=sku, price=Decimal(10), quantity=1)
    store.insert(
        "order_payments",
        order_id=made,
        customer_id=number,
        payment_type="Custom",
        payment_method_name="Net terms",
        amount=Decimal(20),
    )
    return int(str(made))


def _plain(number: int) -> str:
    return f"ROPE-{number}"


def _combined(number: int) -> str:
    return f"DYE-{number}"


def _set(resource: str, value: Callable[[int], Mapping[str, object]], *, after: int = 0) -> Change:
    """Fields of the row with that number; `after` rows are of another sort."""

    def change(on: World, number: int, turn: int) -> None:
        on.platforms.store.update(resource, after + number, **value(turn))

    return change


def _shipped(on: World, number: int, turn: int) -> None:
    """The parcel of an order gets another number; the first time it is packed."""
    store = on.platforms.store
    tracking = {"shipping_provider_name": "UPS", "tracking_numbers": f"1Z{turn:03}{number:03}"}
    for row in store.rows("order_shipments"):
        if row["order_id"] == number:
            store.update("order_shipments", int(str(row["id"])), **tracking)
            return
    items = tuple(
        {"id": row["id"], "quantity_shipped": 1} for row in store.rows("order_items") if row["order_id"] == number
    )
    store.insert("order_shipments", order_id=number, shipped_at=store.clock(), items=items, **tracking)


def _ordered(on: World, number: int, turn: int) -> None:  # noqa: ARG001
    _order(on, number)


def _joined(on: World, number: int, turn: int) -> None:
    _customer(on, 1000 * (turn + 1) + number)


IN_STORE: Sequence[Case] = (
    Case("product: title", _set("products", lambda turn: {"item_name": f"Rope {turn}"}), BULK, SINGLE),
    Case("product: weight of a combination", _set("variant_inventory", lambda turn: {"weight": turn + 2}), BULK, 0.11),
    Case("price: row of a customer type", _set("product_pricing", lambda turn: {"price": 6 + turn}), BULK, BULK),
    Case("price and RRP: list price", _set("products", lambda turn: {"price": 9 + turn}), BULK, SINGLE),
    Case("stock: product", _set("products", lambda turn: {"quantity_on_hand": 20 + turn}), BULK, BULK),
    Case("stock: combination", _set("variant_inventory", lambda turn: {"inventory": 20 + turn}), BULK, BULK),
    Case("customer: company", _set("customers", lambda turn: {"company": f"Acme {turn}"}), BULK, SINGLE),
    Case("customer: address", _set("addresses", lambda turn: {"city": f"City {turn}"}), BULK, SINGLE),
    Case("customer: type", _set("customers", lambda turn: {"customer_type_id": turn + 2}), BULK, 2.05),
    Case("sub-account: company", _set("customers", lambda turn: {"company": f"Sub {turn}"}, after=EACH), BULK, SINGLE),
    Case("customer: new", _joined, SINGLE, 2.05),
    Case("customer group: name", _set("customer_types", lambda turn: {"name": f"Group {turn}"}), 0.11, SINGLE, FEW),
    Case("stock location: name", _set("warehouses", lambda turn: {"name": f"House {turn}"}), 0.11, SINGLE, FEW),
    Case(
        "shipping method: name",
        _set("custom_shipping_methods", lambda turn: {"name": f"Van {turn}"}),
        0.11,
        SINGLE,
        FEW,
    ),
    Case("order: status", _set("orders", lambda turn: {"order_status_id": 2 - turn % 2}), BULK, SINGLE),
    Case("order: shipment", _shipped, BULK, SINGLE),
    Case("order: new", _ordered, SINGLE, SINGLE),
)
"""What a merchant does in the store; it flows to SparkLayer."""


async def _site_stock(on: World, number: int, turn: int) -> None:
    row = {"sku": _plain(number), "stock_location_external_id": "default", "stock_level": 500 + turn}
    await on.merchant.stock.update([{**row, "min_stock_level": 0, "restock_date": None}])


async def _site_price(on: World, number: int, turn: int) -> None:
    pricing = [{"quantity": 1, "price": Decimal(70 + turn)}]
    block = {"sku": _plain(number), "price_list_slug": "sp-base-usd", "pricing": pricing}
    await on.merchant.prices.update([block])


async def _site_company(on: World, number: int, turn: int) -> None:
    await on.merchant.customers.change("platform", str(number), {"company_name": f"Bought {turn}"})


async def _site_address(on: World, number: int, turn: int) -> None:
    found: Any = on.platforms.site.customers.find("platform", str(number))
    kept = ("external_id", "first_name", "last_name", "address_line1", "region_code", "postal_code", "country_code")
    book = [{**{name: address[name] for name in kept}, "city": f"Town {turn}"} for address in found["addresses"]]
    await on.merchant.customers.change("platform", str(number), {"addresses": book})


def _site_order(on: World, number: int, turn: int) -> None:
    found: Any = on.platforms.site.customers.find("platform", str(number))
    line = {
        "identifiers": {"sku": _plain(number)},
        "name_parent": "Rope",
        "quantity": Decimal(2),
        "line_total": {"total_net": _usd("20.00"), "total_tax": _usd("1.60"), "total_gross": _usd("21.60")},
    }
    place = {"address_line1": "12 Oak St", "city": "Austin", "region_code": "TX", "country_code": "US"}
    packages = [{"line_items": [line], "shipping_address": place}]
    place_order(on.platforms.site, f"{turn:08x}-{number:04x}-4000-8000-000000000000", found["id"], packages=packages)


def _usd(number: str) -> dict[str, str]:
    return {"number": number, "currency": "usd"}


IN_SITE: Sequence[Case] = (
    Case("stock: product", _site_stock, BULK, SINGLE),
    Case("price: list price", _site_price, BULK, SINGLE),
    Case("customer: company", _site_company, SINGLE, SINGLE),
    Case("customer: address", _site_address, SINGLE, SINGLE),
    Case("order: placed, taken and shown", _site_order, 2.15, 2.4),
)
"""What buyers and merchants do in SparkLayer; it flows to the store."""


def _published(entity: Callable[[int, int], Entity]) -> Change:
    async def change(on: World, number: int, turn: int) -> None:
        event = changed(entity(number, turn), connection=ID, source="erp", time=on.clock.now())
        await on.bus.publish([event], Priority.LIVE)

    return change


def _erp_product(number: int, turn: int) -> Product:
    return Product(key=f"erp:{number}", title=f"Item {turn}", variants=(Variant(id=str(number), sku=f"ERP-{number}"),))


def _erp_variants(number: int, turn: int) -> Product:
    variants = tuple(
        Variant(id=f"{number}-{at}", sku=f"ERPV-{number}-{at}", options=(Option(name="Color", value=f"Shade {at}"),))
        for at in range(2)
    )
    return Product(key=f"erp:v{number}", title=f"Item {turn}", variants=variants)


def _erp_price(number: int, turn: int) -> Price:
    lists = (PriceList(list="base", rows=(PriceRow(amount=Decimal(30 + turn)),)),)
    return Price(sku=f"ERP-{number}", currency="USD", lists=lists)


def _erp_list_price(number: int, turn: int) -> Price:
    lists = (
        PriceList(list="base", rows=(PriceRow(amount=Decimal(100)),)),
        PriceList(list="ct-1", rows=(PriceRow(amount=Decimal(40 + turn)),)),
    )
    return Price(sku=f"ERP-{number}", currency="USD", lists=lists)


def _erp_stock(number: int, turn: int) -> Stock:
    return Stock(sku=f"ERP-{number}", levels=(StockLevel(level=60 + turn),))


def _erp_combined_stock(number: int, turn: int) -> Stock:
    return Stock(sku=f"ERPV-{number}-0", levels=(StockLevel(level=60 + turn),))


def _erp_group(number: int, turn: int) -> CustomerGroup:
    return CustomerGroup(key=f"erp-g{number}", name=f"Group {number} {turn}")


def _erp_customer(company: str, city: str) -> Callable[[int, int], Customer]:
    def made(number: int, turn: int) -> Customer:
        place = Address(line1="1 Elm St", city=city.format(turn), region="Texas", postal_code="78701", country="US")
        return Customer(
            key=f"erp:{number}",
            email=f"erp{number}@x.example",
            first_name="Ana",
            last_name="Ruiz",
            company=company.format(turn),
            addresses=(CustomerAddress(id="a", **place.model_dump()),),
        )

    return made


def _erp_order(number: int, turn: int) -> Order:
    made = order(100 * turn + number, 1)
    line = made.lines[0].model_copy(update={"sku": f"ERP-{number}"})
    return made.model_copy(
        update={"lines": (line,), "key": f"erp:{100 * turn + number}", "refs": {}, "number": f"E{100 * turn + number}"}
    )


def _erp_moved_order(status: OrderStatus) -> Callable[[int, int], Order]:
    def moved(number: int, turn: int) -> Order:
        """Status and shipment of the order that was made before."""
        parcel = Shipment(
            id=str(turn),
            at=datetime(2026, 2, 5, tzinfo=UTC) + timedelta(days=turn),
            tracking=(Tracking(carrier="UPS", number=f"1Z{turn:03}{number:03}"),),
            lines=(Quantity(line="0", quantity=Decimal(1)),),
        )
        shipments = (parcel,) if status is OrderStatus.SHIPPED else ()
        return _erp_order(number, turn).model_copy(update={"status": status, "shipments": shipments})

    return moved


PUBLISHED: Sequence[Case] = (
    Case("product: title", _published(_erp_product), BULK),
    Case("product with variants: title", _published(_erp_variants), BULK),
    Case("price: base list", _published(_erp_price), BULK),
    Case("price: list of a customer type", _published(_erp_list_price), SINGLE),
    Case("stock: product", _published(_erp_stock), BULK),
    Case("stock: combination", _published(_erp_combined_stock), SINGLE),
    Case("customer group: name", _published(_erp_group), SINGLE),
    Case("customer: company", _published(_erp_customer("Firm {}", "Austin")), SINGLE),
    Case("customer: address", _published(_erp_customer("Firm 9", "City {}")), SINGLE),
    Case("order: new", _published(_erp_order), 3.05),
    Case("order: shipment and status", _published(_erp_moved_order(OrderStatus.SHIPPED)), 2.05),
)
"""What another service publishes; it flows to both sides."""
