"""Canonical order -> what Spark Pay takes: one body for the integration route, or rows for the plain resources."""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connector.places import country_name, region_name
from connector.settings import ConnectionSettings
from connector.sparkpay.dates import utc_text
from contracts.entities import Address, LineKind, Order, OrderKind, OrderLine, Payment, PaymentMethod
from contracts.values import plain
from handlers.outcome import Rejected

Body = dict[str, Any]
_HEX = re.compile(r"[^0-9a-zA-Z]")
_NUMBER_DIGITS = 12
_PLACES = Decimal("0.0001")
_WORDS = {
    PaymentMethod.UPFRONT: "Paid upfront",
    PaymentMethod.INVOICE: "Invoice",
    PaymentMethod.ON_ACCOUNT: "On account",
    PaymentMethod.OTHER: "Other",
}


def order_number(order: Order) -> str:
    """The look-up key that makes creating an order repeatable: from the cart, else the publisher's own number."""
    cart = order.refs.get("sparklayer") or order.key.partition(":")[2]
    if has_own_number(order):
        return f"SL-{_HEX.sub('', cart)[:_NUMBER_DIGITS].upper()}"
    return order.number or order.key


def objection(order: Order) -> Rejected | None:
    """Why the order cannot be placed as it is: never one with a guessed price or for nobody."""
    items = [line for line in order.lines if line.kind is LineKind.ITEM]
    if not items:
        return Rejected("order_empty", f"order {order.key} has no lines")
    for line in items:
        if line.unit_price is None:
            return Rejected(
                "price_missing", f"order {order.key}, line {line.id} ({line.sku}): the agreed price is missing"
            )
        if not line.sku:
            return Rejected("sku_missing", f"order {order.key}, line {line.id}: it has no SKU")
        if line.quantity != line.quantity.to_integral_value() or line.quantity <= 0:
            return Rejected(
                "quantity_invalid", f"order {order.key}, line {line.id} ({line.sku}): Spark Pay sells whole pieces"
            )
    return None


def has_own_number(order: Order) -> bool:
    """Whether the number comes from a cart, so that no other order can have it."""
    return order.key.startswith("sparklayer:") or "sparklayer" in order.refs


def integration_body(order: Order, status: str, settings: ConnectionSettings) -> Body:
    """Everything in one body (vendor docs: special integration routes); `status` is the name of an order status."""
    body: Body = {
        "order_number": order_number(order),
        "customer_email": order.customer.email,
        "customer_first_name": order.customer.first_name,
        "customer_last_name": order.customer.last_name,
        "customer_phone": (order.billing or Address()).phone,
        "ordered_at": utc_text(order.placed_at),
        "order_status": status,
        **_sums(order),
        "selected_shipping_method": order.shipping.method if order.shipping is not None else None,
        "admin_comments": admin_comments(order),
        "public_comments": order.note,
        "source": "SparkLayer" if "sparklayer" in order.refs else None,
        **_place("billing", order.billing or _destination(order)),
        **_place("shipping", _destination(order) or order.billing),
        "items": [_item(line) for line in items_of(order)],
        "payments": payments_of(order),
        "custom_fields": [
            {"custom_field_name": name, "custom_field_value": value}
            for name, value in custom_fields(order, settings).items()
        ],
    }
    return {name: value for name, value in body.items() if value is not None}


def address_row(address: Address, customer_id: int) -> Body:
    """A row of `order_addresses`."""
    body = {
        "customer_id": customer_id,
        "first_name": address.first_name,
        "last_name": address.last_name,
        "company": address.company,
        "address_line_1": address.line1,
        "address_line_2": address.line2,
        "city": address.city,
        "state": region_name(address.country, address.region),
        "postal_code": address.postal_code,
        "country": country_name(address.country),
        "phone": address.phone,
        "alternate_phone": address.mobile,
        "country_code": address.country,
    }
    return {name: value for name, value in body.items() if value is not None}


def order_row(order: Order, customer_id: int, status_id: int, places: tuple[int, int]) -> Body:
    """A row of `orders`; `places` are the ids of its billing and shipping addresses."""
    body: Body = {
        "customer_id": customer_id,
        "order_status_id": status_id,
        "order_billing_address_id": places[0],
        "order_shipping_address_id": places[1],
        "order_number": order_number(order),
        "ordered_at": utc_text(order.placed_at),
        **_sums(order),
        "selected_shipping_method": order.shipping.method if order.shipping is not None else None,
        "admin_comments": admin_comments(order),
        "public_comments": order.note,
        "due_date": utc_text(order.placed_at + timedelta(days=order.net_days)) if order.net_days else None,
        "order_type": "Quote" if order.kind is OrderKind.QUOTE else None,
    }
    return {name: value for name, value in body.items() if value is not None}


def items_of(order: Order) -> list[OrderLine]:
    """The lines that become rows. Fees and discounts are sums of the order: as rows they would count twice."""
    return [line for line in order.lines if line.kind is LineKind.ITEM]


def item_row(line: OrderLine, order_id: int, product: Mapping[str, int]) -> Body:
    """A row of `order_items`; `product` names the product and, for a combination, its row of variant_inventory."""
    body = {
        "order_id": order_id,
        "item_number": line.sku or "",
        "item_name": line.name or line.sku or line.kind.value,
        "price": price_of(line),
        "quantity": int(line.quantity),
        "tax": line.tax,
        "description": line.detail,
        "line_item_note": line.note,
        **product,
    }
    return {name: value for name, value in body.items() if value is not None}


