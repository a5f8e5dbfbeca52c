"""What a store has that orders need: statuses, the custom field for carts, and whether it has integration routes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.errors import UserFault
from connector.settings import ConnectionSettings
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.mapping.fields import flag
from connector.sparkpay.query import Query, eq
from contracts.entities import Order, OrderKind, OrderStatus
from handlers.sparkpay.shop import KEPT_FOR

_FLAGS = {
    OrderStatus.SHIPPED: "is_shipped",
    OrderStatus.PARTIALLY_SHIPPED: "is_partially_shipped",
    OrderStatus.CANCELLED: "is_cancelled",
    OrderStatus.DECLINED: "is_declined",
    OrderStatus.REFUNDED: "is_fully_refunded",
    OrderStatus.PARTIALLY_REFUNDED: "is_partially_refunded",
}
_EVERY_FLAG = (*_FLAGS.values(), "is_quote_status")
_WHICH = "set orders.status_ids or orders.new_status_id"


class OrderDesk:
    """Reads once what it needs; a store changes these things rarely."""

    def __init__(self, client: SparkPayClient) -> None:
        self._client = client
        self._statuses: Sequence[Mapping[str, Any]] | None = None
        self._fields: dict[str, int] = {}
        self.has_integration_routes = True  # until a store says that it has none
        self._since: datetime | None = None

    def begin(self, now: datetime) -> None:
        """A batch begins; what was learned hours ago is forgotten."""
        if self._since is None or now - self._since > KEPT_FOR:
            self._statuses, self._fields, self.has_integration_routes = None, {}, True
            self._since = now

    async def new_status(self, order: Order, settings: ConnectionSettings) -> Mapping[str, Any]:
        """The status of a new order: the configured one, else the first that is open and nothing else.

        Of a quote it is the first for quotes. Raises `UserFault` where the store has none, and `PlatformError`.
        """
        if order.kind is OrderKind.QUOTE:
            return await self._quote_status()
        wanted = settings.orders.new_status_id.get(order.payment_method.value)
        for row in await self._all():
            plain = flag(row, "is_open") and not any(flag(row, name) for name in _EVERY_FLAG)
            if row["id"] == wanted or (wanted is None and plain):
                return row
        self._statuses = None  # somebody is going to make one
        what = f"no order status {wanted}" if wanted is not None else "no order status that is open and nothing else"
        raise UserFault(f"the store has {what}: {_WHICH}")

    async def status_for(self, status: OrderStatus, current: int | None, settings: ConnectionSettings) -> int | None:
        """The status to set; none where the current one means that already, or the store has none of that meaning."""
        if status.value in settings.orders.status_ids:
            chosen = settings.orders.status_ids[status.value]
            return None if chosen == current else chosen
        name = _FLAGS.get(status)
        if name is None:
            return None
        fitting = [int(row["id"]) for row in await self._all() if flag(row, name)]
        return None if current in fitting else next(iter(fitting), None)

    async def _quote_status(self) -> Mapping[str, Any]:
        for row in await self._all():
            if flag(row, "is_quote_status"):
                return row
        self._statuses = None
        raise UserFault("the store has no order status for quotes: make one")

    async def field_id(self, name: str) -> int:
        """The custom field of orders of that name; made where the store has none."""
        if name not in self._fields:
            query = Query().where("name", eq(name)).where("resource_type", eq("Orders")).at_most(10)
            page = await self._client.page("custom_fields", query)
            rows = [row for row in page.rows if row.get("name") == name]
            if rows:
                self._fields[name] = int(rows[0]["id"])
            else:
                made = await self._client.create(
                    "custom_fields",
                    {"name": name, "resource_type": "Orders", "input_type": "TextBox", "value_type": "String"},
                )
                self._fields[name] = int(made["id"])
        return self._fields[name]

    async def _all(self) -> Sequence[Mapping[str, Any]]:
        if self._statuses is None:
            page = await self._client.page("order_statuses", Query().sorted_by("id"))
            self._statuses = page.rows
        return self._statuses
