"""How far an order is by the packages of its purchase: what was shipped, cancelled or came back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from connector.settings import ConnectionSettings
from connector.sparklayer.mapping.fields import Row, moment, part, rows, text
from connector.sparklayer.mapping.purchase_lines import Packed
from contracts.entities import (
    Cancellation,
    OrderStatus,
    Return,
    ReturnedQuantity,
    Shipment,
    Tracking,
)

State = Literal["open", "shipped", "cancelled", "returned"]
_STATES: tuple[State, ...] = ("open", "shipped", "cancelled", "returned")
_OF_SPARK_PAY = "sh-"  # how the shop's own shipments are called


@dataclass(frozen=True, slots=True)
class PurchaseProgress:
    """What became of the pieces."""

    status: OrderStatus
    shipments: tuple[Shipment, ...] = ()
    cancellations: tuple[Cancellation, ...] = ()
    returns: tuple[Return, ...] = ()


def progress_of(found: Sequence[Packed], settings: ConnectionSettings) -> PurchaseProgress:
    """By the site's words for packages where the settings name them, else by whether a package has shipments.

    What came back was shipped before: a returned package is a shipment as well.
    """
    states = [(one, _state(one.row, settings)) for one in found if one.pieces]
    shipments = [_shipment(one) for one, state in states if state in ("shipped", "returned")]
    return PurchaseProgress(
        status=_status([state for _, state in states]),
        shipments=tuple(shipments),
        cancellations=tuple(
            Cancellation(id=_id(one), lines=one.pieces) for one, state in states if state == "cancelled"
        ),
        returns=tuple(
            Return(
                id=f"re-{_id(one)}",
                lines=tuple(ReturnedQuantity(line=piece.line, quantity=piece.quantity) for piece in one.pieces),
            )
            for one, state in states
            if state == "returned"
        ),
    )


def _state(package: Row, settings: ConnectionSettings) -> State:
    word = text(package.get("type"))
    words = settings.orders.package_types
    if word is not None:
        for state in _STATES:
            if words.get(state) == word:
                return state
    return "shipped" if rows(package, "shipments") else "open"


def _status(states: Sequence[State]) -> OrderStatus:
    there = set(states)
    if not there or there == {"open"}:
        return OrderStatus.OPEN
    if there == {"cancelled"}:
        return OrderStatus.CANCELLED
    if "open" in there:
        return OrderStatus.PARTIALLY_SHIPPED if there & {"shipped", "returned"} else OrderStatus.OPEN
    return OrderStatus.SHIPPED if "shipped" in there else OrderStatus.REFUNDED


def _id(one: Packed) -> str:
    ids = part(one.row, "identifiers")
    return text(ids.get("platform")) or text(ids.get("sparklayer_package_id")) or f"package-{one.place}"


def _shipment(one: Packed) -> Shipment:
    id_ = _id(one)
    ours = id_.removeprefix(_OF_SPARK_PAY)
    sent = rows(one.row, "shipments")
    at = [time for row in sent if (time := moment(row.get("shipped_at"))) is not None]
    return Shipment(
        id=id_,
        refs={"sparkpay": ours} if id_.startswith(_OF_SPARK_PAY) and ours.isdecimal() else {},
        at=min(at, default=None),
        tracking=tuple(_tracking(row) for row in sent if row.get("carrier_id") or row.get("url")),
        method=next((text(row.get("carrier")) for row in sent if not row.get("carrier_id")), None),
        lines=one.pieces,
    )


def _tracking(row: Row) -> Tracking:
    return Tracking(carrier=text(row.get("carrier")), number=text(row.get("carrier_id")), url=text(row.get("url")))
