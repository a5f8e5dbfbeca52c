"""What each refusal of Spark Pay means, endpoint by endpoint, and that a write is never repeated blindly."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.sandbox.faults import FaultRule
from contracts.entities import (
    Address,
    Customer,
    CustomerAddress,
    CustomerGroup,
    Destination,
    Entity,
    Order,
    OrderCustomer,
    OrderLine,
    Price,
    PriceList,
    PriceRow,
    Product,
    Stock,
    StockLevel,
    Totals,
    Variant,
)
from handlers.outcome import Applied, Failed, Outcome, Rejected
from handlers.sparkpay.product_import import result_of
from tests.support.sparkpay_desk import StoreDesk

HERE = Address(line1="12 Oak St", city="Austin", region="TX", country="US")
PLAIN = Product(key="erp:1", title="Rope", variants=(Variant(id="1", sku="N-1"),))
COMBINED = Product(key="erp:2", title="Line", variants=(Variant(id="1", sku="N-2"), Variant(id="2", sku="N-3")))
PRICE = Price(
    sku="P-1",
    currency="USD",
    lists=(
        PriceList(list="base", rows=(PriceRow(amount=Decimal(9)),)),
        PriceList(list="ct-1", rows=(PriceRow(amount=Decimal(8)),)),
    ),
)
ANA = Customer(
    key="sparklayer:cu_1", email="ana@x.example", addresses=(CustomerAddress(id="a", country="US", city="Austin"),)
)
ORDER = Order(
    key="sparklayer:cart",
    refs={"sparklayer": "cart"},
    placed_at=datetime(2026, 2, 3, tzinfo=UTC),
    currency="USD",
    customer=OrderCustomer(email="bo@x.example"),
    billing=HERE,
    destinations=(Destination(address=HERE),),
    lines=(OrderLine(id="1", sku="P-1", quantity=Decimal(1), unit_price=Decimal(5), net=Decimal(5)),),
    totals=Totals(grand=Decimal(5)),
)
WRITES: list[tuple[str, str, Entity]] = [
    ("POST", "*/products/importMany", PLAIN),
    ("POST", "*/variant_groups", COMBINED),
    ("POST", "*/product_variants", COMBINED),
    ("POST", "*/variant_inventory", COMBINED),
    ("PUT", "*/variant_inventory/*", Stock(sku="V-1", levels=(StockLevel(level=9),))),
    ("POST", "*/products/importMany", Stock(sku="P-1", levels=(StockLevel(level=9),))),
    ("POST", "*/product_pricing", PRICE),
    ("POST", "*/customer_types", CustomerGroup(key="gold", name="Gold")),
    ("POST", "*/customers", ANA),
    ("POST", "*/addresses", ANA),
    ("POST", "*/orders/integration", ORDER),
]
READS: list[tuple[str, Entity]] = [
    ("*/products", PLAIN), ("*/variant_inventory", PRICE), ("*/inventory/settings", Stock(sku="P-1")),
    ("*/customers", ANA), ("*/customer_types", CustomerGroup(key="gold", name="Gold")), ("*/order_statuses", ORDER),
]  # fmt: skip


@pytest.fixture
async def desk() -> AsyncIterator[StoreDesk]:
    made = StoreDesk(b2b__customer_type_ids="all")
    store = made.store
    store.insert("stores", name="Shop")
    store.insert("categories", name="Tools")
    store.insert("product_statuses", name="There")
    store.insert("customer_types", name="Trade")
    store.insert("order_statuses", name="Fresh", is_open=True)
    common = {"product_status_id": 1, "primary_category_id": 1, "price": Decimal(10)}
    store.insert("products", item_number="P-1", item_name="P", **common)
    store.insert("products", item_number="HEAD", item_name="H", use_variant_inventory=True, **common)
    store.insert("variant_inventory", product_id=2, item_number="V-1")
    yield made
    assert made.violations() == []


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


@pytest.mark.parametrize(("method", "path", "entity"), WRITES, ids=lambda value: str(value)[:24])
@pytest.mark.parametrize("status", [400, 409, 422])
async def test_what_the_store_refuses_is_a_dead_letter(
    desk: StoreDesk, method: str, path: str, entity: Entity, status: int
) -> None:
    desk.faults.add(FaultRule(kind="status", status=status, method=method, path=path, times=None))
    outcome = only(await desk.apply(entity))
    assert isinstance(outcome, Rejected)
    assert outcome.status == status


@pytest.mark.parametrize(("method", "path", "entity"), WRITES, ids=lambda value: str(value)[:24])
@pytest.mark.parametrize("status", [500, 503])
async def test_trouble_is_tried_again_after_a_look(
    desk: StoreDesk, method: str, path: str, entity: Entity, status: int
) -> None:
    desk.faults.add(FaultRule(kind="status", status=status, method=method, path=path))
    outcome = only(await desk.apply(entity))
    assert isinstance(outcome, Failed)
    assert (outcome.target, outcome.pause, outcome.uncertain) == (True, False, True)
    kind = next(name for name, key in desk.rows if key == entity.key)
    assert isinstance(only(await desk.run(kind, entity.key)), Applied)


@pytest.mark.parametrize(("method", "path", "entity"), WRITES, ids=lambda value: str(value)[:24])
@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_stop_the_side(
    desk: StoreDesk, method: str, path: str, entity: Entity, status: int
) -> None:
    desk.faults.add(FaultRule(kind="status", status=status, method=method, path=path, times=None))
    outcome = only(await desk.apply(entity))
    assert isinstance(outcome, Failed)
    assert outcome.pause


@pytest.mark.parametrize(("path", "entity"), READS, ids=lambda value: str(value)[:24])
async def test_a_read_that_fails_decides_nothing(desk: StoreDesk, path: str, entity: Entity) -> None:
    desk.faults.add(FaultRule(kind="status", status=503, method="GET", path=path, times=8))
    outcome = only(await desk.apply(entity))
    assert isinstance(outcome, Failed)
    assert (outcome.target, outcome.pause) == (True, False)


async def test_a_refused_read_is_no_fault_of_a_whole_batch(desk: StoreDesk) -> None:
    desk.faults.add(FaultRule(kind="status", status=400, method="GET", path="*/variant_inventory", times=None))
    wanted: list[Any] = [Stock(sku=sku, levels=(StockLevel(level=9),)) for sku in ("P-1", "V-1")]
    outcomes = await desk.apply(*wanted)
    assert all(isinstance(outcome, Failed) and not outcome.pause for outcome in outcomes)
    assert isinstance(only(await desk.apply(wanted[0])), Rejected)


@pytest.mark.parametrize("words", ["Cannot insert the value NULL into column", "Record has been removed"])
def test_a_line_of_a_bulk_call_that_is_bad_for_good(words: str) -> None:
    outcome = result_of({"line_item": 0, "status_code": 500, "entity_id": 0, "message": words})
    assert isinstance(outcome, Rejected)
    assert words in outcome.message
    again = result_of({"line_item": 0, "status_code": 500, "entity_id": 0, "message": "Timeout expired"})
    assert isinstance(again, Failed)
