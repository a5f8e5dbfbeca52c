"""Fires webhooks for what changes in a store, as far as their delivery is known (vendor docs: webhooks).

Deletions, stock and everything that hangs below a row fire nothing. What cannot be delivered goes to the subscription's
`fallback_url` where it asks for that, and is not tried again: no retry is documented.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import structlog

from connector.sandbox.exchange import Sleep
from connector.sandbox.sparkpay.policy import SandboxPolicy
from connector.sandbox.sparkpay.reads import Reader, Shape
from connector.sandbox.sparkpay.resources import RESOURCES
from connector.sandbox.sparkpay.store import SparkPayStore
from connector.sandbox.sparkpay.table import Row
from connector.sandbox.sparkpay.webhook_events import EVENTS_OF_2020, KEYS, Change, events_of
from connector.sandbox.sparkpay.wire import Raw, encode

log = structlog.get_logger("paylayer.sandbox")

SendWebhook = Callable[[str, bytes], Awaitable[object]]
"""Posts a JSON body to an address; what it raises is a failed delivery."""

MOST_AT_ONCE = 16
MOST_WAITING = 5000
"""Deliveries on their way; what comes on top of these is lost."""

_LOG_SIZE = 1000


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
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._failing: set[str] = set()
        self.delivered = 0
        self.lost = 0
        self.log: deque[dict[str, object]] = deque(maxlen=_LOG_SIZE)
        store.watchers.append(self._changed)

    async def quiet(self) -> None:
        """Return when nothing is on its way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def shown(self) -> dict[str, object]:
        """For `/_sandbox/webhooks`: how many were delivered and lost, and the last ones."""
        return {"delivered": self.delivered, "lost": self.lost, "log": list(self.log)}

    def _changed(self, resource: str, row_id: int, fields: frozenset[str] | None) -> None:
        if resource not in KEYS or not len(self._store.tables["webhooks"]):
            return
        for change in events_of(self._store, resource, row_id, fields):
            for hook in self._subscriptions(change):
                if len(self._tasks) >= MOST_WAITING:
                    self._note(change, str(hook["url"]), "too many are waiting already")
                    continue
                task = asyncio.get_running_loop().create_task(self._deliver(hook, change))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _subscriptions(self, change: Change) -> list[Row]:
        """Whoever subscribed, once for each store; products are of all stores."""
        if change.event in EVENTS_OF_2020 and not self._store.has_events_of_2020:
            return []
        row = self._store.tables[change.resource].row(change.row_id) or {}
        own = row.get("store_id")
        return [
            hook
            for hook in self._store.tables["webhooks"]
            if hook.get("event_type") == change.event and (not own or hook.get("store_id") == own)
        ]

    async def _deliver(self, hook: Row, change: Change) -> None:
        policy = self._policy()
        if self._random.random() < policy.webhooks_lost:
            self._note(change, str(hook["url"]), "lost, as the policy says")
            return
        times = 2 if self._random.random() < policy.webhooks_doubled else 1
        await self._sleep(policy.webhooks_late_seconds)
        async with self._places:
            row = self._store.tables[change.resource].row(change.row_id)
            if row is None:
                return
            body = encode(self._body(change, row, filled=policy.webhook_filled), self._store.zone).encode()
            for _ in range(times):
                if not await self._sent(str(hook["url"]), body, change) and hook.get("failure_type") == "Fallback":
                    await self._sent(str(hook.get("fallback_url") or ""), body, change)

    async def _sent(self, url: str, body: bytes, change: Change) -> bool:
        try:
            await self._send(url, body)
        except Exception as error:  # noqa: BLE001 - whatever went wrong at the receiver's, the platform does not mind
            self._note(change, url, f"{type(error).__name__}: {error}")
            return False
        self.delivered += 1
        self._note(change, url, None)
        return True

    def _note(self, change: Change, url: str, error: str | None) -> None:
        """Keep it; on the terminal only that an address begins or ceases to fail.

        The path of an address is not shown: it may hold the receiver's secret.
        """
        parts = urlsplit(url)
        to = f"{parts.scheme}://{parts.netloc}"
        shown = None if error is None else error.replace(url, to)
        self.log.append({
            "time": self._store.clock().isoformat(), "event": change.event, "resource": change.resource,
            "id": change.row_id, "to": to, "error": shown,
        })  # fmt: skip
        self.lost += error is not None
        if error is not None and to not in self._failing:
            self._failing.add(to)
            log.warning("webhook_not_delivered", event_type=change.event, to=to, error=shown)
        elif error is None and to in self._failing:
            self._failing.discard(to)
            log.warning("webhooks_delivered_again", to=to)

    def _body(self, change: Change, row: Row, *, filled: bool) -> dict[str, object]:
        event, resource = change.event, change.resource
        named = {"message_type_name": event, "store_id": row.get("store_id") or 1}
        if event == "ProductStatusChanged":
            status = row.get("product_status_id", 0)
            return {"item": {"product_id": row["id"], "variant_inventory_id": 0, "product_status_id": status}, **named}
        if resource == "order_payments":
            named["store_id"] = (self._store.tables["orders"].row(row.get("order_id", 0)) or {}).get("store_id") or 1
        if not filled:
            owner = {"order_id": row.get("order_id")} if resource == "order_payments" else {}
            return {KEYS[resource]: {"id": row["id"], **owner}, **named}
        declared = RESOURCES[resource]
        nested = Shape(None, tuple(declared.nested)) if resource == "orders" else Shape()
        body = {KEYS[resource]: self._reader.row(declared, row, nested, self._embedded(resource, row)), **named}
        if event == "OrderStatusChanged":
            for name, field in (("old_status", "previous_order_status_id"), ("new_status", "order_status_id")):
                body[name] = self._shown("order_statuses", row.get(field))
        return body

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
