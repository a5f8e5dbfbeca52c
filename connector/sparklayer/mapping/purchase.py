"""SparkLayer purchase that was placed there -> canonical order.

The full shape of a purchase is not published, so what is not known is left alone, and money and SKU are looked for
where the documents show them (vendor docs: purchasing).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError

from connector.errors import PayLayerError
from connector.places import country_code
from contracts.entities import (
    Address,
    Destination,
    Order,
    OrderCustomer,
    OrderKind,
    OrderLine,
    OrderStatus,
    PaymentMethod,
    Shipping,
    TaxLine,
    Totals,
)
from contracts.text import clean, cut

Row = Mapping[str, Any]
_LONGEST_REFERENCE = 512
_METHODS = {
    "upfrontpayment": PaymentMethod.UPFRONT,
    "platform_upfront": PaymentMethod.UPFRONT,
    "paymentbyinvoice": PaymentMethod.INVOICE,
    "invoice": PaymentMethod.INVOICE,
    "paymentonaccount": PaymentMethod.ON_ACCOUNT,
    "on_account": PaymentMethod.ON_ACCOUNT,
}
_DAYS = re.compile(r"(\d+)_days")
_KINDS = {"quote": OrderKind.QUOTE}
_PLACED = frozenset({"order", "order_unconfirmed", "quote"})


class PurchaseFault(PayLayerError):
    """A purchase that has no valid order; `code` is stable, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def is_placed_there(row: Row) -> bool:
    """Whether it is an order or quote of SparkLayer's own that no shop has taken yet."""
    ids = _part(row, "purchase_identifiers")
    return row.get("type") in _PLACED and bool(ids.get("sparklayer")) and not ids.get("platform")


