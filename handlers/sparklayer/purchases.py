"""One order to SparkLayer as a purchase: one call, whatever changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import NotFound
from connector.settings import ConnectionSettings
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.wire import Row, decode, encode
from contracts.entities import Order, OrderStatus
from handlers.outcome import Applied, Outcome, Skip, Task, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.likeness import difference
from handlers.sparklayer.purchase_body import (
    OWN_CUSTOM_FIELD,
    OWN_METADATA,
    Body,
    LookUp,
    identity_of,
    purchase_body,
)


class PurchaseWriter:
    """Brings one order to the purchases interface. One in doubt is read first; `look_only` writes nothing."""

    def __init__(self, client: SparkLayerClient, *, look_only: bool = False) -> None:
        self._client = client
        self._look_only = look_only

    async def bring(self, task: Task, order: Order, customer: str, settings: ConnectionSettings) -> Outcome:
        """`customer` is the customer's id on SparkLayer. Raises a `PlatformError`."""
        if order.status is OrderStatus.DECLINED and not task.ledger and "sparklayer" not in order.refs:
            return Applied(body_hash(None), unchanged=True)  # it was never an order there
        body, notes = purchase_body(order, customer, settings)
        hash_ = body_hash(body)
        if hash_ == task.applied_hash and not task.doubt:
            return _applied(hash_, task.ledger, notes, unchanged=True)
        look_up, key = identity_of(order)
        there = await self._there(look_up, key) if task.doubt else None
        kept = await self._kept(task, look_up, key, there)
        whole = _merged(body, kept)
        ledger = {"look_up": look_up, "key": key, "kept": encode(kept).decode()}
        lacking = "the order" if there is None else difference(whole, there)
        if lacking is None:
            return _applied(hash_, ledger, notes, unchanged=True)
        if self._look_only:
            return would_write(f"order {task.key}: {lacking} is not there as it should be")
        await self._client.purchases.put(look_up, key, whole)
        return _applied(hash_, ledger, notes)

    async def _there(self, look_up: LookUp, key: str) -> Row | None:
        try:
            return await self._client.purchases.get(look_up, key)
        except NotFound:
            return None

    async def _kept(self, task: Task, look_up: LookUp, key: str, there: Row | None) -> Mapping[str, Any]:
        """What SparkLayer put into an order that began there and a replacement would clear; read once."""
        if there is not None and look_up == "sparklayer" and "kept" not in task.ledger:
            return _foreign(there)
        if "kept" in task.ledger:
            found = decode(str(task.ledger["kept"]).encode())
            return found if isinstance(found, dict) else {}
        if look_up != "sparklayer":
            return {}
        found_there = await self._there(look_up, key)
        return {} if found_there is None else _foreign(found_there)

    async def remove(self, task: Task) -> Outcome:
        """An order that is gone in its store is gone here too. Raises a `PlatformError`."""
        if not task.ledger:
            return Applied(body_hash(None), unchanged=True)
        if self._look_only:
            return would_write(f"order {task.key} is still there")
        try:
            await self._client.purchases.delete(task.ledger["look_up"], task.ledger["key"])
        except NotFound:
            return Applied(body_hash(None), unchanged=True)
        return Applied(body_hash(None))


def _foreign(there: Row) -> dict[str, Any]:
    identifiers = there.get("customer_identifiers") or {}
    lines = [
        line
        for package in _packages(there)
        for line in package.get("line_items") or ()
        if isinstance(line, Mapping) and line.get("custom_attributes")
    ]
    return {
        "customer_identifiers": {name: value for name, value in identifiers.items() if name != "sparklayer" and value},
        "custom_fields": [row for row in there.get("custom_fields") or () if row.get("name") != OWN_CUSTOM_FIELD],
        "metadata": [row for row in there.get("metadata") or () if row.get("name") not in OWN_METADATA],
        "attributes": {
            str(sku): line["custom_attributes"]
            for line in lines
            if (sku := (line.get("identifiers") or {}).get("sku")) is not None
        },
    }


def _packages(purchase: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = purchase.get("packages") or []
    return [found] if isinstance(found, Mapping) else list(found)


def _merged(body: Body, kept: Mapping[str, Any]) -> Body:
    if not kept:
        return body
    attributes = kept["attributes"]
    for package in _packages(body):
        for line in package["line_items"]:
            if (found := attributes.get((line.get("identifiers") or {}).get("sku"))) is not None:
                line["custom_attributes"] = found
    return {
        **body,
        "customer_identifiers": {**kept["customer_identifiers"], **body["customer_identifiers"]},
        "custom_fields": [*body["custom_fields"], *kept["custom_fields"]],
        "metadata": [*body["metadata"], *kept["metadata"]],
    }


def _applied(hash_: str, ledger: Mapping[str, Any], notes: Sequence[Skip], *, unchanged: bool = False) -> Applied:
    return Applied(hash_, ledger=dict(ledger), unchanged=unchanged, skips=tuple(notes))
