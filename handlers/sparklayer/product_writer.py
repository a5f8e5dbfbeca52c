"""Bringing one product to SparkLayer: one POST or PATCH where nothing is in the way, the repairs where something is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.errors import Conflict, NotFound, PlatformError, Refused
from connector.ports import Holder
from connector.sparklayer import SparkLayerClient
from contracts.entities import Product
from handlers.outcome import Displaced, Failed, Intents, Outcome, Rejected, Skip
from handlers.sparklayer.classify import classify, taken_fields
from handlers.sparklayer.product_body import SUSPENDED, external_id, slug_of
from handlers.sparklayer.product_plan import Known, Plan
from handlers.sparklayer.sku_rules import BatchDirectory, parked

_VARIANT_AT = re.compile(r"variants\[(\d+)\]")
_REPAIRS = 6


@dataclass(frozen=True, slots=True)
class Written:
    """What was sent in the end."""

    slug_is_unique: bool
    reply: object


@dataclass(slots=True)
class ProductWriter:
    """One product's way to the platform; used once. `displaced` are those that had to make room, even in vain."""

    client: SparkLayerClient
    directory: BatchDirectory
    intents: Intents
    product: Product
    title: str
    plan: Plan
    known: Known
    slug_is_unique: bool
    displaced: list[Displaced] = field(default_factory=list)
    _there: bool = False
    _adopted: bool = False
    _deposed: bool = False
    _moved: bool = False

    def head(self) -> dict[str, Any]:
        """The fields of the product itself."""
        return {
            "external_id": external_id(self.product.key),
            "title": self.title,
            "slug": slug_of(self.product, self.title, unique=self.slug_is_unique),
        }

    async def write(self) -> Written | Outcome:
        """Send it; an outcome where that did not work. Every repair is tried once."""
        self._there = bool(self.known)
        try:
            for sku, holder in self.plan.rename:
                await self._rename(sku, holder)
            for _ in range(_REPAIRS):
                try:
                    return Written(self.slug_is_unique, await self._send())
                except NotFound as error:
                    if not self._there or self._adopted:
                        return classify(error)
                    self._there = False
                except (Refused, Conflict) as error:
                    if not await self._repaired(error):
                        return _final(error)
        except PlatformError as error:
            return classify(error)
        return Failed(
            f"product {self.product.key}: SparkLayer keeps naming values that are taken", target=False, code="conflict"
        )

    async def _send(self) -> object:
        if self._there:
            body = {**self.head(), "variants": [*self.plan.sold, *self.plan.kept]}
            return await self.client.products.change(body["external_id"], body)
        if self.known:  # it is gone there, and with it the variants that were only kept
            self.plan.kept.clear()
        return await self.client.products.create({**self.head(), "variants": self.plan.sold})

    async def _repaired(self, error: PlatformError) -> bool:
        """Whether something was changed that lets another try make sense."""
        taken = taken_fields(error)
        if not self._there and not self._adopted and ("external_id" in taken or (not taken and _is_conflict(error))):
            self._there = self._adopted = True
            return True
        if "slug" in taken and not self.slug_is_unique:
            self.slug_is_unique = True
            return True
        about_skus = {path for path, code in taken.items() if path.endswith("sku") or code == "duplicate-sku"}
        if not about_skus and (taken or not _is_conflict(error)):
            return False
        return await self._depose() or await self._make_room() or self._drop(about_skus)

    async def _depose(self) -> bool:
        """Take SKUs from living holders of higher products, and from those that should have left them."""
        if self._deposed or not (self.plan.depose or self.plan.stale):
            return False
        self._deposed = True
        for sku, holder in self.plan.depose:
            await self._rename(sku, holder, status=SUSPENDED)
        for sku, holder in self.plan.stale:
            await self._rename(sku, holder)
        return True

    async def _make_room(self) -> bool:
        """A SKU that moves inside the product: rename the variants that have it there."""
        if self._moved:
            return False
        self._moved = True
        sold = {line["sku"]: line["external_id"] for line in self.plan.sold}
        moving = [
            (part, line["sku"])
            for part, line in sorted(self.known.items())
            if line["sku"] in sold and sold[line["sku"]] != part
        ]
        for part, sku in moving:
            await self._patch_variant(part, {"sku": parked(sku, part)})
        return bool(moving)

    def _drop(self, paths: set[str]) -> bool:
        """Leave out the variants whose SKU somebody unknown has, and rename those that are only kept.

        False as well where nothing is left to sell: then it is not the same product that can be tried again.
        """
        positions = {int(found[1]) for path in paths if (found := _VARIANT_AT.match(path)) is not None}
        sold = len(self.plan.sold)
        parts = [line["external_id"] for at, line in enumerate(self.plan.sold) if at in positions]
        kept = [line for at, line in enumerate(self.plan.kept, start=sold) if at in positions]
        renamed = [line for line in kept if line["sku"] != parked(line["sku"], line["external_id"])]
        for line in renamed:
            line["sku"] = parked(line["sku"], line["external_id"])
        for part in parts:
            message = f"variant {part}: SparkLayer has its SKU on something that PayLayer did not send"
            self.plan.drop(part, Skip("sku_duplicate", message, part), there=part in self.known)
        return bool(parts or renamed) and not self.plan.sells_nothing

    async def _rename(self, sku: str, holder: Holder, status: str | None = None) -> None:
        await self.intents.displaces(holder.product, sku, holder.part)
        self.displaced.append(Displaced(sku, holder.product, holder.part))  # also if the answer gets lost
        body = {"sku": parked(sku, holder.part)} | ({"status": status} if status else {})
        await self._patch_variant(holder.part, body)
        self.directory.renamed(sku, holder)

    async def _patch_variant(self, part: str, body: Mapping[str, Any]) -> None:
        try:
            await self.client.products.change_variant(part, body)
        except NotFound:
            return  # gone there: it holds nothing any more


def _final(error: Refused | Conflict) -> Outcome:
    outcome = classify(error)
    if isinstance(outcome, Rejected) and any(path.endswith("sku") for path in taken_fields(error)):
        return replace(outcome, code="sku_duplicate")
    return outcome


def _is_conflict(error: PlatformError) -> bool:
    return isinstance(error, Conflict)
