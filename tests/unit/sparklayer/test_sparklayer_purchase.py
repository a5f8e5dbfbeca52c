"""A purchase that was placed in SparkLayer -> canonical order."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.settings import ConnectionSettings
from connector.sparklayer.mapping.faults import MappingFault
from connector.sparklayer.mapping.purchase import is_placed_there, order_entity, shows_every_piece
from contracts.entities import Invoice, LineKind, OrderKind, OrderStatus, PaymentMethod, TaxLine

CART = "f5b1c2d4-8a57-4f0e-9b0e-2f8d3c6a1e90"


def money(number: str) -> dict[str, str]:
    return {"number": number, "currency": "usd"}


def purchase(**changes: Any) -> dict[str, Any]:
    place = {"address_line1": "12 Oak St", "city": "Austin", "region_code": "TX", "country_code": "US"}
    row: dict[str, Any] = {
        "type": "order_unconfirmed",
        "purchase_identifiers": {"sparklayer": CART, "visible": "B-7"},
        "customer_identifiers": {"sparklayer": "cu_77"},
        "dates": {"placed": "2026-02-03T15:04:05Z"},
        "billing_address": place,
        "packages": [
            {
                "line_items": [
                    {
                        "identifiers": {"sku": "ROPE"}, "name_parent": "Rope", "name": "60 m", "quantity": Decimal(3),
                        "line_total": {"total_net": money("30.50"), "total_tax": money("2.52")},
                        "custom_attributes": [{"key": "cut", "value": "2 m"}],
                    }
                ],
                "shipping_address": place,
                "shipping_method": {"name": "Ground", "line_total": {"total_net": money("12.00")}},
            }
        ],
        "custom_fields": [{"name": "customer_reference", "value": "PO-1"}, {"name": "project", "value": "roof"}],
        "metadata": [{"name": "payment_method", "value": "paymentOnAccount"}],
        "tax_lines": [{"title": "Sales tax", "amount": money("2.52"), "rate": Decimal("0.0825")}],
        "total_paid": money("0.00"),
    }  # fmt: skip
    return {**row, **changes}


def test_an_order_with_everything() -> None:
    customer = {
        "external_id": "5012", "email": "ana@x.example", "first_name": "Ana", "group": "ct-4",
        "payment_on_account": {"net_terms": "30_days"},
    }  # fmt: skip
    order = order_entity(purchase(), customer)
    assert (order.key, order.refs, order.number) == (f"sparklayer:{CART}", {"sparklayer": CART}, "B-7")
    assert (order.kind, order.status) == (OrderKind.ORDER, OrderStatus.UNCONFIRMED)
    assert order.placed_at == datetime(2026, 2, 3, 15, 4, 5, tzinfo=UTC)
    assert (order.currency, order.payment_method, order.net_days) == ("USD", PaymentMethod.ON_ACCOUNT, 30)
    assert (order.customer.key, order.customer.refs) == ("sparkpay:5012", {"sparklayer": "cu_77", "sparkpay": "5012"})
    (line,) = order.lines
    assert (line.sku, line.quantity, line.net, line.unit_price) == ("ROPE", 3, Decimal("30.50"), Decimal("10.1667"))
    assert (line.detail, line.attributes, line.ships_to) == ("60 m", {"cut": "2 m"}, "1")
    assert order.shipping is not None
    assert (order.shipping.method, order.shipping.net) == ("Ground", Decimal("12.00"))
    assert order.taxes == (TaxLine(title="Sales tax", rate=Decimal("0.0825"), amount=Decimal("2.52")),)
    assert (order.totals.grand, order.totals.tax, order.totals.paid) == (Decimal("45.02"), Decimal("2.52"), 0)
    assert (order.customer_reference, order.attributes["project"]) == ("PO-1", "roof")
    assert [place.address.city for place in order.destinations if place.address] == ["Austin"]


def test_only_what_no_shop_has_taken_is_ours_to_place() -> None:
    assert is_placed_there(purchase())
    assert is_placed_there(purchase(type="quote"))
    assert not is_placed_there(purchase(type="cart"))
    assert not is_placed_there(purchase(purchase_identifiers={"sparklayer": CART, "platform": "100020"}))
    assert not is_placed_there(purchase(purchase_identifiers={"platform": "100020"}))


def test_another_services_customer_keeps_its_key() -> None:
    assert order_entity(purchase(), {"external_id": "erp:K-1"}).customer.key == "erp:K-1"
    assert order_entity(purchase()).customer.key is None


def test_packages_may_be_one_object_and_quotes_are_quotes() -> None:
    order = order_entity(purchase(type="quote", packages=purchase()["packages"][0]))
    assert (order.kind, len(order.lines)) == (OrderKind.QUOTE, 1)


def line(**changes: Any) -> dict[str, Any]:
    (package,) = purchase()["packages"]
    return purchase(packages=[{**package, "line_items": [{**package["line_items"][0], **changes}]}])


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (purchase(purchase_identifiers={}), "cart_missing"),
        (line(line_total={}), "price_missing"),
        (line(quantity=None), "quantity_invalid"),
        (line(quantity=Decimal(0)), "quantity_invalid"),
        (purchase(dates={}), "date_missing"),
        (purchase(dates={"placed": "soon"}), "date_missing"),
        (purchase(packages=[], total_paid=None, tax_lines=[]), "currency_missing"),
    ],
)
def test_what_is_no_order_says_why(row: dict[str, Any], code: str) -> None:
    with pytest.raises(MappingFault) as fault:
        order_entity(row)
    assert fault.value.code == code


@pytest.mark.parametrize("odd", [None, 7, "x", [], [1], {"a": []}, True])
@pytest.mark.parametrize("name", sorted(purchase()))
def test_odd_values_are_a_fault_or_nothing(name: str, odd: object) -> None:
    try:
        order = order_entity(purchase(**{name: odd}))
    except MappingFault:
        return
    assert order.key == f"sparklayer:{CART}"


def of(*packages: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return purchase(packages=list(packages), **changes)


def pack(*lines: tuple[str, str, str], **fields: Any) -> dict[str, Any]:
    """A package with pieces: id in the shop, quantity, net."""
    return {
        "line_items": [
            {
                "identifiers": {"sku": f"S-{id_}", "platform": id_}, "name_parent": "Rope",
                "quantity": Decimal(quantity), "line_total": {"total_net": money(net)},
            }
            for id_, quantity, net in lines
        ],
        **fields,
    }  # fmt: skip


TAKEN = {"type": "order", "purchase_identifiers": {"sparklayer": CART, "platform": "9"}}
WORDS = ConnectionSettings().with_values(
    {"orders.package_types": '{"open": "o", "shipped": "s", "cancelled": "c", "returned": "r"}'}
)


def test_who_placed_it_for_the_customer_is_told() -> None:
    ids = {"sparklayer": "cu_77", "sparklayer_impersonator": "cu_1", "sparklayer_sales_rep": "rep-2"}
    order = order_entity(purchase(customer_identifiers=ids))
    assert order.customer.refs == {"sparklayer": "cu_77"}
    assert order.internal_note == "Placed on behalf of the customer by: cu_1; Sales rep: rep-2"
    assert order.attributes["sparklayer_sales_rep"] == "rep-2"


def test_shipping_of_all_packages_and_taxes_that_stand_by_title_alone_are_in_the_sum() -> None:
    freight = {"name": "Ground", "line_total": {"total_net": money("5.00")}}
    order = order_entity(
        of(pack(("1", "1", "10.00"), shipping_method=freight), pack(("2", "1", "20"), shipping_method=freight))
    )
    assert order.shipping is not None
    assert (order.shipping.net, order.totals.tax, order.totals.grand) == (10, Decimal("2.52"), Decimal("42.52"))


def test_a_line_without_any_identifier_is_a_fee_or_a_discount_and_never_an_item() -> None:
    extra = [
        {"name_parent": name, "quantity": 1, "line_total": {"total_net": money(net)}, "identifiers": ids}
        for name, net, ids in (("Handling", "3.00", {}), ("Coupon", "-2.00", {}), ("Odd", "1.00", {"code": "X"}))
    ]
    order = order_entity(of({"line_items": [*pack(("1", "1", "10"))["line_items"], *extra]}))
    assert [line.kind for line in order.lines] == [LineKind.ITEM, LineKind.FEE, LineKind.DISCOUNT, LineKind.ITEM]
    assert order.lines[3].sku is None, "what cannot be read is refused later, not guessed"


@pytest.mark.parametrize(
    ("packages", "status"),
    [
        ([pack(("1", "1", "1"), type="o")], OrderStatus.OPEN),
        ([pack(("1", "1", "1"), type="s")], OrderStatus.SHIPPED),
        ([pack(("1", "1", "1"), type="s"), pack(("1", "1", "1"), type="o")], OrderStatus.PARTIALLY_SHIPPED),
        ([pack(("1", "1", "1"), type="c")], OrderStatus.CANCELLED),
        ([pack(("1", "1", "1"), type="c"), pack(("2", "1", "1"), type="o")], OrderStatus.OPEN),
        ([pack(("1", "1", "1"), type="s"), pack(("2", "1", "1"), type="c")], OrderStatus.SHIPPED),
        ([pack(("1", "1", "1"), type="r")], OrderStatus.REFUNDED),
        ([pack(("1", "1", "1"), shipments=[{"carrier": "UPS"}])], OrderStatus.SHIPPED),
        ([pack(("1", "1", "1"))], OrderStatus.OPEN),
        ([], OrderStatus.OPEN),
    ],
)
def test_how_far_it_is_shows_in_its_packages(packages: list[dict[str, Any]], status: OrderStatus) -> None:
    assert order_entity(of(*packages, **TAKEN), settings=WORDS).status is status


def test_cancelled_and_returned_pieces_by_the_sites_words() -> None:
    packages = [pack(("1", "1", "5"), type="c"), pack(("1", "2", "10"), type="r"), pack(("1", "3", "15"), type="o")]
    order = order_entity(of(*packages, **TAKEN), settings=WORDS)
    assert [(line.quantity, line.net) for line in order.lines] == [(6, 30)]
    (cancelled,), (returned,), (shipped,) = order.cancellations, order.returns, order.shipments
    assert [one.quantity for one in cancelled.lines or ()] == [1]
    assert [one.quantity for one in returned.lines or ()] == [one.quantity for one in shipped.lines or ()] == [2]


def test_pieces_that_are_only_named_in_metadata_are_missing() -> None:
    assert shows_every_piece(purchase())
    assert not shows_every_piece(purchase(metadata=[{"name": "cancelled", "value": '{"ROPE": "1"}'}]))


def test_an_invoice_is_told_with_its_address() -> None:
    file = {
        "identifiers": {"visible": "R-1"},
        "data": {"type": "uri", "uri": "https://x.example/r1"},
        "file_type": "invoice",
    }
    assert order_entity(purchase(accounting_files=[file])).invoices == (
        Invoice(number="R-1", url="https://x.example/r1"),
    )
