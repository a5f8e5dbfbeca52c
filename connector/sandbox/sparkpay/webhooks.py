"""Fires webhooks for what changes in a store, as far as their delivery is known (vendor docs: webhooks).

Deletions, stock and everything that hangs below a row fire nothing. What cannot be delivered is not tried again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator

from connector.sandbox.exchange import Sleep
from connector.sandbox.sparkpay.policy import SandboxPolicy
from connector.sandbox.sparkpay.reads import Reader, Shape
from connector.sandbox.sparkpay.resources import RESOURCES
from connector.sandbox.sparkpay.store import SparkPayStore
from connector.sandbox.sparkpay.table import Row
from connector.sandbox.sparkpay.webhook_events import EVENTS_OF_2020
from connector.sandbox.sparkpay.wire import Raw, encode

SendWebhook = Callable[[str, bytes], Awaitable[object]]
"""Posts a JSON body to an address; what it raises is a failed delivery."""

_KEYS = {"customers": "customer", "orders": "order", "quotes": "quote", "products": "product"}
_CREATED = {
    "customers": "CustomerCreated",
    "orders": "NewOrder",
    "quotes": "NewQuote",
    "products": "ProductCreated",
}
_UPDATED = {
    "customers": "CustomerUpdated",
    "orders": "OrderUpdated",
    "quotes": "QuoteUpdated",
    "products": "ProductUpdated",
}
_BY_FIELD = {
    ("customers", "email"): "CustomerEmailUpdated",
    ("orders", "order_status_id"): "OrderStatusChanged",
    ("quotes", "order_status_id"): "QuoteStatusChanged",
    ("products", "product_status_id"): "ProductStatusChanged",
}
_SILENT = {"products": frozenset({"quantity_on_hand", "quantity_on_order"})}


class Bell:
    """Watches a store and tells whoever subscribed."""

    def __init__(
        self, store: SparkPayStore, policy: Callable[[], SandboxPolicy], send: SendWebhook, sleep: Sleep, seed: int = 1
    ) -> None:
        self._store = store
        self._policy = policy
        self._send = send
        self._sleep = sleep
        self._reader = Reader(store)
        self._random = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self.delivered = 0
        self.lost = 0
        store.watchers.append(self._changed)

    async def quiet(self) -> None:
        """Return when nothing is on its way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _changed(self, resource: str, row_id: int, fields: frozenset[str] | None) -> None:
        if resource not in _KEYS or not len(self._store.tables["webhooks"]):
            return
        for event in self._events(resource, fields):
            for url in self._addresses(event, resource, row_id):
                task = asyncio.get_running_loop().create_task(self._deliver(url, event, resource, row_id))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _events(self, resource: str, fields: frozenset[str] | None) -> Iterator[str]:
        if fields is None:
            yield _CREATED[resource]
            return
        if fields <= _SILENT.get(resource, frozenset()):
            return
        yield _UPDATED[resource]
        for (of, field), event in _BY_FIELD.items():
            if of == resource and field in fields:
                yield event

    def _addresses(self, event: str, resource: str, row_id: int) -> list[str]:
        """Whoever subscribed, once for each store; products are of all stores."""
        if event in EVENTS_OF_2020 and not self._store.has_events_of_2020:
            return []
        row = self._store.tables[resource].row(row_id) or {}
        own = row.get("store_id")
        return [
            str(hook["url"])
            for hook in self._store.tables["webhooks"]
            if hook.get("event_type") == event and (not own or hook.get("store_id") == own)
        ]

    async def _deliver(self, url: str, event: str, resource: str, row_id: int) -> None:
        policy = self._policy()
        if self._random.random() < policy.webhooks_lost:
            self.lost += 1
            return
        times = 2 if self._random.random() < policy.webhooks_doubled else 1
        await self._sleep(policy.webhooks_late_seconds)
        row = self._store.tables[resource].row(row_id)
        if row is None:
            return
        body = encode(self._body(event, resource, row, filled=policy.webhook_filled), self._store.zone).encode()
        for _ in range(times):
            try:
                await self._send(url, body)
            except Exception:  # noqa: BLE001 - whatever went wrong at the receiver's, the platform does not mind
                self.lost += 1
            else:
                self.delivered += 1

    def _body(self, event: str, resource: str, row: Row, *, filled: bool) -> dict[str, object]:
        named = {"message_type_name": event, "store_id": row.get("store_id") or 1}
        if event == "ProductStatusChanged":
            status = row.get("product_status_id", 0)
            return {"item": {"product_id": row["id"], "variant_inventory_id": 0, "product_status_id": status}, **named}
        if not filled:
            return {_KEYS[resource]: {"id": row["id"]}, **named}
        declared = RESOURCES[resource]
        nested = Shape(None, tuple(declared.nested)) if resource == "orders" else Shape()
        return {_KEYS[resource]: self._reader.row(declared, row, nested, self._embedded(resource, row)), **named}

    def _embedded(self, resource: str, row: Row) -> dict[str, object]:
        """What an order shows in an event and in no answer."""
        if resource != "orders":
            return {}
        found = {
            "customer": ("customers", row.get("customer_id")),
            "order_status": ("order_statuses", row.get("order_status_id")),
            "billing_address": ("order_addresses", row.get("order_billing_address_id")),
            "shipping_address": ("order_addresses", row.get("order_shipping_address_id")),
        }
        return {name: shown for name, (of, id_) in found.items() if (shown := self._shown(of, id_)) is not None}

    def _shown(self, resource: str, row_id: object) -> Raw | None:
        row = self._store.tables[resource].row(row_id) if isinstance(row_id, int) else None
        return None if row is None else self._reader.row(RESOURCES[resource], row, Shape())
