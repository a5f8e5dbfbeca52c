"""Subscribing to a store's webhooks: what is there is compared with what is wanted, and only the difference written.

A subscription is of one event and one store (vendor docs: webhooks). Ours are known by their address, whatever its
secret, so that a rotation changes rows in place and nothing is ever subscribed twice.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from connector.errors import CredentialsRefused, NotFound, Refused
from connector.ports import Priority
from connector.redaction import without_secrets
from connector.sparkpay import walk
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query

log = structlog.get_logger("paylayer.webhooks")

EVENTS: Mapping[str, tuple[str, ...]] = {
    "product": ("ProductStatusChanged", "ProductCreated", "ProductUpdated"),
    "order": ("NewOrder", "OrderUpdated", "OrderStatusChanged"),
    "customer": ("CustomerCreated", "CustomerUpdated", "CustomerEmailUpdated"),
}
"""By kind of entity. Not `NewValidOrder` and `OrderPlaced`: they would announce the same order again."""

OLDER_EVENTS: Mapping[str, tuple[str, ...]] = {
    "product": ("ProductStatusChanged",),
    "order": ("OrderPlaced", "OrderApproved", "OrderShipped", "OrderCanceled", "OrderDeclined", "PaymentProcessed"),
    "customer": ("CustomerRegistered",),
}
"""What stores before version 2020.3 have instead."""

_FIXED = {"failure_type": "Ignore", "cache_length": "NoCache"}
"""A failing receiver must never be the shopper's trouble, and a cached answer would swallow the next event."""


@dataclass(slots=True)
class Registration:
    """What was found and done. `problems` are sentences; with any of them polling goes on as before."""

    right: int = 0
    created: int = 0
    repaired: int = 0
    removed: int = 0
    problems: list[str] = field(default_factory=list)
    older_store: bool = False

    @property
    def changed(self) -> int:
        """Rows that were, or in a check would be, written."""
        return self.created + self.repaired + self.removed


class WebhookRegistration:
    """The subscriptions of one connection. Raises what the client raises, but for a scope that the token lacks."""

    def __init__(self, client: SparkPayClient, address: str, secret: str, former: Collection[str] = ()) -> None:
        """`address`: up to the secret, with a slash at its end. `former` secrets mark rows of an earlier address."""
        self._client = client
        self._address = address
        self._secret = secret
        self._former = (secret, *former)

    async def register(self, kinds: Iterable[str], *, write: bool = True) -> Registration:
        """Bring the subscriptions to what is wanted for these kinds of entities; without `write` only count."""
        done = Registration()
        wanted_kinds = list(kinds)
        try:
            ours = [row for row in await self._rows() if self._is_ours(row)]
            stores = await self._stores()
        except CredentialsRefused as error:
            if error.code != "scope":
                raise
            done.problems.append(
                "the token may not manage webhooks: it needs the scope System (perform system tasks); "
                "changes are found by polling alone"
            )
            return done
        kept: set[int] = set()
        for kind in wanted_kinds:
            kept |= await self._register_kind(kind, stores, ours, done, write=write)
        for row in ours:
            if int(row["id"]) not in kept:
                await self._remove(row, done, write=write)
        return done

    async def remove(self) -> int:
        """Delete everything of ours; how many rows that were."""
        done = Registration()
        for row in [row for row in await self._rows() if self._is_ours(row)]:
            await self._remove(row, done, write=True)
        return done.removed

    async def _register_kind(
        self, kind: str, stores: Sequence[int], ours: Sequence[Row], done: Registration, *, write: bool
    ) -> set[int]:
        """The ids of the rows that stay."""
        kept: set[int] = set()
        left = list(OLDER_EVENTS[kind] if done.older_store else EVENTS[kind])
        while left:
            event = left.pop(0)
            try:
                for store in stores:
                    kept |= await self._bring(event, store, ours, done, write=write)
            except CredentialsRefused as error:
                if error.code != "scope":
                    raise
                done.problems.append(f"the token may not subscribe to {event}: it needs view and change of {kind}s")
                return kept
            except Refused as error:
                if event in OLDER_EVENTS[kind]:
                    text = without_secrets(error.message, self._former)
                    done.problems.append(f"the store does not take the webhook {event}: {text}")
                else:
                    done.older_store = True
                    left = [older for older in OLDER_EVENTS[kind] if older not in EVENTS[kind]]
        return kept

    async def _bring(self, event: str, store: int, ours: Sequence[Row], done: Registration, *, write: bool) -> set[int]:
        """Have this one there; its id where it was there before."""
        wanted = {"event_type": event, "store_id": store, "url": f"{self._address}{self._secret}/{event}", **_FIXED}
        there = [row for row in ours if row.get("event_type") == event and row.get("store_id") == store]
        if not there:
            if write:
                await self._client.create("webhooks", wanted, priority=Priority.LIVE)
            done.created += 1
            return set()
        best = min(there, key=lambda row: (_differs(row, wanted), int(row["id"])))
        if _differs(best, wanted):
            if write:
                await self._client.update("webhooks", int(best["id"]), wanted, priority=Priority.LIVE)
            done.repaired += 1
        else:
            done.right += 1
        return {int(best["id"])}

    async def _remove(self, row: Row, done: Registration, *, write: bool) -> None:
        if write:
            try:
                await self._client.delete("webhooks", int(row["id"]))
            except NotFound:
                return
        done.removed += 1

    async def _rows(self) -> list[Row]:
        return [row async for page in walk.by_id(self._client, "webhooks", Query()) for row in page.rows]

    async def _stores(self) -> list[int]:
        pages = walk.by_id(self._client, "stores", Query().only("id"))
        return [int(row["id"]) async for page in pages for row in page.rows]

    def _is_ours(self, row: Row) -> bool:
        """By the address, and after a move of ours by a secret that only we can have given."""
        url = str(row.get("url") or "")
        return url.startswith(self._address) or any(f"/{secret}/" in url for secret in self._former)


def _differs(row: Row, wanted: Mapping[str, object]) -> bool:
    return any(row.get(name) != value for name, value in wanted.items())
