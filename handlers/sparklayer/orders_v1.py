"""One order to SparkLayer through the older interface: created once, then shipped, cancelled and returned in parts.

Those calls are not idempotent: the same shipment sent twice ships twice as many. So before anything is sent for an
order that is there, it is read, and only what its packages do not tell of yet is sent; each package carries the id of
the shipment, cancellation or return that it stands for.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.errors import NotFound, Refused
from connector.settings import ConnectionSettings
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.wire import Row
from contracts.entities import LineKind, Order, OrderKind, OrderStatus, Return, Shipment
from contracts.values import utc_text
from handlers.fulfilment import Parcel, Part, State, parcels
from handlers.outcome import Applied, Outcome, Skip, Task, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.classify import taken_fields
from handlers.sparklayer.purchase_body import address_body, identity_of, payment_method

Body = dict[str, Any]
_STAMP: Mapping[State, str] = {"shipped": "shipped_at", "cancelled": "cancelled_at", "returned": "returned_at"}


class OrderWriterV1:
    """Brings one order to the older interface. One in doubt is read first; `look_only` writes nothing."""

    def __init__(self, client: SparkLayerClient, *, look_only: bool = False) -> None:
        self._client = client
        self._look_only = look_only

    async def bring(self, task: Task, order: Order, customer: str, settings: ConnectionSettings) -> Outcome:  # noqa: ARG002 - as `PurchaseWriter`
        """`customer` is the customer's id on SparkLayer. Raises a `PlatformError`; every step can be repeated."""
        if order.kind is OrderKind.QUOTE or (order.status is OrderStatus.DECLINED and not task.ledger):
            return Applied(body_hash(None), unchanged=True)
        hash_ = body_hash(order.model_dump(mode="json", exclude={"refs", "internal_note"}))
        if hash_ == task.applied_hash and not task.doubt:
            return Applied(hash_, ledger=dict(task.ledger), unchanged=True)
        _, id_ = identity_of(order)
        there = await self._there(id_) if task.ledger or task.attempts or task.doubt else None
        done = there is not None and not _missing(order, there) and _new_url(order, there) is None
        if self._look_only and not done:
            return would_write(f"order {task.key} is not there as it should be")
        if there is None:
            try:
                await self._client.orders.create(_create_body(order, id_, customer))
            except Refused as error:
                if "external_id" not in taken_fields(error):
                    raise
                there = await self._client.orders.get(id_)  # a lost reply: it was created
        skips: list[Skip] = []
        if there is not None:
            await self._catch_up(order, id_, there)
        if order.status is OrderStatus.PARTIALLY_REFUNDED:
            message = f"order {order.key}: some money was given back; which items came back is not known"
            skips.append(Skip("refund_partial", message, note=True))
        return Applied(hash_, ledger={"id": id_}, skips=tuple(skips), unchanged=done)

    async def remove(self, task: Task) -> Outcome:
        """An order cannot be deleted there: whatever of it is open is cancelled. Raises a `PlatformError`."""
        id_ = task.ledger.get("id")
        there = await self._there(str(id_)) if id_ else None
        if there is None:
            return Applied(body_hash(None), unchanged=True)
        left = [item for package in there["packages"] if package["status"] == "open" for item in package["items"]]
        if left and self._look_only:
            return would_write(f"order {task.key} is still open")
        if left:
            items = [{"sku": item.get("sku"), "quantity": item["quantity"]} for item in left]
            await self._client.orders.cancel(str(id_), {"cancelled_at": None, "items": items})
        return Applied(body_hash(None), ledger=dict(task.ledger), unchanged=not left)

    async def _there(self, id_: str) -> Row | None:
        try:
            return await self._client.orders.get(id_)
        except NotFound:
            return None

    async def _catch_up(self, order: Order, id_: str, there: Row) -> None:
        for parcel in _missing(order, there):
            body = _move_body(order, parcel)
            if parcel.state == "shipped":
                await self._client.orders.ship(id_, body)
            elif parcel.state == "cancelled":
                await self._client.orders.cancel(id_, body)
            elif parcel.state == "returned":
                await self._let_return(order, parcel, there)
                await self._client.orders.take_back(id_, body)
        if (url := _new_url(order, there)) is not None:
            await self._client.orders.change(id_, {"invoice_url": url})

    async def _let_return(self, order: Order, parcel: Parcel, there: Row) -> None:
        """What comes back has to have been shipped there first: a shipment that came back whole was never sent."""
        shipped = sum(
            (
                item["quantity"]
                for package in there["packages"]
                if package["status"] == "shipped"
                for item in package["items"]
            ),
            start=0,
        )
        if parcel.source is None or shipped >= sum((part.quantity for part in parcel.parts), start=0):
            return
        moved = [{"sku": part.line.sku, "quantity": part.quantity} for part in parcel.parts]
        id_ = f"{parcel.source.id}-sent"
        body = {"shipped_at": _stamp(parcel.source.at, order), "items": moved, "external_id": id_}
        await self._client.orders.ship(str(there["id"]), body)


