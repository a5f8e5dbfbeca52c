"""Spark Pay order -> canonical order."""

from collections.abc import Mapping
from decimal import Decimal

from pydantic import ValidationError

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import OrderBundle, ReferenceData, Row
from connector.sparkpay.mapping.address import address
from connector.sparkpay.mapping.customer import attributes, customer_key, invalid
from connector.sparkpay.mapping.faults import MappingFault
from connector.sparkpay.mapping.fields import flag, identity, moment, number, reference, text
from connector.sparkpay.mapping.order_lines import money, order_lines
from connector.sparkpay.mapping.order_progress import cancellations_of, order_status, returns_of, shipments_of
from connector.sparkpay.mapping.scope import group_key, type_in_scope
from connector.sparkpay.mapping.zones import zone_of
from contracts.entities import (
    Address,
    Destination,
    Invoice,
    Order,
    OrderCustomer,
    OrderKind,
    OrderLine,
    Payment,
    PaymentMethod,
    Shipping,
    TaxLine,
    Totals,
)
from contracts.text import clean, cut

_LONGEST_REFERENCE = 512
_GATEWAYS = ("creditcard", "paypal", "amazon", "echeck", "giftcertificate")


def cart_id(bundle: OrderBundle, settings: ConnectionSettings) -> str | None:
    """The SparkLayer cart that the order came from, as its custom field keeps it."""
    return attributes(bundle.custom_fields).get(settings.orders.cart_field)


def order_in_scope(bundle: OrderBundle, settings: ConnectionSettings) -> bool:
    """Orders and quotes of served customers, and every order that began in SparkLayer; never a payment order."""
    row = bundle.order
    if flag(row, "is_payment_order_only"):
        return False
    if cart_id(bundle, settings) is not None:
        return True
    holder = bundle.customer if bundle.customer is not None else row
    return type_in_scope(reference(holder, "customer_type_id"), settings)


def order_entity(bundle: OrderBundle, known: ReferenceData, settings: ConnectionSettings) -> Order:
    """The order as it is now. Raises `MappingFault`."""
    row = bundle.order
    id_ = identity(row, "orders")
    cart = cart_id(bundle, settings)
    key = f"sparkpay:{id_}" if cart is None else f"sparklayer:{cart}"
    zone = zone_of(settings.store.timezone)
    flags = known.order_statuses.get(reference(row, "order_status_id") or 0, {})
    placed = moment(row, "ordered_at", zone) or moment(row, "created_at", zone)
    if placed is None:
        raise MappingFault("ordered_at_missing", f"order {key} has neither ordered_at nor created_at", "ordered_at")
    at = moment(row, "order_status_last_changed_at", zone) or placed
    lines = order_lines(row, bundle.items)
    status = order_status(flags, bundle.shipments)
    try:
        shipments = shipments_of(flags, bundle.shipments, lines, at, zone)
        return Order(
            key=key,
            refs={"sparkpay": str(id_)} | ({"sparklayer": cart} if cart is not None else {}),
            kind=OrderKind.QUOTE if _is_quote(row, flags) else OrderKind.ORDER,
            number=text(row, "order_number") or str(id_),
            status=status,
            status_name=text(flags, "name"),
            status_at=at,
            placed_at=placed,
            currency=settings.store.currency_code,
            customer=_customer(bundle),
            customer_reference=_reference(bundle, settings),
            payment_method=_method(bundle, settings),
            net_days=None,
            note=text(row, "special_instructions") or text(row, "public_comments"),
            internal_note=text(row, "admin_comments"),
            billing=_billing(bundle),
            destinations=_destinations(bundle, lines),
            lines=lines,
            shipping=_shipping(row),
            taxes=_taxes(row),
            totals=_totals(bundle),
            payments=tuple(_payment(found, settings) for found in _by_id(bundle.payments)),
            shipments=shipments,
            cancellations=cancellations_of(status, at),
            returns=returns_of(status, shipments, at),
            invoices=_invoices(row, settings),
            attributes=attributes(bundle.custom_fields),
        )
    except ValidationError as error:
        raise invalid("order", key, error) from error


def _by_id(rows: tuple[Row, ...]) -> list[Row]:
    return sorted(rows, key=lambda row: identity(row, "order_payments"))


def _is_quote(row: Row, flags: Row) -> bool:
    return flag(flags, "is_quote_status") or (text(row, "order_type") or "").lower() == "quote"


