"""Canonical shipment -> a row of `order_shipments`, which the platform finds by its name within the order."""

from collections.abc import Mapping
from typing import Any

from connector.sparkpay.dates import utc_text
from contracts.entities import Order, Shipment
from handlers.fulfilment import parcels

PREFIX = "SL-"


def is_from_the_store(shipment: Shipment) -> bool:
    """Whether the store itself told of it: a row of its own, or one that only its status stands for."""
    row = shipment.id.removeprefix("sh-")
    return "sparkpay" in shipment.refs or (row != shipment.id and row.isdecimal()) or shipment.id.startswith("status-")


def shipment_row(order: Order, shipment: Shipment, order_id: int, items: Mapping[str, int]) -> dict[str, Any]:
    """`items` are the order items by line. The store's own shipments are called "1", "2": ours never are."""
    parts = next((parcel.parts for parcel in parcels(order) if parcel.source == shipment), ())
    carriers = [tracking.carrier for tracking in shipment.tracking if tracking.carrier]
    urls = [tracking.url for tracking in shipment.tracking if tracking.url]
    row: dict[str, Any] = {
        "order_id": order_id,
        "shipment_name": f"{PREFIX}{shipment.id}",
        "shipped_at": utc_text(shipment.at) if shipment.at is not None else None,
        "shipping_method": shipment.method,
        "shipping_provider_name": carriers[0] if carriers else None,
        "tracking_numbers": ",".join(tracking.number for tracking in shipment.tracking if tracking.number),
        "tracking_url": urls[0] if urls else None,
        "items": [
            {"id": items[part.line.id], "quantity_shipped": int(part.quantity)}
            for part in parts
            if part.line.id in items
        ],
    }
    return {name: value for name, value in row.items() if value is not None}
