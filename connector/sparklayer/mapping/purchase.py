"""SparkLayer purchase -> canonical order.

The full shape of a purchase is not published, so what is not known is left alone, and money and SKU are looked for
where the documents show them (vendor docs: purchasing).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from pydantic import ValidationError

from connector.settings import ConnectionSettings
from connector.sparklayer.mapping.address import address
from connector.sparklayer.mapping.faults import MappingFault, invalid
from connector.sparklayer.mapping.fields import Row, amount, moment, number, part, rows, text
from connector.sparklayer.mapping.purchase_lines import Packed, packed_lines
from connector.sparklayer.mapping.purchase_progress import PurchaseProgress, progress_of
from contracts.entities import (
    Destination,
    Invoice,
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
from contracts.text import cut

_LONGEST_REFERENCE = 512
_DEFAULTS = ConnectionSettings()
_METHODS = {
    "upfrontpayment": PaymentMethod.UPFRONT,
    "platform_upfront": PaymentMethod.UPFRONT,
    "paymentbyinvoice": PaymentMethod.INVOICE,
    "invoice": PaymentMethod.INVOICE,
    "paymentonaccount": PaymentMethod.ON_ACCOUNT,
    "on_account": PaymentMethod.ON_ACCOUNT,
}
_DAYS = re.compile(r"(\d{1,4})_days")
_KINDS = {"quote": OrderKind.QUOTE}
_PLACED = frozenset({"order", "order_unconfirmed", "quote"})
_HELPERS = {"sparklayer_impersonator": "Placed on behalf of the customer by", "sparklayer_sales_rep": "Sales rep"}
_HIDDEN = ("cancelled", "returned")


def cart_of(row: Row) -> str | None:
    """The cart that a purchase began as; none for what a shop has sent to be shown."""
    return text(part(row, "purchase_identifiers").get("sparklayer"))


def shop_id_of(row: Row) -> str | None:
    """The id of the order in the shop, once a shop has taken it."""
    return text(part(row, "purchase_identifiers").get("platform"))


def is_placed_there(row: Row) -> bool:
    """Whether it is an order or quote of SparkLayer's own that no shop has taken yet."""
    return began_there(row) and shop_id_of(row) is None


def began_there(row: Row) -> bool:
    """Whether it is an order or quote, no cart any more, that was placed in SparkLayer."""
    return row.get("type") in _PLACED and cart_of(row) is not None


def shows_every_piece(row: Row) -> bool:
    """Whether all that was ordered is in the packages.

    Where the site's words for cancelled and returned packages are not known, such pieces are only named in metadata.
    """
    return not any(found.get("name") in _HIDDEN for found in rows(row, "metadata"))


def placed_at(row: Row) -> datetime | None:
    """When it was placed, as far as anything says so."""
    dates = part(row, "dates")
    for value in (dates.get("placed"), row.get("created_at"), dates.get("last_updated")):
        if (found := moment(value)) is not None:
            return found
    return None


def changed_at(row: Row) -> datetime | None:
    """When it changed last, by the site's clock."""
    return moment(part(row, "dates").get("last_updated")) or moment(row.get("updated_at"))


def customer_of(row: Row) -> str | None:
    """SparkLayer's id of the customer, who may be a sub-account."""
    return text(part(row, "customer_identifiers").get("sparklayer"))


def order_entity(row: Row, customer: Row | None = None, settings: ConnectionSettings = _DEFAULTS) -> Order:
    """The order; `customer` is the customer as SparkLayer has it, where that was read. Raises `MappingFault`."""
    cart, shop = cart_of(row), shop_id_of(row)
    if cart is None:
        raise MappingFault("cart_missing", "a purchase has no SparkLayer id")
    key = f"sparklayer:{cart}"
    placed = placed_at(row)
    if placed is None:
        raise MappingFault("date_missing", f"order {key}: nothing says when it was placed")
    lines, packed = packed_lines(row, key)
    progress = PurchaseProgress(OrderStatus.UNCONFIRMED) if shop is None else progress_of(packed, settings)
    shipping = _shipping(packed)
    taxes = tuple(line for found in rows(row, "tax_lines") if (line := _tax(found)) is not None)
    helpers = _helpers(row)
    try:
        return Order(
            key=key,
            refs={"sparklayer": cart} | ({"sparkpay": shop} if shop is not None and shop.isdecimal() else {}),
            kind=_KINDS.get(str(row.get("type")), OrderKind.ORDER),
            number=text(part(row, "purchase_identifiers").get("visible")),
            status=progress.status,
            placed_at=placed,
            currency=_currency(row, key),
            customer=_customer(row, customer),
            customer_reference=_reference(row),
            payment_method=_METHODS.get((_named(row, "payment_method") or "").lower(), PaymentMethod.OTHER),
            net_days=_net_days(row, customer),
            note=_named(row, "note") or _named(row, "customer_note"),
            internal_note="; ".join(f"{_HELPERS[name]}: {id_}" for name, id_ in helpers.items()) or None,
            billing=address(part(row, "billing_address")),
            destinations=tuple(
                Destination(id=one.place, address=address(part(one.row, "shipping_address"))) for one in packed
            ),
            lines=tuple(lines),
            shipping=shipping,
            taxes=taxes,
            totals=_totals(lines, shipping, taxes, amount(row.get("total_paid"))),
            shipments=progress.shipments,
            cancellations=progress.cancellations,
            returns=progress.returns,
            invoices=_invoices(row),
            attributes={**_attributes(row), **helpers},
        )
    except ValidationError as error:
        raise invalid("order", key, error) from error


