"""Orders to SparkLayer, through the interface that the connection's settings name."""

import asyncio
from collections.abc import Mapping, Sequence

from connector.errors import PlatformError
from connector.sparklayer import SparkLayerClient
from contracts.entities import LineKind, Order
from handlers.outcome import Context, Outcome, Rejected, Task, Waiting
from handlers.sparklayer.classify import classify
from handlers.sparklayer.orders_v1 import OrderWriterV1
from handlers.sparklayer.purchases import PurchaseWriter


class OrderHandler:
    """Applies orders and quotes. They are independent of each other, so all of a batch go at once.

    `look_only` tells what differs instead of writing it.
    """

    entity = "order"
    batch = 100
    after: Sequence[str] = ("customer",)

    def __init__(self, client: SparkLayerClient, *, look_only: bool = False) -> None:
        self._purchases = PurchaseWriter(client, look_only=look_only)
        self._orders_v1 = OrderWriterV1(client, look_only=look_only)

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        wanted = sorted({key for task in tasks if (key := _customer_key(task)) is not None})
        customers = await context.known.refs("customer", wanted) if wanted else {}
        return await asyncio.gather(*(self._guarded(task, context, customers) for task in tasks))

    async def _guarded(self, task: Task, context: Context, customers: Mapping[str, Mapping[str, str]]) -> Outcome:
        try:
            return await self._apply(task, context, customers)
        except PlatformError as error:
            return classify(error)

    async def _apply(self, task: Task, context: Context, customers: Mapping[str, Mapping[str, str]]) -> Outcome:
        order, settings = task.entity, context.settings
        writer = self._purchases if settings.orders.api == "purchases" else self._orders_v1
        if order is None:
            return await writer.remove(task)
        if not isinstance(order, Order):
            raise TypeError(f"{task.key} is no order")
        if not any(line.kind is LineKind.ITEM and line.quantity > 0 for line in order.lines):
            return Rejected("order_empty", f"order {task.key} has no lines: there is nothing to show")
        customer = _customer_id(order, customers)
        if customer is None:
            who = order.customer.key or order.customer.email or "nobody"
            return Waiting(f"customer:{who}", f"order {task.key} is of customer {who}, who is not on SparkLayer yet")
        return await writer.bring(task, order, customer, settings)


def _customer_key(task: Task) -> str | None:
    return task.entity.customer.key if isinstance(task.entity, Order) else None


def _customer_id(order: Order, customers: Mapping[str, Mapping[str, str]]) -> str | None:
    if order.customer.key is not None and "sparklayer" in (known := customers.get(order.customer.key, {})):
        return known["sparklayer"]
    return order.customer.refs.get("sparklayer")
