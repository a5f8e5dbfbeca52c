"""Orders to Spark Pay: placed exactly once, then shipped and moved on.

Creating an order cannot be repeated blindly: the platform has no idempotency key, and even its integration route, which
finds an order by number, adds the lines once more. So a mark is stored before the first call. Where the mark is there
already, the order is looked up by its number, which comes from the cart, and only what is missing of it is added.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from connector.errors import NotFound, OutcomeUnknown, PlatformError, UserFault
from connector.settings import ConnectionSettings
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query, eq
from contracts.entities import Order, OrderKind, Shipment
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Task, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparkpay.classify import classify, half_done, unsettled
from handlers.sparkpay.email_turns import EmailTurns
from handlers.sparkpay.order_desk import OrderDesk
from handlers.sparkpay.order_maker import OrderMaker, known_customer, same_payment
from handlers.sparkpay.order_request import (
    custom_fields,
    has_own_number,
    integration_body,
    objection,
    order_number,
    payments_of,
    taken_back,
)
from handlers.sparkpay.order_there import OrderThere, found, line_of, remembered, wanted_lines
from handlers.sparkpay.shipments import is_from_the_store, shipment_row
from handlers.sparkpay.shop import Shop

AT_ONCE = 4  # vendor docs say nothing of parallel calls; four are what every known client dares
_PARTS = ("items", "payments", "shipments", "custom_fields")
_PROGRESS = ("items", "shipments")


class _Withheld(Exception):
    """A write would be needed."""


class OrderHandler:
    """Applies orders and quotes that were placed elsewhere, and what becomes of orders everywhere.

    `look_only` tells what differs instead of writing it.
    """

    entity = "order"
    batch = 50
    after: Sequence[str] = ("customer",)

    def __init__(self, client: SparkPayClient, shop: Shop, emails: EmailTurns, *, look_only: bool = False) -> None:
        self._client = client
        self._emails = emails
        self._look_only = look_only
        self._desk = OrderDesk(client)
        self._maker = OrderMaker(client, self._desk, shop)
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        self._desk.begin(context.now)
        return await asyncio.gather(*(self._guarded(task, context) for task in tasks))

    async def _guarded(self, task: Task, context: Context) -> Outcome:
        async with self._turns:
            try:
                return await self._apply(task, context)
            except UserFault as error:
                return Failed(str(error), pause=True)
            except _Withheld:
                return would_write(f"order {task.key}: the store has not what it should have")
            except PlatformError as error:
                return half_done(unsettled(classify(error)))

    async def _apply(self, task: Task, context: Context) -> Outcome:
        order = task.entity
        if order is None:
            return Applied(body_hash(None), ledger=dict(task.ledger), unchanged=True)  # a shop's order is never deleted
        if not isinstance(order, Order):
            raise TypeError(f"{task.key} is no order")
        hash_ = body_hash(order.model_dump(mode="json", exclude={"refs"}))
        if hash_ == task.applied_hash and not task.doubt:
            return Applied(hash_, refs=_refs(task), ledger=dict(task.ledger), unchanged=True)
        there, wrote = remembered(task), False
        if there is None and (id_ := _told_id(task, order)) is not None:
            row = await self._read(id_)
            if row is None:
                return Rejected("order_gone", f"order {task.key}: Spark Pay has no order {id_} any more")
            there = found(order, row, task.ledger)
        if there is None:
            placed = await self._place(task, order, context)
            if isinstance(placed, Rejected):
                return placed
            row, wrote = placed
            there = found(order, row, task.ledger)
        moved = await self._move_on(order, there, context.settings)
        ledger = there.ledger()
        return Applied(hash_, refs={"sparkpay": str(there.id)}, ledger=ledger, unchanged=not (wrote or moved))

    async def _read(self, id_: int) -> Row | None:
        try:
            return await self._client.get("orders", id_, expand=_PROGRESS)
        except NotFound:
            return None

    async def _place(self, task: Task, order: Order, context: Context) -> tuple[Row, bool] | Rejected:
        """The order's row with its parts, as the store has it now, and whether anything was written."""
        if (refusal := objection(order)) is not None:
            return refusal
        if not order.customer.email and await known_customer(order, context) is None:
            return Rejected("email_missing", f"order {order.key}: its customer has no e-mail address")
        async with self._emails.turn(order.customer.email):
            return await self._place_once(task, order, context)

    async def _place_once(self, task: Task, order: Order, context: Context) -> tuple[Row, bool] | Rejected:
        ours = self._look_only or not await context.intents.first("order", task.key, "create")
        if ours or task.doubt or not has_own_number(order):
            looked = await self._look_up(order)
            if isinstance(looked, Rejected):
                return looked
            if looked is not None and not (ours or task.doubt or has_own_number(order)):
                return looked, False  # somebody else's order of that number: the same one, and complete as it is
            if looked is not None:
                return await self._whole(order, looked, context)
        if self._look_only:
            raise _Withheld
        await self._make(order, context)
        looked = await self._look_up(order)
        if looked is None:
            message = f"order {order_number(order)} was taken and is not to be found"
            raise OutcomeUnknown(message, side="sparkpay", endpoint="GET /orders")
        if isinstance(looked, Rejected):
            return looked
        row, _ = await self._whole(order, looked, context)
        return row, True

    async def _make(self, order: Order, context: Context) -> None:
        settings = context.settings
        status = await self._desk.new_status(order, settings)
        for name in custom_fields(order, settings):
            await self._desk.field_id(name)
        in_one = settings.orders.integration_route and order.kind is OrderKind.ORDER and bool(order.customer.email)
        if in_one and self._desk.has_integration_routes:
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

    async def _whole(self, order: Order, row: Row, context: Context) -> tuple[Row, bool]:
        """The row with all its parts: what is missing is added, what is there twice taken away."""
        customer = await known_customer(order, context)
        strange = customer is not None and row.get("customer_id") != customer
        whole = self._is_whole(order, row, context.settings)
        if whole and not strange:
            return row, False
        if self._look_only:
            raise _Withheld
        if strange:  # the integration route goes by e-mail, and that may have changed
            await self._client.update("orders", int(row["id"]), {"customer_id": customer})
        if not whole:
            await self._maker.complete(order, row, context)
        looked = await self._look_up(order)
        return (row if looked is None or isinstance(looked, Rejected) else looked), True

    def _is_whole(self, order: Order, row: Row, settings: ConnectionSettings) -> bool:
        there = {field.get("name"): field.get("value") for field in row.get("custom_fields") or ()}
        wanted = custom_fields(order, settings)
        paid, payments = list(row.get("payments") or ()), payments_of(order)
        return (
            Counter(map(line_of, row.get("items") or ())) == Counter(wanted_lines(order))
            and len(paid) == len(payments)
            and all(any(same_payment(one, payment) for one in paid) for payment in payments)
            and all(there.get(name) == value for name, value in wanted.items())
        )

    async def _move_on(self, order: Order, there: OrderThere, settings: ConnectionSettings) -> bool:
        """Shipments that Spark Pay does not know, what was taken back, the status; whether anything was written."""
        wrote = False
        for shipment in order.shipments:
            if not is_from_the_store(shipment):
                wrote |= await self._ship(order, shipment, there)
        wrote |= await self._tell(order, there)
        status_id = await self._desk.status_for(order.status, there.status_id, settings)
        if status_id is not None:
            self._require_writes()
            if settings.orders.silent_status:
                await self._client.update("orders", there.id, {"order_status_id": status_id})
            else:
                await self._client.request("PUT", f"orders/{there.id}/status", body={"order_status_id": status_id})
            there.status_id = status_id
            wrote = True
        return wrote

    async def _ship(self, order: Order, shipment: Shipment, there: OrderThere) -> bool:
        """Found by its name within the order, so it can be sent again."""
        if there.items is None:
            row = await self._client.get("orders", there.id, expand=("items",))
            there.items = found(order, row, {}).items
        body = shipment_row(order, shipment, there.id, there.items or {})
        if there.has(shipment.id, body):
            there.shipments[shipment.id] = body_hash(body)
            return False
        self._require_writes()
        await self._client.create("order_shipments", body)
        there.shipments[shipment.id] = body_hash(body)
        return True

    async def _tell(self, order: Order, there: OrderThere) -> bool:
        """What was cancelled or returned in part has no rows in the store: it is written down for people."""
        text = taken_back(order)
        hash_ = None if text is None else body_hash(text)
        if text is None or hash_ == there.told:
            return False
        comments: Any = there.comments
        if comments is None:
            comments = (await self._client.get("orders", there.id, fields=("id", "admin_comments"))).get(
                "admin_comments"
            )
        if text not in str(comments or ""):
            self._require_writes()
            body = {"admin_comments": f"{comments}\r\n{text}" if comments else text}
            await self._client.update("orders", there.id, body)
        there.told = hash_
        return True

    def _require_writes(self) -> None:
        if self._look_only:
            raise _Withheld


def _told_id(task: Task, order: Order) -> int | None:
    """The id that it has in the store, as far as anybody says."""
    own = task.key.removeprefix("sparkpay:") if task.key.startswith("sparkpay:") else ""
    told = str(task.ledger.get("order_id") or order.refs.get("sparkpay") or own)
    return int(told) if told.isdecimal() else None


def _refs(task: Task) -> dict[str, str]:
    return {"sparkpay": str(task.ledger["order_id"])} if "order_id" in task.ledger else {}
