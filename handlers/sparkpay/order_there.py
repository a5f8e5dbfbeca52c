"""What a store has of an order that was placed: its lines, its shipments, its status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connector.sparkpay.mapping.fields import reference, text
from contracts.entities import Order, OrderLine
from contracts.values import plain
from handlers.outcome import Task
from handlers.sparklayer.body_hash import body_hash
from handlers.sparkpay.order_request import items_of, price_of
from handlers.sparkpay.product_fields import alike

Row = Mapping[str, Any]
Line = tuple[str, int, str]


@dataclass(slots=True)
class OrderThere:
    """One order as it is there; kept up to date, it becomes the ledger.

    `items` are the rows of its lines, none where they were not read; `shipments` maps a shipment to the hash of what
    was sent of it, `rows` are those that were read. `told` is the hash of the comment on what was taken back.
    """

    id: int
    items: dict[str, int] | None = None
    shipments: dict[str, str] = field(default_factory=dict)
    status_id: int | None = None
    told: str | None = None
    rows: Sequence[Row] = ()
    comments: str | None = None

    def ledger(self) -> dict[str, Any]:
        """What to remember of it."""
        return {
            "order_id": self.id,
            "items": self.items,
            "shipments": self.shipments,
            "status_id": self.status_id,
            "told": self.told,
        }

    def has(self, id_: str, body: Mapping[str, Any]) -> bool:
        """Whether that shipment is there as it should be: as it was sent, or as a row shows it."""
        if self.shipments.get(id_) == body_hash(body):
            return True
        for row in self.rows:
            numbers = text(row, "tracking_numbers")
            named = text(row, "shipment_name") == body["shipment_name"]
            if named and _same_shipment(row, body):
                return True
            if not named and numbers is not None and numbers == body.get("tracking_numbers"):
                return True  # the store knows that parcel under a name of its own
        return False


def remembered(task: Task) -> OrderThere | None:
    """What the last write left behind; none where that proves nothing."""
    ledger = task.ledger
    if task.applied_hash is None or task.doubt or "order_id" not in ledger:
        return None
    return OrderThere(
        int(ledger["order_id"]),
        ledger.get("items"),
        dict(ledger.get("shipments") or {}),
        ledger.get("status_id"),
        ledger.get("told"),
    )


def found(order: Order, row: Row, ledger: Mapping[str, Any]) -> OrderThere:
    """An order that was read with its items and, where they count, its shipments."""
    return OrderThere(
        int(row["id"]),
        _items(order, row.get("items") or ()),
        status_id=reference(row, "order_status_id"),
        told=ledger.get("told"),
        rows=tuple(row.get("shipments") or ()),
        comments=row.get("admin_comments"),
    )


def wanted_lines(order: Order) -> list[Line]:
    """What an order should have, as its rows are compared."""
    return [(line.sku or "", int(line.quantity), plain(price_of(line))) for line in items_of(order)]


def line_of(item: Row) -> Line:
    """A row as it is compared."""
    price = Decimal(item.get("price") or 0)
    return (str(item.get("item_number") or ""), int(item.get("quantity") or 0), plain(price))


def _items(order: Order, rows: Sequence[Row]) -> dict[str, int]:
    """The row of each line: by the id that it has in Spark Pay, else by SKU, each used once."""
    free = {int(item["id"]): str(item.get("item_number_full") or item.get("item_number") or "") for item in rows}
    ids: dict[str, int] = {}
    for line in order.lines:
        match = _own(line, free) or next((id_ for id_, sku in free.items() if sku == (line.sku or "")), None)
        if match is not None:
            ids[line.id] = match
            del free[match]
    return ids


def _own(line: OrderLine, free: Mapping[int, str]) -> int | None:
    own = line.refs.get("sparkpay", "")
    return int(own) if own.isdecimal() and int(own) in free else None


def _same_shipment(row: Row, body: Mapping[str, Any]) -> bool:
    names = ("tracking_numbers", "tracking_url", "shipping_method", "shipping_provider_name")
    return all(alike(row.get(name), body[name]) for name in names if name in body)
