"""The orders of a shop: their rows together, whether SparkLayer should have them, and what became of every piece."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from connector.demo.oracle.people import People, type_in_scope
from connector.demo.oracle.rows import Dump, Row, by_id, by_owner, flag, moment, number, ref, words
from connector.demo.oracle.settings import OracleSettings

State = Literal["open", "shipped", "cancelled", "returned"]
Pieces = dict[int, Decimal]
_MEANINGS = ("is_declined", "is_cancelled", "is_fully_refunded", "is_partially_refunded", "is_shipped")


@dataclass(frozen=True, slots=True)
class Parcel:
    """Pieces, by order item, that share a fate. `shipment` is the row that tells of it, where there is one."""

    state: State
    pieces: Pieces
    shipment: Row | None = None


class Trade:
    """Every order with its parts."""

    def __init__(self, dump: Dump, people: People) -> None:
        self.people = people
        self.orders = by_id(dump, "orders")
        self.statuses = by_id(dump, "order_statuses")
        self.addresses = by_id(dump, "order_addresses")
        self.items_of = by_owner(dump, "order_items", "order_id")
        self.payments_of = by_owner(dump, "order_payments", "order_id")
        self.shipments_of = by_owner(dump, "order_shipments", "order_id")
        declared = {id_: words(row.get("name")) for id_, row in by_id(dump, "custom_fields").items()
                    if words(row.get("resource_type")) == "Orders"}  # fmt: skip
        self.fields_of: dict[int, dict[str, str]] = {}
        for row in by_id(dump, "custom_field_values").values():
            name = declared.get(ref(row, "custom_field_id"))
            if name is not None and (value := words(row.get("value"))):
                self.fields_of.setdefault(ref(row, "resource_id"), {}).setdefault(name, value)

    def cart(self, settings: OracleSettings, order: Row) -> str | None:
        """The SparkLayer cart that the order came from."""
        return self.fields_of.get(int(order["id"]), {}).get(settings.cart_field)

    def goods(self, order: Row) -> list[Row]:
        """Its lines, without discounts."""
        return [item for item in self.items_of.get(int(order["id"]), []) if not flag(item, "is_discount_item")]

    def meaning(self, order: Row) -> str:
        """The first flag of its status that decides; `open` where none does."""
        status = self.statuses.get(ref(order, "order_status_id"), {})
        return next((name.removeprefix("is_") for name in _MEANINGS if flag(status, name)), "open")

    def is_quote(self, order: Row) -> bool:
        """By its type or its status."""
        status = self.statuses.get(ref(order, "order_status_id"), {})
        return flag(status, "is_quote_status") or words(order.get("order_type")).lower() == "quote"

    def valid_payments(self, order: Row) -> list[Row]:
        """Neither void nor declined, oldest first."""
        rows = self.payments_of.get(int(order["id"]), [])
        return [row for row in rows if not flag(row, "is_void") and not flag(row, "is_declined")]


def in_scope(trade: Trade, settings: OracleSettings, order: Row) -> bool:
    """Orders of served customers, and every one that began as a cart of SparkLayer; never a payment order."""
    if flag(order, "is_payment_order_only"):
        return False
    if trade.cart(settings, order) is not None:
        return True
    at = placed_at(order)
    if settings.orders_since is not None and (
        at is None or at.astimezone(ZoneInfo("UTC")).date() < settings.orders_since
    ):
        return False
    holder = trade.people.customers.get(ref(order, "customer_id"), order)
    return type_in_scope(settings, ref(holder, "customer_type_id"))


def placed_at(order: Row) -> datetime | None:
    """When it was ordered."""
    return moment(order, "ordered_at") or moment(order, "created_at")


def parcels(trade: Trade, order: Row) -> list[Parcel]:
    """Every piece of every line in exactly one parcel; a shipment never holds more than what was still open."""
    left: Pieces = {int(item["id"]): number(item, "quantity") for item in trade.goods(order)}
    found: list[Parcel] = []
    for row in trade.shipments_of.get(int(order["id"]), []):
        links: Sequence[Mapping[str, object]] = row.get("items") or ()
        asked = [(ref(link, "id"), number(link, "quantity_shipped")) for link in links]
        asked = [(id_, quantity) for id_, quantity in asked if quantity > 0] or list(left.items())
        found.append(Parcel("shipped", _take(left, asked), row))
    meaning = trade.meaning(order)
    status = trade.statuses.get(ref(order, "order_status_id"), {})
    if flag(status, "is_shipped") and meaning in ("shipped", "partially_refunded", "fully_refunded"):
        found.append(Parcel("shipped", _take(left, list(left.items()))))
    if meaning == "fully_refunded":
        found = [Parcel("returned", parcel.pieces, parcel.shipment) for parcel in found]
    rest: State = "cancelled" if meaning in ("declined", "cancelled", "fully_refunded") else "open"
    found.append(Parcel(rest, _take(left, list(left.items()))))
    return [parcel for parcel in found if parcel.pieces]


def net_of(item: Row) -> Decimal:
    """Of a whole line, its discount taken off."""
    return number(item, "price") * number(item, "quantity") - number(item, "discount_amount")


def extras_of(trade: Trade, order: Row) -> Decimal:
    """What makes up the grand total besides goods, shipping and tax: fees, less discounts that no line carries."""
    items = trade.items_of.get(int(order["id"]), [])
    fees = sum((max(Decimal(0), number(order, name)) for name in ("handling_total", "additional_fees")), Decimal(0))
    reducing = sum((abs(net_of(item)) for item in items if flag(item, "is_discount_item")), Decimal(0))
    told = reducing + sum((number(item, "discount_amount") for item in items), Decimal(0))
    return fees - reducing - max(Decimal(0), number(order, "discount_total") - told)


def shipping_of(order: Row) -> tuple[str, Decimal]:
    """Name and price of the shipping."""
    reduced = order.get("discounted_shipping_total") not in (None, "")
    name = words(order.get("selected_shipping_method"))
    return name, number(order, "discounted_shipping_total" if reduced else "shipping_total")


def reference_of(trade: Trade, settings: OracleSettings, order: Row) -> str:
    """The buyer's own number for the order."""
    named = {name.casefold(): value for name, value in trade.fields_of.get(int(order["id"]), {}).items()}
    return named.get(settings.reference_field.casefold()) or words(order.get("instructions"))


