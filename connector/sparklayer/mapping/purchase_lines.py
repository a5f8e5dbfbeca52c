"""The lines of a SparkLayer purchase, and which pieces of them each package holds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from connector.sparklayer.mapping.faults import MappingFault
from connector.sparklayer.mapping.fields import Row, amount, number, part, rows, text
from contracts.entities import LineKind, OrderLine, Quantity

_PRICE_DIGITS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Packed:
    """A package and the pieces in it."""

    row: Row
    place: str
    pieces: tuple[Quantity, ...]


def packages(row: Row) -> list[Row]:
    """Every package; the documents show one object in one place and speak of several in others."""
    found = row.get("packages")
    return [found] if isinstance(found, Mapping) else rows(row, "packages")


def packed_lines(row: Row, key: str) -> tuple[list[OrderLine], list[Packed]]:
    """Every line once, with all of its pieces, and the packages. Raises `MappingFault`.

    A shop's shipments split a line over packages: what has the id of the same line of the shop is one line again.
    Otherwise the same SKU in two packages is two lines, each with its place.
    """
    lines: dict[str, OrderLine] = {}
    found: list[Packed] = []
    for place, package in enumerate(packages(row), start=1):
        pieces = []
        for line in _lines(package, key, place):
            lines[line.id] = _joined(lines[line.id], line) if line.id in lines else line
            if line.kind is LineKind.ITEM:
                pieces.append(Quantity(line=line.id, quantity=line.quantity))
        found.append(Packed(package, str(place), tuple(pieces)))
    return list(lines.values()), found


def _lines(package: Row, key: str, place: int) -> Iterator[OrderLine]:
    for at, row in enumerate(rows(package, "line_items"), start=1):
        quantity, total = number(row.get("quantity")), part(row, "line_total")
        net = amount(total.get("total_net"))
        if quantity is None or quantity <= 0:
            raise MappingFault("quantity_invalid", f"order {key}: line {place}.{at} has no quantity")
        if net is None:
            raise MappingFault("price_missing", f"order {key}: line {place}.{at} has no price")
        ids = part(row, "identifiers")
        shops = text(ids.get("platform"))
        yield OrderLine(
            id=shops or f"{place}.{at}",
            refs={"sparkpay": shops} if shops is not None and shops.isdecimal() else {},
            kind=_kind(ids, net),
            sku=text(ids.get("sku")),
            name=text(row.get("name_parent")) or "",
            detail=text(row.get("name")),
            quantity=quantity,
            unit_price=_unit(net, quantity),
            discount=amount(total.get("discount_net")) or None,
            net=net,
            tax=amount(total.get("total_tax")),
            ships_to=str(place),
            attributes={
                name: value
                for found in rows(row, "custom_attributes")
                if (name := text(found.get("key"))) and (value := text(found.get("value")))
            },
        )


def _kind(ids: Row, net: Decimal) -> LineKind:
    """What has no identifier at all is no item; an item whose SKU stands under another name is never a fee."""
    if any(ids.values()):
        return LineKind.ITEM
    return LineKind.DISCOUNT if net < 0 else LineKind.FEE


def _joined(one: OrderLine, more: OrderLine) -> OrderLine:
    quantity, net = one.quantity + more.quantity, one.net + more.net
    return one.model_copy(
        update={
            "quantity": quantity,
            "net": net,
            "unit_price": _unit(net, quantity),
            "discount": _sum(one.discount, more.discount),
            "tax": _sum(one.tax, more.tax),
        }
    )


def _sum(one: Decimal | None, more: Decimal | None) -> Decimal | None:
    return one if more is None else more if one is None else one + more


def _unit(net: Decimal, quantity: Decimal) -> Decimal:
    """The price of one piece, as exact as four decimals allow."""
    return (net / quantity).quantize(_PRICE_DIGITS).normalize() + 0