def _customer(bundle: OrderBundle) -> OrderCustomer:
    id_ = reference(bundle.order, "customer_id")
    holder: Mapping[str, object] = bundle.customer or {}
    type_id = reference(holder, "customer_type_id") or reference(bundle.order, "customer_type_id")
    return OrderCustomer(
        key=None if id_ is None else customer_key(id_),
        refs={} if id_ is None else {"sparkpay": str(id_)},
        email=text(holder, "email"),
        first_name=text(holder, "first_name"),
        last_name=text(holder, "last_name"),
        company=text(holder, "company"),
        group=group_key(type_id),
    )


def _reference(bundle: OrderBundle, settings: ConnectionSettings) -> str | None:
    """The buyer's own number: the configured custom field, the answer to a payment method's question, else the note."""
    wanted = settings.orders.reference_field.casefold()
    asked = [field for payment in bundle.payments for field in payment.get("fields") or () if isinstance(field, dict)]
    for row in (*bundle.custom_fields, *asked):
        if (text(row, "name") or "").casefold() == wanted and (found := text(row, "value")) is not None:
            return cut(found, _LONGEST_REFERENCE)
    found = text(bundle.order, "instructions")
    return None if found is None else cut(found, _LONGEST_REFERENCE)


def _method(bundle: OrderBundle, settings: ConnectionSettings) -> PaymentMethod:
    valid = [row for row in _by_id(bundle.payments) if not flag(row, "is_void") and not flag(row, "is_declined")]
    return _method_of(valid[0], settings) if valid else PaymentMethod.OTHER


def _method_of(row: Row, settings: ConnectionSettings) -> PaymentMethod:
    chosen = {name.casefold(): method for name, method in settings.orders.payment_methods.items()}
    named = chosen.get((text(row, "payment_method_name") or "").casefold())
    if named is not None:
        return PaymentMethod(named)
    kind = (text(row, "payment_type") or "").casefold()
    return PaymentMethod.UPFRONT if kind.startswith(_GATEWAYS) else PaymentMethod.OTHER


def _payment(row: Row, settings: ConnectionSettings) -> Payment:
    void = flag(row, "is_void") or flag(row, "is_declined")
    zone = zone_of(settings.store.timezone)
    return Payment(
        id=str(identity(row, "order_payments")),
        method=_method_of(row, settings),
        name=text(row, "payment_method_name"),
        amount=money(row, "amount"),
        paid=flag(row, "is_approved") and flag(row, "is_captured") and not void,
        void=void,
        reference=text(row, "payment_ref_num"),
        at=moment(row, "paid_at", zone) or moment(row, "approved_at", zone),
    )


def _billing(bundle: OrderBundle) -> Address | None:
    row = bundle.addresses.get(reference(bundle.order, "order_billing_address_id") or 0)
    return None if row is None else address(row)


def _destinations(bundle: OrderBundle, lines: tuple[OrderLine, ...]) -> tuple[Destination, ...]:
    """The order's shipping address first, then those of lines that go elsewhere."""
    first = reference(bundle.order, "order_shipping_address_id")
    wanted = dict.fromkeys(
        ([str(first)] if first is not None else []) + [line.ships_to for line in lines if line.ships_to]
    )
    return tuple(
        Destination(id=id_, address=address(row) if (row := bundle.addresses.get(int(id_))) is not None else None)
        for id_ in wanted
    )


def _shipping(row: Row) -> Shipping | None:
    paid = "discounted_shipping_total" if number(row, "discounted_shipping_total") is not None else "shipping_total"
    method, net = text(row, "selected_shipping_method"), money(row, paid)
    if method is None and net == 0:
        return None
    return Shipping(method=method, code=text(row, "selected_shipping_provider_service"), net=net)


def _taxes(row: Row) -> tuple[TaxLine, ...]:
    """Spark Pay keeps one sum, and no rates."""
    amount = money(row, "tax_total")
    return (TaxLine(title="Tax", amount=amount),) if amount else ()


def _totals(bundle: OrderBundle) -> Totals:
    row = bundle.order
    paid = [
        money(found, "amount")
        for found in bundle.payments
        if flag(found, "is_approved")
        and flag(found, "is_captured")
        and not flag(found, "is_void")
        and not flag(found, "is_declined")
    ]
    return Totals(
        grand=money(row, "grand_total"),
        subtotal=money(row, "subtotal"),
        shipping=money(row, "shipping_total"),
        tax=money(row, "tax_total"),
        discount=money(row, "discount_total"),
        paid=sum(paid, Decimal(0)),
    )


def _invoices(row: Row, settings: ConnectionSettings) -> tuple[Invoice, ...]:
    found = clean(text(row, "manufacturer_invoice_number"))
    if found is None:
        return ()
    template = settings.orders.invoice_url
    return (Invoice(number=found, url=None if template is None else template.replace("{number}", found)),)