def payments_of(trade: Trade, settings: OracleSettings, order: Row) -> tuple[str, ...]:
    """The payment methods that SparkLayer may show; several where nothing says whether a type is a gateway."""
    row = next(iter(trade.valid_payments(order)), {})
    named = {name.casefold(): method for name, method in settings.payment_methods.items()}
    if (chosen := named.get(words(row.get("payment_method_name")).casefold())) is not None:
        return (_PAYMENTS.get(chosen, "other"),)
    kind = words(row.get("payment_type")).casefold()
    if kind in ("", "custom"):
        return ("other",)
    return ("upfrontPayment",) if kind == "creditcard" else ("upfrontPayment", "other")


def paid_of(trade: Trade, order: Row) -> Decimal:
    """The money that is there."""
    rows = trade.valid_payments(order)
    there = [row for row in rows if flag(row, "is_approved") and flag(row, "is_captured")]
    return sum((number(row, "amount") for row in there), Decimal(0))


_PAYMENTS = {"upfront": "upfrontPayment", "invoice": "paymentByInvoice", "on-account": "paymentOnAccount"}


def _take(left: Pieces, asked: Sequence[tuple[int, Decimal]]) -> Pieces:
    taken: Pieces = {}
    for id_, quantity in asked:
        part = min(quantity, left.get(id_, Decimal(0)))
        if part > 0:
            left[id_] -= part
            taken[id_] = taken.get(id_, Decimal(0)) + part
    return taken
