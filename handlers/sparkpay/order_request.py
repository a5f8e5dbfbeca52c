"""Canonical order -> what Spark Pay takes: one body for the integration route, or rows for the plain resources."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connector.places import country_name, region_name
from connector.settings import ConnectionSettings
from connector.sparkpay.dates import utc_text
from contracts.entities import Address, LineKind, Order, OrderLine, PaymentMethod
from handlers.outcome import Rejected

Body = dict[str, Any]
_HEX = re.compile(r"[^0-9a-zA-Z]")
_NUMBER_DIGITS = 12
_WORDS = {
    PaymentMethod.UPFRONT: "Paid upfront",
    PaymentMethod.INVOICE: "Invoice",
    PaymentMethod.ON_ACCOUNT: "On account",
    PaymentMethod.OTHER: "Other",
}


def order_number(order: Order) -> str:
    """The look-up key that makes creating an order repeatable: from the cart, else the publisher's own number."""
    cart = order.refs.get("sparklayer") or order.key.partition(":")[2]
    if order.key.startswith("sparklayer:") or "sparklayer" in order.refs:
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
    if not order.customer.email:
        return Rejected("email_missing", f"order {order.key}: its customer has no e-mail address")
    return None


def integration_body(order: Order, status: str, settings: ConnectionSettings) -> Body:
    """Everything in one body (vendor docs: special integration routes); `status` is the name of an order status."""
    body: Body = {
        "order_number": order_number(order),
        "customer_email": order.customer.email,
        "customer_first_name": order.customer.first_name,
        "customer_last_name": order.customer.last_name,
        "ordered_at": utc_text(order.placed_at),
        "order_status": status,
        **_sums(order),
        "selected_shipping_method": order.shipping.method if order.shipping is not None else None,
        "admin_comments": admin_comments(order),
        "public_comments": order.note,
        "source": "SparkLayer" if "sparklayer" in order.refs else None,
        **_place("billing", order.billing or _destination(order)),
        **_place("shipping", _destination(order) or order.billing),
        "items": [_item(line) for line in order.lines],
        "payments": [_payment(order)],
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
    }
    return {name: value for name, value in body.items() if value is not None}


def item_row(line: OrderLine, order_id: int, product: Mapping[str, int]) -> Body:
    """A row of `order_items`; `product` names the product and, for a combination, its row of variant_inventory."""
    return {
        "order_id": order_id,
        "item_number": line.sku or "",
        "item_name": line.name or line.sku or line.kind.value,
        "price": _price(line),
        "quantity": int(line.quantity),
        "is_discount_item": line.kind is LineKind.DISCOUNT,
        **product,
    }


def payment_row(order: Order, order_id: int, customer_id: int, settings: ConnectionSettings) -> Body:
    """A row of `order_payments` that records how it will be paid; nothing is charged."""
    row: Body = {"order_id": order_id, "customer_id": customer_id, **_payment(order)}
    method_id = settings.orders.payment_method_ids.get(order.payment_method.value)
    return row if method_id is None else {**row, "payment_method_id": method_id}


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
        order.internal_note,
    ]
    return "\r\n".join(part for part in parts if part) or None


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


def _price(line: OrderLine) -> Decimal:
    """Of one piece; a discount counts down."""
    if line.kind is LineKind.ITEM and line.unit_price is not None:
        return line.unit_price
    return line.net


def _item(line: OrderLine) -> Body:
    body = {
        "item_number": line.sku,
        "item_name": line.name or line.sku or line.kind.value,
        "price": _price(line),
        "quantity": line.quantity,
        "item_description": line.detail,
    }
    return {name: value for name, value in body.items() if value is not None}


def _payment(order: Order) -> Body:
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
