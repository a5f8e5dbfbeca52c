"""How far a Spark Pay order is, by the flags of `order_statuses` (never by name), and what left the house."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from connector.sparkpay.bundle import Row
from connector.sparkpay.mapping.fields import flag, identity, moment, number, text
from contracts.entities import (
    Cancellation,
    LineKind,
    OrderLine,
    OrderStatus,
    Quantity,
    Return,
    Shipment,
    Tracking,
)

_SEPARATORS = re.compile(r"[,;\s]+")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def order_status(status: Row, shipments: Sequence[Row]) -> OrderStatus:
    """The first flag that is set decides."""
    for name, meaning in (
        ("is_declined", OrderStatus.DECLINED),
        ("is_cancelled", OrderStatus.CANCELLED),
        ("is_fully_refunded", OrderStatus.REFUNDED),
        ("is_partially_refunded", OrderStatus.PARTIALLY_REFUNDED),
        ("is_shipped", OrderStatus.SHIPPED),
    ):
        if flag(status, name):
            return meaning
    if flag(status, "is_partially_shipped") or shipments:
        return OrderStatus.PARTIALLY_SHIPPED
    return OrderStatus.OPEN


def shipments_of(
    flags: Row, rows: Sequence[Row], lines: Sequence[OrderLine], at: datetime | None, zone: ZoneInfo
) -> tuple[Shipment, ...]:
    """Every shipment row, oldest first; a status that says all is shipped adds what no row tells of."""
    found = [_shipment(row, zone) for row in sorted(rows, key=lambda row: identity(row, "order_shipments"))]
    if flag(flags, "is_shipped") and all(one.lines is not None for one in found) and _left(lines, found):
        found.append(Shipment(id="status-shipped", at=at))
    return tuple(found)


def cancellations_of(status: OrderStatus, at: datetime | None) -> tuple[Cancellation, ...]:
    """Spark Pay cancels whole orders: what was not shipped will not be."""
    if status in (OrderStatus.CANCELLED, OrderStatus.DECLINED, OrderStatus.REFUNDED):
        return (Cancellation(id="status-cancelled", at=at),)
    return ()


def returns_of(status: OrderStatus, shipments: Sequence[Shipment], at: datetime | None) -> tuple[Return, ...]:
    """A full refund takes back all that was shipped; which items a partial one is about cannot be known."""
    if status is OrderStatus.REFUNDED and shipments:
        return (Return(id="status-refunded", at=at),)
    return ()


def _left(lines: Sequence[OrderLine], shipments: Sequence[Shipment]) -> bool:
    open_ = {line.id: line.quantity for line in lines if line.kind is LineKind.ITEM}
    for shipment in shipments:
        for part in shipment.lines or ():
            if part.line in open_:
                open_[part.line] -= part.quantity
    return any(quantity > 0 for quantity in open_.values())


def _shipment(row: Row, zone: ZoneInfo) -> Shipment:
    id_ = identity(row, "order_shipments")
    return Shipment(
        id=f"sh-{id_}",
        refs={"sparkpay": str(id_)},
        at=moment(row, "shipped_at", zone),
        method=text(row, "shipping_method"),
        tracking=_tracking(row),
        lines=_quantities(row.get("items")),
    )


def _quantities(items: object) -> tuple[Quantity, ...] | None:
    """No items at all: the whole rest of the order."""
    rows = [row for row in items if isinstance(row, dict)] if isinstance(items, list) else []
    found = [
        Quantity(line=str(identity(row, "shipment items")), quantity=sent)
        for row in rows
        if (sent := number(row, "quantity_shipped")) is not None and sent > 0
    ]
    return tuple(found) or None


def _tracking(row: Row) -> tuple[Tracking, ...]:
    carrier, url = text(row, "shipping_provider_name"), text(row, "tracking_url")
    if url is not None and _SCHEME.match(url) is None:
        url = f"https://{url}"
    numbers: Iterable[str | None] = [
        part for part in _SEPARATORS.split(text(row, "tracking_numbers") or "") if part
    ] or ([None] if url is not None else [])
    return tuple(Tracking(carrier=carrier, number=number_, url=url) for number_ in numbers)
