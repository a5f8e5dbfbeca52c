"""What one order with twenty lines, two addresses and a payment costs in Spark Pay, and what its later life does."""

from datetime import UTC, datetime
from decimal import Decimal

from contracts.entities import Order, OrderStatus, Quantity, Shipment, Tracking
from handlers.outcome import Applied
from tests.benchmarks.figures import Figure, at_most
from tests.benchmarks.orders_placed import order
from tests.support.sparkpay_desk import StoreDesk

LINES = 20
IN_ONE = 2  # the order, and a look at what became of it: the route's answer is not documented
ROWS = 2 + 1 + LINES + 1  # addresses, the order, its lines, the payment (vendor docs: one call per row)
LOOKS = 3  # the customer by e-mail, the products and the combinations by item number
FIELDS = 2  # the cart and the buyer's own number
BACK = 1  # the ids of the lines, for shipments


async def measure() -> list[Figure]:
    """Of a store with integration routes, and of one without."""
    return [*await _one(plain_rows=False), *await _one(plain_rows=True)]


async def _one(*, plain_rows: bool) -> list[Figure]:
    desk = StoreDesk(policy={"integration_routes": not plain_rows})
    store = desk.store
    store.insert("stores", name="Shop")
    store.insert("categories", name="Tools")
    store.insert("product_statuses", name="In Stock")
    for number in range(LINES):
        store.insert(
            "products", item_number=f"P-{number}", item_name="Item", price=Decimal(20), product_status_id=1,
            primary_category_id=1,
        )  # fmt: skip
    store.insert("order_statuses", name="Fresh", is_open=True)
    store.insert("order_statuses", name="Gone", is_shipped=True)
    store.insert("customers", email="buyer1@x.example", store_id=1)
    await _apply(desk, 0)  # a store is got to know once
    desk.calls()
    wanted = await _apply(desk, 1)
    created = len(desk.calls())
    parcel = Shipment(
        id="77",
        at=datetime(2026, 2, 5, tzinfo=UTC),
        tracking=(Tracking(carrier="UPS", number="1Z"),),
        lines=tuple(Quantity(line=str(at), quantity=Decimal(1)) for at in range(LINES)),
    )
    await desk.apply(wanted.model_copy(update={"shipments": (parcel,), "status": OrderStatus.SHIPPED}))
    shipped = len(desk.calls())
    label = "plain rows" if plain_rows else "integration route"
    least = ROWS + LOOKS + FIELDS + BACK if plain_rows else IN_ONE
    broken = len(desk.violations())
    return [
        at_most("order_calls", f"{label}: {LINES} lines, 2 addresses, a payment", created, "calls", least),
        at_most("order_calls", f"{label}: a shipment of them and the status", shipped, "calls", 2),
        at_most("order_calls", f"{label}: requests that break the vendor's description", broken, "calls", 0),
    ]


async def _apply(desk: StoreDesk, number: int) -> Order:
    wanted = order(number, LINES)
    (outcome,) = await desk.apply(wanted)
    assert isinstance(outcome, Applied), outcome
    return wanted
