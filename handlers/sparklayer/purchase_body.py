"""Canonical order -> the purchase that SparkLayer shows in My Account."""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from connector.places import region_code
from connector.settings import ConnectionSettings
from contracts.entities import (
    Address,
    LineKind,
    Order,
    OrderKind,
    OrderLine,
    OrderStatus,
    Shipment,
)
from contracts.values import plain, utc_text
from handlers.fulfilment import Parcel, Part, parcels
from handlers.outcome import Skip

LookUp = Literal["sparklayer", "platform", "internal"]
Body = dict[str, Any]
OWN_CUSTOM_FIELD = "customer_reference"
OWN_METADATA = ("payment_method", "net_terms", "refund", "cancelled", "returned")
_TOLERANCE = Decimal("0.01")
_PAYMENT = {"upfront": "upfrontPayment", "invoice": "paymentByInvoice", "on-account": "paymentOnAccount"}


def payment_method(order: Order) -> str:
    """In the platform's words."""
    return _PAYMENT.get(order.payment_method, "other")


def identity_of(order: Order) -> tuple[LookUp, str]:
    """What the purchase is found by: the cart that it began as, else the shop's order, else the publisher's key."""
    if (cart := order.refs.get("sparklayer")) is not None:
        return "sparklayer", cart
    if (id_ := order.refs.get("sparkpay")) is not None:
        return "platform", id_
    system, _, id_ = order.key.partition(":")
    if id_ and system == "sparklayer":
        return "sparklayer", id_
    return ("platform", id_) if id_ and system == "sparkpay" else ("internal", order.key)


def purchase_body(order: Order, customer: str | None, settings: ConnectionSettings) -> tuple[Body, list[Skip]]:
    """The whole purchase but for what only SparkLayer knows. `customer` is the customer's id there."""
    look_up, key = identity_of(order)
    found = parcels(order)
    kept = [parcel for parcel in found if _is_shown(parcel, settings)]
    money = _Money(order.currency)
    packages = [_package(order, parcel, settings, money) for parcel in kept]
    extra = [line for line in order.lines if line.kind is not LineKind.ITEM]
    if not packages:
        packages = [{"line_items": []}]
    packages[0]["line_items"] += [_extra_line(line, money) for line in extra]
    if (shipping := _shipping(order, money)) is not None:
        packages[0]["shipping_method"] = shipping
    identifiers = {look_up: key, "platform": order.refs.get("sparkpay"), "visible": order.number}
    body: Body = {
        "type": _type(order),
        "purchase_identifiers": {name: value for name, value in identifiers.items() if value is not None},
        "customer_identifiers": {"sparklayer": customer} if customer is not None else {},
        "dates": {"placed": utc_text(order.placed_at)},
        "billing_address": None if order.billing is None else address_body(order.billing),
        "packages": packages if settings.orders.packages_shape == "array" else packages[0],
        "accounting_files": [
            {
                "identifiers": {"visible": invoice.number},
                "data": {"type": "uri", "uri": invoice.url},
                "file_type": "invoice",
            }
            for invoice in order.invoices
            if invoice.url is not None
        ],
        "custom_fields": _custom_fields(order),
        "metadata": _metadata(order, [parcel for parcel in found if parcel not in kept]),
        "total_paid": money(order.totals.paid or Decimal(0)),
        "tax_lines": [
            {"title": tax.title, "amount": money(tax.amount)} | ({"rate": tax.rate} if tax.rate is not None else {})
            for tax in order.taxes
        ],
    }
    return {name: value for name, value in body.items() if value is not None}, _mismatch(order)


def address_body(address: Address) -> Body:
    """What of an address is known."""
    body = {
        "title": address.title,
        "first_name": address.first_name,
        "last_name": address.last_name,
        "company": address.company,
        "address_line1": address.line1,
        "address_line2": address.line2,
        "city": address.city,
        "region_code": region_code(address.country, address.region),
        "postal_code": address.postal_code,
        "country_code": address.country,
        "phone": address.phone,
        "mobile": address.mobile,
    }
    return {name: value for name, value in body.items() if value is not None}


class _Money:
    """`{"number": "15.99", "currency": "gbp"}`."""

    def __init__(self, currency: str) -> None:
        self._currency = currency.lower()

    def __call__(self, amount: Decimal) -> Body:
        text = plain(amount)
        whole, _, digits = text.partition(".")
        return {"number": f"{whole}.{digits:0<2}", "currency": self._currency}


def _type(order: Order) -> str:
    if order.kind is OrderKind.QUOTE:
        return "quote"
    return "order_unconfirmed" if order.status is OrderStatus.UNCONFIRMED else "order"


def _is_shown(parcel: Parcel, settings: ConnectionSettings) -> bool:
    """What was cancelled or came back can only be shown where the site's word for it is known."""
    return parcel.state in ("open", "shipped") or settings.orders.package_types.get(parcel.state) is not None