def order_entity(row: Row, customer: Row | None = None) -> Order:
    """The order; `customer` is the customer as SparkLayer has it, where that was read. Raises `PurchaseFault`."""
    cart = _part(row, "purchase_identifiers").get("sparklayer")
    if not isinstance(cart, str) or not cart:
        raise PurchaseFault("cart_missing", "a purchase has no SparkLayer id")
    key = f"sparklayer:{cart}"
    lines = list(_lines(row, key))
    packages = list(_packages(row))
    shipping = _part(packages[0], "shipping_method") if packages else {}
    taxes = [line for found in _rows(row, "tax_lines") if (line := _tax(found)) is not None]
    paid = _amount(row.get("total_paid"))
    net, tax = _sums(lines, shipping)
    try:
        return Order(
            key=key,
            refs={"sparklayer": cart},
            kind=_KINDS.get(str(row.get("type")), OrderKind.ORDER),
            number=_text(_part(row, "purchase_identifiers").get("visible")),
            status=OrderStatus.UNCONFIRMED,
            placed_at=_moment(row),
            currency=_currency(row, key),
            customer=_customer(row, customer),
            customer_reference=_reference(row),
            payment_method=_METHODS.get((_named(row, "payment_method") or "").lower(), PaymentMethod.OTHER),
            net_days=_net_days(row, customer),
            note=_named(row, "note") or _named(row, "customer_note"),
            billing=_address(_part(row, "billing_address")),
            destinations=_destinations(packages),
            lines=tuple(lines),
            shipping=_shipping(shipping),
            taxes=tuple(taxes),
            totals=Totals(grand=net + tax, tax=tax, paid=paid),
            attributes=_attributes(row),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PurchaseFault("order_invalid", f"order {key}: {where}: {first['msg']}") from error


def _lines(row: Row, key: str) -> Iterator[OrderLine]:
    """Every line of every package; the same SKU in two packages is two lines, each with its place."""
    for place, package in enumerate(_packages(row), start=1):
        for number, line in enumerate(_rows(package, "line_items"), start=1):
            quantity = _number(line.get("quantity"))
            net = _amount(_part(line, "line_total").get("total_net"))
            if quantity is None or quantity <= 0:
                raise PurchaseFault("quantity_invalid", f"order {key}: line {place}.{number} has no quantity")
            if net is None:
                raise PurchaseFault("price_missing", f"order {key}: line {place}.{number} has no price")
            discount = _amount(_part(line, "line_total").get("discount_net"))
            yield OrderLine(
                id=f"{place}.{number}",
                sku=_text(_part(line, "identifiers").get("sku")),
                name=_text(line.get("name_parent")) or "",
                detail=_text(line.get("name")),
                quantity=quantity,
                unit_price=_unit(net, quantity),
                discount=discount or None,
                net=net,
                tax=_amount(_part(line, "line_total").get("total_tax")),
                ships_to=str(place),
                attributes={
                    name: text
                    for found in _rows(line, "custom_attributes")
                    if (name := _text(found.get("key"))) and (text := _text(found.get("value")))
                },
            )


def _unit(net: Decimal, quantity: Decimal) -> Decimal:
    """The price of one piece, as exact as four decimals allow."""
    return (net / quantity).quantize(Decimal("0.0001")).normalize() + 0


def _sums(lines: Iterable[OrderLine], shipping: Row) -> tuple[Decimal, Decimal]:
    lines = list(lines)
    total = _part(shipping, "line_total")
    net = sum((line.net for line in lines), Decimal(0)) + (_amount(total.get("total_net")) or 0)
    tax = sum((line.tax or Decimal(0) for line in lines), Decimal(0)) + (_amount(total.get("total_tax")) or 0)
    return net, tax


def _shipping(method: Row) -> Shipping | None:
    total = _part(method, "line_total")
    net = _amount(total.get("total_net"))
    name = _text(method.get("name"))
    return None if name is None and net is None else Shipping(method=name, net=net, tax=_amount(total.get("total_tax")))


def _tax(row: Row) -> TaxLine | None:
    amount = _amount(row.get("amount"))
    return (
        None
        if amount is None
        else TaxLine(title=_text(row.get("title")) or "Tax", rate=_number(row.get("rate")), amount=amount)
    )


def _destinations(packages: Iterable[Row]) -> tuple[Destination, ...]:
    return tuple(
        Destination(id=str(place), address=_address(_part(package, "shipping_address")))
        for place, package in enumerate(packages, start=1)
    )


def _address(row: Row) -> Address | None:
    if not any(row.values()):
        return None
    country = _text(row.get("country_code"))
    return Address(
        title=_text(row.get("title")),
        first_name=_text(row.get("first_name")),
        last_name=_text(row.get("last_name")),
        company=_text(row.get("company")),
        line1=_text(row.get("address_line1")),
        line2=_text(row.get("address_line2")),
        city=_text(row.get("city")),
        region=_text(row.get("region_code")),
        postal_code=_text(row.get("postal_code")),
        country=country_code(country),
        phone=_text(row.get("phone")),
        mobile=_text(row.get("mobile")),
    )


def _customer(row: Row, customer: Row | None) -> OrderCustomer:
    id_ = _text(_part(row, "customer_identifiers").get("sparklayer"))
    known = customer or {}
    external = _text(known.get("external_id"))
    refs = {name: value for name, value in (("sparklayer", id_),) if value}
    key = None
    if external is not None:
        key = external if ":" in external else f"sparkpay:{external}"
        refs |= {"sparkpay": external} if ":" not in external else {}
    return OrderCustomer(
        key=key,
        refs=refs,
        email=_text(known.get("email")),
        first_name=_text(known.get("first_name")),
        last_name=_text(known.get("last_name")),
        company=_text(known.get("company_name")),
        group=_text(known.get("group")),
    )


def _reference(row: Row) -> str | None:
    found = _named(row, "customer_reference") or _named(row, "purchase_order_number")
    return None if found is None else cut(found, _LONGEST_REFERENCE)


def _net_days(row: Row, customer: Row | None) -> int | None:
    text = _named(row, "net_terms") or _text(_part(customer or {}, "payment_on_account").get("net_terms")) or ""
    found = _DAYS.fullmatch(text)
    return int(found[1]) if found is not None else None


def _named(row: Row, name: str) -> str | None:
    """The value of a custom field or a piece of metadata."""
    for part in ("custom_fields", "metadata"):
        for found in _rows(row, part):
            if found.get("name") == name and (text := _text(found.get("value"))) is not None:
                return text
    return None


def _attributes(row: Row) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in _rows(row, "custom_fields"):
        name, value = _text(field.get("name")), _text(field.get("value"))
        if name is not None and value is not None:
            found.setdefault(name, value)
    return found


def _moment(row: Row) -> datetime:
    dates = _part(row, "dates")
    for text in (dates.get("placed"), row.get("created_at"), dates.get("last_updated")):
        if isinstance(text, str) and text:
            try:
                found = datetime.fromisoformat(text)
            except ValueError:
                continue
            return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
    raise PurchaseFault("date_missing", "a purchase says nowhere when it was placed")


def _currency(row: Row, key: str) -> str:
    for money in _moneys(row):
        if isinstance(code := money.get("currency"), str) and code:
            return code.upper()
    raise PurchaseFault("currency_missing", f"order {key}: no amount says its currency")


def _moneys(value: object) -> Iterator[Row]:
    if isinstance(value, Mapping):
        if "number" in value and "currency" in value:
            yield value
        for part in value.values():
            yield from _moneys(part)
    elif isinstance(value, list):
        for part in value:
            yield from _moneys(part)


def _packages(row: Row) -> Iterator[Row]:
    found = row.get("packages")
    yield from ([found] if isinstance(found, Mapping) else _rows(row, "packages"))


def _rows(row: Row, name: str) -> list[Row]:
    found = row.get(name)
    return [part for part in found if isinstance(part, Mapping)] if isinstance(found, list) else []


def _part(row: Row, name: str) -> Row:
    found = row.get(name)
    return found if isinstance(found, Mapping) else {}


def _amount(value: object) -> Decimal | None:
    """Of `{"number": "15.99", "currency": "gbp"}`, or of a plain number."""
    return _number(value.get("number") if isinstance(value, Mapping) else value)


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _text(value: object) -> str | None:
    return clean(value) if isinstance(value, str) else None
