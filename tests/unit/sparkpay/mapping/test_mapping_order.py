"""Spark Pay order -> canonical order, rule by rule."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import OrderBundle
from connector.sparkpay.mapping import MappingFault, order_entity, order_in_scope
from contracts.entities import (
    LineKind,
    Order,
    OrderKind,
    OrderStatus,
    PaymentMethod,
    Quantity,
    Shipment,
    TaxLine,
    Tracking,
)
from tests.support.sparkpay_people import (
    item_row,
    order,
    order_address_row,
    payment_row,
    shipment_row,
    store,
)

SETTINGS = ConnectionSettings().with_b2b_types("7")
CHANGED = datetime(2026, 2, 4, 16, 0, tzinfo=UTC)


def mapped(bundle: OrderBundle, settings: ConnectionSettings = SETTINGS) -> Order:
    return order_entity(bundle, store(), settings)


def test_an_open_order() -> None:
    found = mapped(order())
    assert (found.key, found.number, found.kind, found.status) == (
        "sparkpay:100020", "100020", OrderKind.ORDER, OrderStatus.OPEN,
    )  # fmt: skip
    assert found.placed_at == datetime(2026, 2, 3, 15, 4, 5, 123000, tzinfo=UTC)
    assert (found.status_name, found.status_at) == ("Fresh", CHANGED)
    assert (found.customer.key, found.customer.email) == ("sparkpay:5012", "ana@roofers.example")
    (line,) = found.lines
    assert (line.id, line.sku, line.detail, line.unit_price) == ("9001", "ROPE-60-RED", "Colour: Red", Decimal(100))
    assert (line.net, line.tax) == (Decimal(300), Decimal("24.75"))
    assert found.taxes == (TaxLine(title="Tax", amount=Decimal("24.75")),)
    assert found.shipping is not None
    assert (found.shipping.method, found.shipping.net) == ("UPS Ground", Decimal(12))
    assert found.totals.grand == Decimal("336.75")
    assert (found.shipments, found.cancellations, found.returns) == ((), (), ())


def test_an_order_that_began_in_sparklayer_is_keyed_by_its_cart() -> None:
    bundle = replace(order(), custom_fields=({"name": "sparklayer_cart_id", "value": "f5b1"},))
    found = mapped(bundle)
    assert found.key == "sparklayer:f5b1"
    assert found.refs == {"sparkpay": "100020", "sparklayer": "f5b1"}
    assert order_in_scope(replace(bundle, customer=None), ConnectionSettings())


def test_codes_and_leading_zeros_of_order_addresses_come_back() -> None:
    billing = mapped(order()).billing
    assert billing is not None
    assert (billing.postal_code, billing.region, billing.country) == ("02139", "MA", "US")


def test_lines_that_go_elsewhere_have_a_destination_of_their_own() -> None:
    bundle = order(item_row(), item_row(id=9002, order_shipping_address_id=72))
    bundle = replace(bundle, addresses={71: order_address_row(), 72: order_address_row(id=72, city="Salem")})
    found = mapped(bundle)
    assert [place.id for place in found.destinations] == ["71", "72"]
    assert [line.ships_to for line in found.lines] == [None, "72"]
    assert [place.address.city for place in found.destinations if place.address] == ["Cambridge", "Salem"]


@pytest.mark.parametrize(
    ("status_id", "status"),
    [
        (1, OrderStatus.OPEN),
        (2, OrderStatus.SHIPPED),
        (3, OrderStatus.PARTIALLY_SHIPPED),
        (4, OrderStatus.CANCELLED),
        (5, OrderStatus.DECLINED),
        (6, OrderStatus.REFUNDED),
        (7, OrderStatus.PARTIALLY_REFUNDED),
        (99, OrderStatus.OPEN),
    ],
)
def test_the_flags_of_a_status_decide(status_id: int, status: OrderStatus) -> None:
    assert mapped(order(order_status_id=status_id)).status is status


def test_shipments_with_their_parcels() -> None:
    bundle = replace(order(), shipments=(shipment_row(tracking_numbers="1Z1, 1Z2;1Z3"),))
    found = mapped(bundle)
    assert found.status is OrderStatus.PARTIALLY_SHIPPED
    url = "https://parcels.example/1Z999"
    assert found.shipments == (
        Shipment(
            id="sh-41",
            refs={"sparkpay": "41"},
            at=datetime(2026, 2, 5, 6, 0, tzinfo=UTC),
            method="UPS Ground",
            tracking=tuple(Tracking(carrier="UPS", number=number, url=url) for number in ("1Z1", "1Z2", "1Z3")),
            lines=(Quantity(line="9001", quantity=Decimal(2)),),
        ),
    )


def test_a_shipped_status_ships_what_no_shipment_tells_of() -> None:
    bare = mapped(order(order_status_id=2))
    assert bare.shipments == (Shipment(id="status-shipped", at=CHANGED),)
    rest = mapped(replace(order(order_status_id=2), shipments=(shipment_row(),)))
    assert [one.id for one in rest.shipments] == ["sh-41", "status-shipped"]
    whole = mapped(
        replace(order(order_status_id=2), shipments=(shipment_row(items=[{"id": 9001, "quantity_shipped": 3}]),))
    )
    assert [one.id for one in whole.shipments] == ["sh-41"]
    unnamed = mapped(replace(order(order_status_id=2), shipments=(shipment_row(items=[]),)))
    assert [one.lines for one in unnamed.shipments] == [None]


def test_cancelled_refunded_and_declined_orders() -> None:
    cancelled = mapped(replace(order(order_status_id=4), shipments=(shipment_row(),)))
    assert [(one.id, one.lines) for one in cancelled.cancellations] == [("status-cancelled", None)]
    refunded = mapped(order(order_status_id=6))
    assert [one.id for one in refunded.shipments] == ["status-shipped"]
    assert [one.id for one in refunded.returns] == ["status-refunded"]
    assert [one.id for one in refunded.cancellations] == ["status-cancelled"]
    assert mapped(order(order_status_id=7)).returns == ()


def test_quotes_are_known_by_type_and_by_status() -> None:
    assert mapped(order(order_type="Quote")).kind is OrderKind.QUOTE
    assert mapped(order(order_status_id=8)).kind is OrderKind.QUOTE


@pytest.mark.parametrize(
    ("payments", "method", "paid"),
    [
        ([], PaymentMethod.OTHER, 0),
        ([{}], PaymentMethod.ON_ACCOUNT, 0),
        ([{"payment_type": "CreditCard", "payment_method_name": "Card", "is_approved": True, "is_captured": True}],
         PaymentMethod.UPFRONT, Decimal("336.75")),
        ([{"is_void": True}, {"id": 32, "payment_type": "PayPalExpress", "payment_method_name": ""}],
         PaymentMethod.UPFRONT, 0),
        ([{"payment_method_name": "Barter"}], PaymentMethod.OTHER, 0),
        ([{"is_approved": True, "is_captured": True, "is_declined": True}], PaymentMethod.OTHER, 0),
    ],
)  # fmt: skip
def test_payments(payments: list[dict[str, Any]], method: PaymentMethod, paid: Decimal) -> None:
    chosen = SETTINGS.with_values({"orders.payment_methods": '{"net terms": "on-account"}'})
    found = mapped(replace(order(), payments=tuple(payment_row(**row) for row in payments)), chosen)
    assert (found.payment_method, found.totals.paid) == (method, paid)


@pytest.mark.parametrize(
    ("name", "method"),
    [("On account", "on-account"), ("INVOICE", "invoice"), ("paid upfront", "upfront"), ("Other", "other")],
)
def test_what_paylayer_calls_a_payment_is_understood_without_settings(name: str, method: str) -> None:
    bundle = replace(order(), payments=(payment_row(payment_type="Custom", payment_method_name=name),))
    assert mapped(bundle).payment_method == method
    chosen = SETTINGS.with_values({"orders.payment_methods": '{"Invoice": "other", "On account": "upfront"}'})
    other = {"on-account": "upfront", "invoice": "other"}
    assert mapped(bundle, chosen).payment_method == other.get(method, method)


def test_the_buyers_own_number() -> None:
    field = {"name": "purchase order number", "value": "PO-1"}
    assert mapped(replace(order(instructions="PO-9"), custom_fields=(field,))).customer_reference == "PO-1"
    assert mapped(replace(order(), payments=(payment_row(fields=[field]),))).customer_reference == "PO-1"
    assert mapped(order(instructions="PO-9")).customer_reference == "PO-9"
    assert mapped(order()).customer_reference is None


def test_an_invoice_has_a_url_only_with_a_template() -> None:
    bundle = order(manufacturer_invoice_number="R/1")
    assert [(one.number, one.url) for one in mapped(bundle).invoices] == [("R/1", None)]
    chosen = SETTINGS.with_values({"orders.invoice_url": "https://erp.example/{number}.pdf"})
    assert [one.url for one in mapped(bundle, chosen).invoices] == ["https://erp.example/R/1.pdf"]


def test_payment_orders_and_strangers_are_left_out() -> None:
    assert order_in_scope(order(), SETTINGS)
    assert not order_in_scope(order(is_payment_order_only=True), SETTINGS)
    assert not order_in_scope(order(), ConnectionSettings())


def test_an_order_without_any_date_is_a_fault() -> None:
    with pytest.raises(MappingFault, match="neither ordered_at nor created_at"):
        mapped(order(ordered_at=""))


cents = st.decimals(0, 500, places=2)


@given(
    prices=st.lists(st.tuples(cents, st.integers(1, 9), st.decimals(0, 5, places=2)), min_size=1, max_size=4),
    handling=cents,
    fees=cents,
    discount=st.decimals(0, 20, places=2),
    discount_line=st.booleans(),
)
def test_the_lines_add_up_to_what_the_order_says(
    prices: list[tuple[Decimal, int, Decimal]], handling: Decimal, fees: Decimal, discount: Decimal, discount_line: bool
) -> None:
    items = [
        item_row(id=1 + n, price=price, quantity=quantity, discount_amount=min(off, price * quantity))
        for n, (price, quantity, off) in enumerate(prices)
    ]
    told = sum((row["discount_amount"] for row in items), Decimal(0))
    goods = sum((row["price"] * row["quantity"] for row in items), Decimal(0))
    if discount_line:
        items.append(item_row(id=99, price=discount, quantity=1, is_discount_item=True, item_name="Coupon"))
    found = mapped(
        order(
            *items,
            handling_total=handling,
            additional_fees=fees,
            discount_total=told + discount,
        )
    )
    assert sum((line.net for line in found.lines), Decimal(0)) == goods - told - discount + handling + fees
    assert all(line.sku is None for line in found.lines if line.kind is not LineKind.ITEM)
    assert len({line.id for line in found.lines}) == len(found.lines)