def price_of(line: OrderLine) -> Decimal:
    """Of one piece, as agreed; a discount of the line is taken off, for the integration route has no field for it."""
    if line.unit_price is not None and not line.discount:
        return line.unit_price
    return (line.net / line.quantity).quantize(_PLACES, rounding=ROUND_HALF_UP)


def payment_rows(order: Order, order_id: int, customer_id: int, settings: ConnectionSettings) -> list[Body]:
    """Rows of `order_payments` that record how it is or will be paid; nothing is charged."""
    method_id = settings.orders.payment_method_ids.get(order.payment_method.value)
    more = {} if method_id is None else {"payment_method_id": method_id}
    return [{"order_id": order_id, "customer_id": customer_id, **one, **more} for one in payments_of(order)]


def payments_of(order: Order) -> list[Body]:
    """The payments that the publisher tells of, else one of the whole sum; none of a quote."""
    if order.kind is OrderKind.QUOTE:
        return []
    told = [payment for payment in order.payments if not payment.void]
    return [_told(order, payment) for payment in told] or [_promised(order)]


def custom_fields(order: Order, settings: ConnectionSettings) -> dict[str, str]:
    """The cart, so that the order always returns to it, and the buyer's own number."""
    found = {}
    if (cart := order.refs.get("sparklayer")) is not None or order.key.startswith("sparklayer:"):
        found[settings.orders.cart_field] = cart or order.key.partition(":")[2]
    if order.customer_reference:
        found[settings.orders.reference_field] = order.customer_reference
    return found


def admin_comments(order: Order) -> str | None:
    """What Spark Pay has no field for, for people."""
    parts = [
        f"Purchase order number: {order.customer_reference}" if order.customer_reference else None,
        f"Payment: {_WORDS[order.payment_method]}" + (f", {order.net_days} days net" if order.net_days else ""),
        *(f"{line.name or 'Fee'}: {plain(line.net)}" for line in order.lines if line.kind is not LineKind.ITEM),
        order.internal_note,
    ]
    return "\r\n".join(part for part in parts if part) or None


def taken_back(order: Order) -> str | None:
    """What was cancelled or returned of single lines, in words; a status says it of a whole order."""
    skus = {line.id: line.sku or line.name for line in order.lines}
    told = []
    for word, parts in (("Cancelled", order.cancellations), ("Returned", order.returns)):
        for part in parts:
            if part.lines:
                pieces = ", ".join(f"{plain(one.quantity)} x {skus.get(one.line, one.line)}" for one in part.lines)
                reason = getattr(part, "reason", None)
                told.append(f"{word}: {pieces}" + (f" ({reason})" if reason else ""))
    return "\r\n".join(told) or None


def _destination(order: Order) -> Address | None:
    return next((place.address for place in order.destinations if place.address is not None), None)


def _sums(order: Order) -> Body:
    lines = sum((line.net for line in order.lines if line.kind is LineKind.ITEM), Decimal(0))
    discount = -sum((line.net for line in order.lines if line.kind is LineKind.DISCOUNT), Decimal(0))
    fees = sum((line.net for line in order.lines if line.kind is LineKind.FEE), Decimal(0))
    shipping = (order.shipping.net if order.shipping is not None else None) or Decimal(0)
    tax = order.totals.tax if order.totals.tax is not None else sum((tax.amount for tax in order.taxes), Decimal(0))
    return {
        "subtotal": order.totals.subtotal if order.totals.subtotal is not None else lines,
        "tax_total": tax,
        "shipping_total": shipping,
        "discount_total": discount,
        "additional_fees": fees,
        "grand_total": order.totals.grand,
    }


def _item(line: OrderLine) -> Body:
    body = {
        "item_number": line.sku,
        "item_name": line.name or line.sku or line.kind.value,
        "price": price_of(line),
        "quantity": line.quantity,
        "item_description": line.detail,
    }
    return {name: value for name, value in body.items() if value is not None}


def _promised(order: Order) -> Body:
    paid = (order.totals.paid or Decimal(0)) >= order.totals.grand > 0
    return {
        "payment_type": "Custom",
        "payment_method_name": _WORDS[order.payment_method],
        "amount": order.totals.grand,
        "is_approved": paid,
        "is_captured": paid,
        "payment_ref_num": order_number(order),
        "payment_note": order.customer_reference or "",
    }


def _told(order: Order, payment: Payment) -> Body:
    return {
        "payment_type": "Custom",
        "payment_method_name": payment.name or _WORDS[payment.method],
        "amount": payment.amount,
        "is_approved": payment.paid,
        "is_captured": payment.paid,
        "payment_ref_num": payment.reference or f"{order_number(order)}/{payment.id}",
        "payment_note": order.customer_reference or "",
    }


def _place(kind: str, address: Address | None) -> Body:
    if address is None:
        return {}
    fields = {
        "line_1": address.line1,
        "line_2": address.line2,
        "city": address.city,
        "state": region_name(address.country, address.region),
        "postal_code": address.postal_code,
        "country": country_name(address.country),
        "company": address.company,
        "phone": address.phone,
        "alt_phone": address.mobile,
        "first_name": address.first_name,
        "last_name": address.last_name,
    }
    return {f"{kind}_address_{name}": value for name, value in fields.items() if value is not None}