def _package(order: Order, parcel: Parcel, settings: ConnectionSettings, money: _Money) -> Body:
    type_ = settings.orders.package_types.get(parcel.state)
    source = parcel.source
    package: Body = {"line_items": [_item(part, settings, money) for part in parcel.parts]}
    if type_ is not None:
        package["type"] = type_
    if source is not None:
        package["identifiers"] = {"platform": source.id}
    if isinstance(source, Shipment):
        package["shipments"] = _shipments(source)
    place = next((found for found in order.destinations if found.id == _destination(parcel, order)), None)
    if place is not None and place.address is not None:
        package["shipping_address"] = address_body(place.address)
    return package


def _destination(parcel: Parcel, order: Order) -> str | None:
    places = {part.line.ships_to for part in parcel.parts if part.line.ships_to is not None}
    if parcel.destination is not None:
        return parcel.destination
    return places.pop() if len(places) == 1 else order.destinations[0].id if order.destinations else None


def _shipments(shipment: Shipment) -> list[Body]:
    at = {"shipped_at": utc_text(shipment.at)} if shipment.at is not None else {}
    rows = [
        {"carrier": parcel.carrier, "carrier_id": parcel.number, "url": parcel.url} for parcel in shipment.tracking
    ] or [{"carrier": shipment.method}]
    return [{name: value for name, value in row.items() if value is not None} | at for row in rows]


def _item(part: Part, settings: ConnectionSettings, money: _Money) -> Body:
    line = part.line
    tax = None if line.tax is None else part.share(line.tax)
    net = part.share(line.net)
    total: Body = {"total_net": money(net)}
    if tax is not None:
        total |= {"total_tax": money(tax), "total_gross": money(net + tax)}
    if line.discount is not None:
        total["discount_net"] = money(part.share(line.discount))
    known = {"sku": line.sku, "platform": line.refs.get("sparkpay", line.id)}
    return {
        "identifiers": {name: known[name] for name in settings.orders.identifier_keys if known.get(name) is not None},
        "name_parent": line.name or line.sku or line.id,
        "quantity": part.quantity,
        "line_total": total,
    } | ({"name": line.detail} if line.detail else {})


def _extra_line(line: OrderLine, money: _Money) -> Body:
    total: Body = {"total_net": money(line.net)}
    if line.tax is not None:
        total |= {"total_tax": money(line.tax), "total_gross": money(line.net + line.tax)}
    return {"name_parent": line.name or line.kind.capitalize(), "quantity": line.quantity, "line_total": total}


def _shipping(order: Order, money: _Money) -> Body | None:
    if order.shipping is None:
        return None
    net = order.shipping.net or Decimal(0)
    total: Body = {"total_net": money(net)}
    if order.shipping.tax is not None:
        total |= {"total_tax": money(order.shipping.tax), "total_gross": money(net + order.shipping.tax)}
    name = order.shipping.method or order.shipping.code
    return {"line_total": total} | ({"name": name} if name else {})


def _custom_fields(order: Order) -> list[Body]:
    return [{"name": OWN_CUSTOM_FIELD, "value": order.customer_reference}] if order.customer_reference else []


def _metadata(order: Order, hidden: Sequence[Parcel]) -> list[Body]:
    found: dict[str, Any] = {"payment_method": payment_method(order)}
    if order.net_days is not None:
        found["net_terms"] = f"{order.net_days}_days"
    if order.status is OrderStatus.PARTIALLY_REFUNDED:
        found["refund"] = "partial"
    for state in ("cancelled", "returned"):
        pieces = _pieces(parcel for parcel in hidden if parcel.state == state)
        if pieces:
            found[state] = json.dumps(pieces, ensure_ascii=False, sort_keys=True)
    return [{"name": name, "value": value} for name, value in found.items()]


def _pieces(found: Iterable[Parcel]) -> Mapping[str, str]:
    pieces: dict[str, Decimal] = {}
    for parcel in found:
        for part in parcel.parts:
            name = part.line.sku or part.line.id
            pieces[name] = pieces.get(name, Decimal(0)) + part.quantity
    return {name: plain(quantity) for name, quantity in pieces.items()}


def _mismatch(order: Order) -> list[Skip]:
    """The sum of lines, shipping and tax should be what the order says."""
    lines = sum((line.net for line in order.lines), Decimal(0))
    shipping = (order.shipping.net if order.shipping is not None else None) or Decimal(0)
    tax = order.totals.tax if order.totals.tax is not None else sum((tax.amount for tax in order.taxes), Decimal(0))
    off = abs(lines + shipping + tax - order.totals.grand)
    if off <= _TOLERANCE * max(1, len(order.lines)):
        return []
    message = (
        f"order {order.key}: lines, shipping and tax come to {plain(lines + shipping + tax)}, "
        f"the order says {plain(order.totals.grand)}"
    )
    return [Skip("total_mismatch", message, "totals", note=True)]