def _missing(order: Order, there: Row) -> list[Parcel]:
    """What left the house, was cancelled or came back, and is not told of yet."""
    told = {str(package.get("external_id")) for package in there.get("packages") or ()}
    return [parcel for parcel in parcels(order) if parcel.source is not None and parcel.source.id not in told]


def _new_url(order: Order, there: Row) -> str | None:
    url = next((invoice.url for invoice in order.invoices if invoice.url is not None), None)
    return None if url is None or there.get("invoice_url") == url else url


def _create_body(order: Order, id_: str, customer: str) -> Body:
    """The order with its packages as they are now: one call, although tracking has no place there."""
    packages = [_package(order, parcel) for parcel in parcels(order)]
    packages[0] |= _shipping(order)
    packages[0]["items"] += [
        {
            "name": line.name or line.kind.capitalize(),
            "quantity": line.quantity,
            "line_total": _total(line.net, line.tax),
        }
        for line in order.lines
        if line.kind is not LineKind.ITEM
    ]
    body: Body = {
        "created_at": utc_text(order.placed_at),
        "external_id": id_,
        "visible_id": order.number,
        "payment_method": payment_method(order),
        "customer_id": customer,
        "currency_code": order.currency.lower(),
        "customer_reference": order.customer_reference,
        "billing_address": address_body(order.billing) if order.billing is not None else _any_address(order),
        "spark_billing_chargeable": "sparklayer" in order.refs,
        "metadata": {"cart_id": order.refs["sparklayer"]} if "sparklayer" in order.refs else None,
        "invoice_url": next((invoice.url for invoice in order.invoices if invoice.url is not None), None),
        "packages": packages,
    }
    return {name: value for name, value in body.items() if value is not None}


def _any_address(order: Order) -> Body | None:
    found = next((place.address for place in order.destinations if place.address is not None), None)
    return None if found is None else address_body(found)


def _package(order: Order, parcel: Parcel) -> Body:
    body: Body = {"items": [_item(part) for part in parcel.parts]}
    if parcel.source is not None:
        body["external_id"] = parcel.source.id
        body[_STAMP[parcel.state]] = _stamp(parcel.source.at, order)
    place = next((found for found in order.destinations if found.id == parcel.destination), None)
    place = place or (order.destinations[0] if order.destinations else None)
    if place is not None and place.address is not None:
        body["shipping_address"] = address_body(place.address)
    return body


def _shipping(order: Order) -> Body:
    if order.shipping is None:
        return {}
    found = {"shipping_name": order.shipping.method, "shipping_sku": order.shipping.code}
    total = {} if order.shipping.net is None else {"total_shipping": _total(order.shipping.net, order.shipping.tax)}
    return {name: value for name, value in found.items() if value is not None} | total


def _item(part: Part) -> Body:
    tax = None if part.line.tax is None else part.share(part.line.tax)
    body: Body = {
        "sku": part.line.sku,
        "name": part.line.name,
        "quantity": part.quantity,
        "line_total": _total(part.share(part.line.net), tax),
    }
    return {name: value for name, value in body.items() if value is not None}


def _total(net: Decimal, tax: Decimal | None) -> Body:
    return {"net": net, "gross": net + (tax or 0)}


def _move_body(order: Order, parcel: Parcel) -> Body:
    source = parcel.source
    items: list[Body] = [{"sku": part.line.sku, "quantity": part.quantity} for part in parcel.parts]
    body: Body = {"items": items}
    if source is not None:
        body |= {"external_id": source.id, _STAMP[parcel.state]: _stamp(source.at, order)}
    if isinstance(source, Shipment):
        body["shipment_tracking"] = [
            {"company": found.carrier, "url": found.url, "reference": found.number} for found in source.tracking
        ]
    if isinstance(source, Return):
        for item, part in zip(items, parcel.parts, strict=True):
            item["refund_total"] = _refund(source, part)
        if source.refund_shipping_net is not None:
            body["refund_shipping"] = _total(source.refund_shipping_net, source.refund_shipping_tax)
    return body


def _refund(source: Return, part: Part) -> Body:
    told = next((line for line in source.lines or () if line.line == part.line.id), None)
    if told is not None and told.refund_net is not None:
        return _total(told.refund_net, told.refund_tax)
    tax = None if part.line.tax is None else part.share(part.line.tax)
    return _total(part.share(part.line.net), tax)


def _stamp(at: datetime | None, order: Order) -> str:
    return utc_text(at or order.status_at or order.placed_at)