def _totals(
    lines: Sequence[OrderLine], shipping: Shipping | None, taxes: Sequence[TaxLine], paid: Decimal | None
) -> Totals:
    """Worked out: a purchase has no sums of its own but what the site calculates. Taxes stand at lines or by title."""
    freight = (shipping.net if shipping is not None else None) or Decimal(0)
    by_line = [line.tax for line in lines if line.tax is not None]
    if shipping is not None and shipping.tax is not None:
        by_line.append(shipping.tax)
    tax = sum(by_line, Decimal(0)) if by_line else sum((line.amount for line in taxes), Decimal(0))
    discounts = [line.discount for line in lines if line.discount is not None]
    return Totals(
        grand=sum((line.net for line in lines), Decimal(0)) + freight + tax,
        tax=tax,
        discount=sum(discounts, Decimal(0)) if discounts else None,
        paid=paid,
    )


def _shipping(packed: Iterable[Packed]) -> Shipping | None:
    """One shipping line for the order: the first name, and what all packages cost."""
    methods = [part(one.row, "shipping_method") for one in packed]
    totals = [part(method, "line_total") for method in methods]
    nets = [net for total in totals if (net := amount(total.get("total_net"))) is not None]
    taxes = [tax for total in totals if (tax := amount(total.get("total_tax"))) is not None]
    name = next((found for method in methods if (found := text(method.get("name"))) is not None), None)
    if name is None and not nets:
        return None
    return Shipping(
        method=name, net=sum(nets, Decimal(0)) if nets else None, tax=sum(taxes, Decimal(0)) if taxes else None
    )


def _tax(row: Row) -> TaxLine | None:
    money = amount(row.get("amount"))
    if money is None:
        return None
    return TaxLine(title=text(row.get("title")) or "Tax", rate=number(row.get("rate")), amount=money)


def _customer(row: Row, customer: Row | None) -> OrderCustomer:
    id_, known = customer_of(row), customer or {}
    external = text(known.get("external_id"))
    refs = {"sparklayer": id_} if id_ is not None else {}
    key = None
    if external is not None:
        key = external if ":" in external else f"sparkpay:{external}"
        refs |= {"sparkpay": external} if external.isdecimal() else {}
    return OrderCustomer(
        key=key,
        refs=refs,
        email=text(known.get("email")),
        first_name=text(known.get("first_name")),
        last_name=text(known.get("last_name")),
        company=text(known.get("company_name")),
        group=text(known.get("group")),
    )


def _helpers(row: Row) -> dict[str, str]:
    """Who placed it for the customer: the ids of an impersonator and of a sales representative."""
    ids = part(row, "customer_identifiers")
    return {name: id_ for name in _HELPERS if (id_ := text(ids.get(name))) is not None}


def _reference(row: Row) -> str | None:
    found = _named(row, "customer_reference") or _named(row, "purchase_order_number")
    return None if found is None else cut(found, _LONGEST_REFERENCE)


def _net_days(row: Row, customer: Row | None) -> int | None:
    said = _named(row, "net_terms") or text(part(customer or {}, "payment_on_account").get("net_terms")) or ""
    found = _DAYS.fullmatch(said)
    return int(found[1]) if found is not None else None


def _invoices(row: Row) -> tuple[Invoice, ...]:
    return tuple(
        Invoice(number=number_, url=text(part(found, "data").get("uri")))
        for found in rows(row, "accounting_files")
        if found.get("file_type") == "invoice"
        and (number_ := text(part(found, "identifiers").get("visible"))) is not None
    )


def _named(row: Row, name: str) -> str | None:
    """The value of a custom field or a piece of metadata."""
    for place in ("custom_fields", "metadata"):
        for found in rows(row, place):
            if found.get("name") == name and (value := text(found.get("value"))) is not None:
                return value
    return None


def _attributes(row: Row) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in rows(row, "custom_fields"):
        name, value = text(field.get("name")), text(field.get("value"))
        if name is not None and value is not None:
            found.setdefault(name, value)
    return found


def _currency(row: Row, key: str) -> str:
    for money in _moneys(row):
        if isinstance(code := money.get("currency"), str) and code:
            return code.upper()
    raise MappingFault("currency_missing", f"order {key}: no amount says its currency")


def _moneys(value: object) -> Iterator[Row]:
    if isinstance(value, Mapping):
        if "number" in value and "currency" in value:
            yield value
        for one in value.values():
            yield from _moneys(one)
    elif isinstance(value, list):
        for one in value:
            yield from _moneys(one)
