"""Customers, orders and the rest in doubt: looked at on SparkLayer, and written only where something differs."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from contracts.entities import (
    BandBasis,
    CreditTerms,
    Customer,
    CustomerAddress,
    CustomerGroup,
    Order,
    OrderCustomer,
    OrderLine,
    Quantity,
    Setting,
    Shipment,
    ShippingBand,
    ShippingMethod,
    StockLocation,
    Totals,
    Tracking,
)
from contracts.values import Money
from handlers.outcome import A_WRITE, Applied, Outcome, Waiting
from tests.support.handler_desk import Desk

PLACE = {"line1": "12 Oak St", "city": "Austin", "region": "TX", "country": "US", "postal_code": "78701"}
ANA = Customer.model_validate(
    {
        "key": "sparkpay:5012", "email": "ana@x.example", "first_name": "Ana", "last_name": "Ruiz", "group": "ct-4",
        "price_lists": ("base", "ct-4"), "currency": "USD", "tax_exempt": True, "company": "Roofs", "number": "R-1",
        "addresses": ({"id": "8801", **PLACE}, {"id": "8802", **PLACE, "line1": "9 Elm St"}), "default_billing": "8801",
        "default_shipping": "8802", "discount_percentage": Decimal("2.5"),
        "credit": CreditTerms(currency="USD", limit=Decimal("500.50"), net_days=30),
    }
)  # fmt: skip
BO = Customer(key="sparkpay:5013", email="bo@x.example", first_name="Bo", last_name="L", group="ct-4", parent=ANA.key)
GROUP = CustomerGroup(key="ct-4", name="Trade", minimum_order=(Money(amount=Decimal(50), currency="USD"),))
PARCEL = Shipment(
    id="sh-9", at=datetime(2026, 2, 5, tzinfo=UTC), tracking=(Tracking(carrier="UPS", number="1Z"),),
    lines=(Quantity(line="9001", quantity=Decimal(2)),),
)  # fmt: skip
ORDER = Order(
    key="sparkpay:100020",
    refs={"sparkpay": "100020"},
    number="100020",
    placed_at=datetime(2026, 2, 3, 15, 4, 5, tzinfo=UTC),
    currency="USD",
    customer=OrderCustomer(key=ANA.key),
    billing=CustomerAddress(id="1", **PLACE),  # type: ignore[arg-type]
    lines=(
        OrderLine(id="9001", sku="ROPE", name="Rope", quantity=Decimal(3), net=Decimal("300.00"), tax=Decimal("24.75")),
    ),
    shipments=(PARCEL,),
    totals=Totals(grand=Decimal("324.75"), tax=Decimal("24.75"), paid=Decimal(0)),
)
PALLET = ShippingMethod(
    key="sp-csm-3", name="Pallet", countries=("US",), groups=("base",),
    bands=(ShippingBand(basis=BandBasis.WEIGHT, upper=Decimal(1000), price=Decimal(0)),),
)  # fmt: skip
WEST = StockLocation(key="wh-2", name="West")


def only(outcomes: Mapping[str, Outcome]) -> Outcome:
    (outcome,) = outcomes.values()
    return outcome


def unchanged(outcomes: Mapping[str, Outcome]) -> bool:
    return all(isinstance(outcome, Applied) and outcome.unchanged for outcome in outcomes.values())


def writes(desk: Desk) -> list[str]:
    return [call for call in desk.calls() if not call.startswith("GET")]


async def peopled(desk_of: Callable[..., Desk], **settings: str) -> Desk:
    desk = desk_of(**settings)
    desk.settings = desk.settings.with_b2b_types("all")
    for entities in ((GROUP,), (ANA,), (BO,), (ORDER,)):
        (outcome,) = await desk.apply(*entities)
        assert isinstance(outcome, Applied), outcome
    desk.calls()
    return desk


@pytest.mark.parametrize("api", ["v2", "v1"])
async def test_customers_that_are_there_are_not_written(desk_of: Callable[..., Desk], api: str) -> None:
    desk = await peopled(desk_of, customers__api=api)
    remembered = {key: row.ledger.get("id") for key, row in desk.rows.items()}
    desk.forget()
    assert unchanged(await desk.recover("customer-group"))
    assert unchanged(await desk.recover("customer"))
    assert writes(desk) == []
    assert {key: row.ledger.get("id") for key, row in desk.rows.items() if key[0] == "customer"} == {
        key: id_ for key, id_ in remembered.items() if key[0] == "customer"
    }


CHANGES: list[dict[str, Any]] = [
    {"last_name": "R"}, {"company": "R"}, {"number": "R-2"}, {"tax_exempt": False}, {"default_billing": "8802"},
    {"discount_percentage": Decimal(3)}, {"credit": CreditTerms(currency="USD", limit=Decimal(1), net_days=30)},
    {"addresses": ANA.addresses[:1]}, {"price_lists": ("base",)},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
async def test_a_customer_that_differs_is_written_unless_only_a_look_was_asked_for(
    desk_of: Callable[..., Desk], change: dict[str, Any]
) -> None:
    desk = await peopled(desk_of)
    desk.put("customer", ANA.key, ANA.model_copy(update=change))
    desk.rows.pop(("customer", BO.key))
    desk.forget(look_only=True)
    outcome = only(await desk.recover("customer"))
    assert isinstance(outcome, Waiting)
    assert (outcome.for_, writes(desk)) == (A_WRITE, [])
    desk.forget()
    outcome = only(await desk.recover("customer"))
    assert isinstance(outcome, Applied)
    assert not outcome.unchanged
    assert writes(desk)


async def test_a_customer_that_is_gone_is_looked_for_and_parked(desk_of: Callable[..., Desk]) -> None:
    desk = await peopled(desk_of)
    desk.rows["customer", ANA.key].entity = None
    desk.put("customer", "sparkpay:77", None)
    desk.rows.pop(("customer", BO.key))
    desk.forget(look_only=True)
    found = await desk.recover("customer")
    assert isinstance(found[ANA.key], Waiting)
    assert unchanged({"77": found["sparkpay:77"]})
    desk.forget()
    await desk.recover("customer")
    desk.forget(look_only=True)
    assert unchanged(await desk.recover("customer"))


async def test_a_group_that_differs(desk_of: Callable[..., Desk]) -> None:
    desk = await peopled(desk_of)
    for change in ({"name": "Other"}, {"minimum_order": (Money(amount=Decimal(51), currency="USD"),)}):
        desk.put("customer-group", "ct-4", GROUP.model_copy(update=change))
        desk.forget(look_only=True)
        assert isinstance(only(await desk.recover("customer-group")), Waiting)
        assert writes(desk) == []


@pytest.mark.parametrize("api", ["purchases", "orders_v1"])
async def test_orders_that_are_there_are_not_written(desk_of: Callable[..., Desk], api: str) -> None:
    desk = await peopled(desk_of, orders__api=api)
    desk.forget()
    assert unchanged(await desk.recover("order"))
    assert writes(desk) == []
    again = Shipment(id="sh-10", lines=(Quantity(line="9001", quantity=Decimal(1)),))
    desk.put("order", ORDER.key, ORDER.model_copy(update={"shipments": (PARCEL, again)}))
    desk.forget(look_only=True)
    assert isinstance(only(await desk.recover("order")), Waiting)
    assert writes(desk) == []
    desk.forget()
    assert isinstance(only(await desk.recover("order")), Applied)
    assert len(writes(desk)) == 1
    desk.forget()
    assert unchanged(await desk.recover("order"))


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_shipping_methods_and_places(desk_of: Callable[..., Desk], version: str) -> None:
    desk = desk_of(shipping__api=version, stock__mode="per_warehouse")
    for entity in (PALLET, WEST):
        await desk.apply(entity)
    desk.calls()
    desk.forget()
    assert unchanged(await desk.recover("shipping-method"))
    assert unchanged(await desk.recover("stock-location"))
    assert writes(desk) == []
    desk.put("shipping-method", PALLET.key, PALLET.model_copy(update={"name": "Other"}))
    desk.put("stock-location", WEST.key, WEST.model_copy(update={"name": "Other"}))
    desk.forget(look_only=True)
    for kind in ("shipping-method", "stock-location"):
        assert isinstance(only(await desk.recover(kind)), Waiting)
    assert writes(desk) == []
    desk.forget()
    for kind in ("shipping-method", "stock-location"):
        assert not unchanged(await desk.recover(kind))


async def test_settings_are_compared(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of()
    rows = await desk.client.settings.all()
    key, value = next((row["key"], row["value"]) for row in rows if isinstance(row["value"], bool))
    desk.put("setting", key, Setting(key=key, value=not value))
    desk.forget(look_only=True)
    desk.calls()
    assert isinstance(only(await desk.recover("setting")), Waiting)
    assert writes(desk) == []
    desk.put("setting", key, Setting(key=key, value=value))
    desk.forget(look_only=True)
    assert unchanged(await desk.recover("setting"))
