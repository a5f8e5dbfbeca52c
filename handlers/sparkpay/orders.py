"""Orders to Spark Pay: placed exactly once, then shipped and moved on.

Creating an order cannot be repeated blindly: the platform has no idempotency key, and even its integration route, which
finds an order by number, adds the lines once more. So a mark is stored before the first call. Where the mark is there
already, the order is looked up by its number, which comes from the cart, and only what is missing of it is added.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connector.errors import NotFound, OutcomeUnknown, PlatformError, UserFault
from connector.settings import ConnectionSettings
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query, eq
from contracts.entities import LineKind, Order, Shipment
from contracts.values import plain
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Task
from handlers.sparklayer.body_hash import body_hash
from handlers.sparkpay.classify import classify
from handlers.sparkpay.order_desk import OrderDesk
from handlers.sparkpay.order_maker import OrderMaker
from handlers.sparkpay.order_request import custom_fields, integration_body, objection, order_number
from handlers.sparkpay.shipments import shipment_row

AT_ONCE = 4  # vendor docs say nothing of parallel calls; four are what every known client dares
_SETTLE_SECONDS = 5.0  # a request whose answer was lost may still be at work
_PARTS = ("items", "payments", "custom_fields")


class OrderHandler:
    """Applies orders and quotes that were placed elsewhere."""

    entity = "order"
    batch = 50
    after: Sequence[str] = ("customer",)

    def __init__(self, client: SparkPayClient) -> None:
        self._client = client
        self._desk = OrderDesk(client)
        self._maker = OrderMaker(client, self._desk)
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        return await asyncio.gather(*(self._guarded(task, context) for task in tasks))

    async def _guarded(self, task: Task, context: Context) -> Outcome:
        async with self._turns:
            try:
                return await self._apply(task, context)
            except UserFault as error:
                return Failed(str(error), pause=True)
            except OutcomeUnknown as error:
                failed = classify(error)
                return replace(failed, retry_after=_SETTLE_SECONDS) if isinstance(failed, Failed) else failed
            except PlatformError as error:
                return classify(error)

    async def _apply(self, task: Task, context: Context) -> Outcome:
        order = task.entity
        if order is None:
            return Applied(body_hash(None), ledger=dict(task.ledger), unchanged=True)  # a shop's order is never deleted
        if not isinstance(order, Order):
            raise TypeError(f"{task.key} is no order")
        hash_ = body_hash(order.model_dump(mode="json", exclude={"refs"}))
        if hash_ == task.applied_hash:
            return Applied(hash_, refs=_refs(task.ledger), ledger=dict(task.ledger), unchanged=True)
        known = task.ledger.get("order_id") or order.refs.get("sparkpay")
        if known is None:
            if (refusal := objection(order)) is not None:
                return refusal
            placed = await self._place(task, order, context)
            if isinstance(placed, Rejected):
                return placed
            ledger = _ledger(order, placed)
            wrote = True
        else:
            ledger, wrote = {"order_id": int(known), "items": {}, "shipments": {}, **task.ledger}, False
        moved = await self._move_on(order, ledger, context.settings)
        return Applied(hash_, refs=_refs(ledger), ledger=ledger, unchanged=not (wrote or moved))

    async def _place(self, task: Task, order: Order, context: Context) -> Row | Rejected:
        """The order's row with its parts, as the store has it now."""
        found: Row | None = None
        if not await context.intents.first("order", task.key, "create"):
            looked = await self._look_up(order)
            if isinstance(looked, Rejected):
                return looked
            found = looked
        if found is None:
            await self._make(order, context)
            looked = await self._look_up(order)
            if isinstance(looked, Rejected):
                return looked
            found = looked
        if found is None:
            raise OutcomeUnknown(
                f"order {order_number(order)} was taken and is not to be found",
                side="sparkpay",
                endpoint="GET /orders",
            )
        return (
            found
            if await self._is_whole(order, found, context.settings)
            else await self._complete(order, found, context)
        )

    async def _make(self, order: Order, context: Context) -> None:
        settings = context.settings
        status = await self._desk.new_status(order, settings)
        for name in custom_fields(order, settings):
            await self._desk.field_id(name)
        if settings.orders.integration_route and self._desk.has_integration_routes:
            body = integration_body(order, str(status["name"]), settings)
            try:
                await self._client.request("POST", "orders/integration", body=body)
            except NotFound:
                self._desk.has_integration_routes = False
            else:
                return
        await self._maker.make(order, int(status["id"]), context)

    async def _look_up(self, order: Order) -> Row | Rejected | None:
        number = order_number(order)
        query = Query().where("order_number", eq(number)).expanded(*_PARTS).at_most(10)
        page = await self._client.page("orders", query)
        rows = [row for row in page.rows if row.get("order_number") == number]
        if len(rows) > 1:
            ids = ", ".join(str(row["id"]) for row in rows)
            return Rejected("order_ambiguous", f"order {order.key}: Spark Pay has {number} more than once ({ids})")
        return rows[0] if rows else None

    async def _is_whole(self, order: Order, row: Row, settings: ConnectionSettings) -> bool:
        there = {field.get("name"): field.get("value") for field in row.get("custom_fields") or ()}
        wanted = custom_fields(order, settings)
        lines = Counter(_line_of(item) for item in row.get("items") or ())
        return (
            lines == Counter(_wanted(order))
            and len(row.get("payments") or ()) == 1
            and all(there.get(name) == value for name, value in wanted.items())
        )

    async def _complete(self, order: Order, row: Row, context: Context) -> Row:
        """Add what is missing, take away what is there twice."""
        await self._maker.complete(order, row, context)
        found = await self._look_up(order)
        return row if found is None or isinstance(found, Rejected) else found

    async def _move_on(self, order: Order, ledger: dict[str, Any], settings: ConnectionSettings) -> bool:
        """Shipments that Spark Pay does not know, then the status; whether anything was written."""
        wrote = False
        for shipment in order.shipments:
            if "sparkpay" in shipment.refs:
                continue
            wrote |= await self._ship(order, shipment, ledger)
        status_id = await self._desk.status_for(order.status, settings)
        if status_id is not None and ledger.get("status_id") != status_id:
            order_id = ledger["order_id"]
            if settings.orders.silent_status:
                await self._client.update("orders", order_id, {"order_status_id": status_id})
            else:
                await self._client.request("PUT", f"orders/{order_id}/status", body={"order_status_id": status_id})
            ledger["status_id"] = status_id
            wrote = True
        return wrote

    async def _ship(self, order: Order, shipment: Shipment, ledger: dict[str, Any]) -> bool:
        """Found by its name within the order, so it can be sent again."""
        if not ledger["items"]:
            row = await self._client.get("orders", ledger["order_id"], expand=("items",))
            ledger["items"] = _items_of(order, row)
        body = shipment_row(order, shipment, ledger["order_id"], ledger["items"])
        hash_ = body_hash(body)
        if ledger["shipments"].get(shipment.id) == hash_:
            return False
        await self._client.create("order_shipments", body)
        ledger["shipments"] = {**ledger["shipments"], shipment.id: hash_}
        return True


