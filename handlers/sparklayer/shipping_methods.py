"""Shipping methods to SparkLayer, through the interface that the settings name; off unless one is named."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

from connector.errors import NotFound, PlatformError, Refused
from connector.settings import ConnectionSettings
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.wire import Row
from contracts.entities import BandBasis, ShippingBand, ShippingMethod
from handlers.outcome import Applied, Context, Outcome, Rejected, Task, Waiting, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.classify import classify, taken_fields
from handlers.sparklayer.customer_groups import group_slug
from handlers.sparklayer.likeness import difference

Version = Literal["v2", "v1"]
_EVERYWHERE: tuple[str, ...] = ()


class ShippingMethodHandler:
    """Applies shipping methods, one after the other: there are few. `look_only` tells what differs instead."""

    entity = "shipping-method"
    batch = 50
    after: Sequence[str] = ("customer-group",)

    def __init__(self, client: SparkLayerClient, *, look_only: bool = False) -> None:
        self._client = client
        self._look_only = look_only
        self._ids: dict[tuple[Version, str], str] | None = None  # slug or SKU -> internal id
        self._rows: dict[tuple[Version, str], Row] = {}  # as read; without those written since

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        outcomes = []
        for task in tasks:
            try:
                outcomes.append(await self._apply(task, context.settings))
            except PlatformError as error:
                self._ids = None
                outcomes.append(classify(error))
        return outcomes

    async def _apply(self, task: Task, settings: ConnectionSettings) -> Outcome:
        version = settings.shipping.api
        if version == "off":
            return Applied(body_hash("off"), unchanged=True)
        method = task.entity
        if method is None:
            return await self._remove(task, version)
        if not isinstance(method, ShippingMethod):
            raise TypeError(f"{task.key} is no shipping method")
        if not method.enabled:
            return await self._remove(task, version)
        if (reason := method.unsupported or _unsupported(method)) is not None:
            removed = await self._remove(task, version)
            message = f"shipping method {method.name} ({task.key}): {reason}; SparkLayer has no counterpart"
            done = removed if isinstance(removed, Applied) else None
            return Rejected("shipping_rule_unsupported", message, applied=done)
        return await self._bring(task, method, version, settings)

    async def _bring(
        self, task: Task, method: ShippingMethod, version: Version, settings: ConnectionSettings
    ) -> Outcome:
        body = _body(method, version, settings)
        hash_ = body_hash({version: body})
        if hash_ == task.applied_hash and not task.doubt:
            return Applied(hash_, ledger=dict(task.ledger), unchanged=True)
        if task.doubt:
            id_ = (await self._known(version)).get((version, method.key), "")
            if id_ and difference(body, self._rows.get((version, method.key))) is None:
                return Applied(hash_, refs={"sparklayer": id_}, ledger={"id": id_}, unchanged=True)
        if self._look_only:
            return would_write(f"shipping method {task.key} is not there as it should be")
        id_ = await self._write(method.key, version, body)
        return Applied(hash_, refs={"sparklayer": id_}, ledger={"id": id_})

    async def _write(self, key: str, version: Version, body: dict[str, Any]) -> str:
        ids = await self._known(version)
        self._rows.pop((version, key), None)
        if (version, key) not in ids:
            try:
                answer = await self._client.shipping_methods.create(version, body)
            except Refused as error:
                if not taken_fields(error):
                    raise
                self._ids = None  # somebody was faster, or a reply was lost
                ids = await self._known(version)
            else:
                ids[version, key] = str(answer["id"])
                return ids[version, key]
        try:
            await self._client.shipping_methods.change(version, ids[version, key], body)
        except NotFound:
            answer = await self._client.shipping_methods.create(version, body)
            ids[version, key] = str(answer["id"])
        return ids[version, key]

    async def _remove(self, task: Task, version: Version) -> Applied | Waiting:
        ids = await self._known(version)
        if (version, task.key) not in ids:
            return Applied(body_hash(None), unchanged=True)
        if self._look_only:
            return would_write(f"shipping method {task.key} is still there")
        id_ = ids.pop((version, task.key))
        try:
            await self._client.shipping_methods.delete(version, id_)
        except NotFound:
            return Applied(body_hash(None), unchanged=True)
        return Applied(body_hash(None))

    async def _known(self, version: Version) -> dict[tuple[Version, str], str]:
        if self._ids is None:
            name = "slug" if version == "v2" else "sku"
            rows = await self._client.shipping_methods.all(version)
            self._ids = {(version, str(row.get(name))): str(row["id"]) for row in rows}
            self._rows = {(version, str(row.get(name))): row for row in rows}
        return self._ids


def _body(method: ShippingMethod, version: Version, settings: ConnectionSettings) -> dict[str, Any]:
    groups = [group_slug(key, settings) for key in method.groups]
    bands = [
        {
            "name": f"{method.name} {number}",
            "priority": number,
            "requirement": {"type": "weight", "min": band.lower or Decimal(0), "max": band.upper},
            "cost": {"type": "free"},
        }
        for number, band in enumerate(method.bands, start=1)
    ]
    if version == "v2":
        head: dict[str, Any] = {"slug": method.key, "priority": method.priority, "locations": list(method.countries)}
    else:
        head = {"sku": method.key, "prority": method.priority, "countries": list(method.countries)}
    return {**head, "title": method.name, "groups": groups, "bands": bands}


def _unsupported(method: ShippingMethod) -> str | None:
    """Of the platform's words for bands only weight and free are known (vendor docs: shipping v1)."""
    return next((reason for band in method.bands if (reason := _reason(band)) is not None), None)


def _reason(band: ShippingBand) -> str | None:
    if band.basis is not BandBasis.WEIGHT:
        return f"a band is bounded by {band.basis.value}"
    return None if band.price == 0 else "a band has a price"