def _wanted(order: Order) -> list[tuple[str, int, str]]:
    return [
        (
            line.sku or "",
            int(line.quantity),
            plain(line.unit_price if line.kind is LineKind.ITEM and line.unit_price is not None else line.net),
        )
        for line in order.lines
    ]


def _line_of(item: Mapping[str, Any]) -> tuple[str, int, str]:
    return (str(item.get("item_number") or ""), int(item.get("quantity") or 0), plain(Decimal(item.get("price") or 0)))


def _items_of(order: Order, row: Mapping[str, Any]) -> dict[str, int]:
    """Id of the order item of each line: by the id that it has in Spark Pay, else by SKU, each used once."""
    free = {
        int(item["id"]): str(item.get("item_number_full") or item.get("item_number") or "")
        for item in row.get("items") or ()
    }
    found: dict[str, int] = {}
    for line in order.lines:
        own = line.refs.get("sparkpay", "")
        match = int(own) if own.isdecimal() and int(own) in free else None
        match = match or next((id_ for id_, sku in free.items() if sku == (line.sku or "")), None)
        if match is not None:
            found[line.id] = match
            del free[match]
    return found


def _ledger(order: Order, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"order_id": int(row["id"]), "items": _items_of(order, row), "shipments": {}}


def _refs(ledger: Mapping[str, Any]) -> dict[str, str]:
    return {"sparkpay": str(ledger["order_id"])} if "order_id" in ledger else {}
