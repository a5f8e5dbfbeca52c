"""What a product has in tables of its own: option groups, options, combinations, its picture. One call per row."""

import asyncio
from collections.abc import Sequence

from connector.settings import ConnectionSettings
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.mapping.fields import reference, text
from contracts.entities import Availability, Option, Variant
from handlers.outcome import Skip
from handlers.sparkpay.product_fields import (
    Fields,
    changes,
    combination_fields,
    described,
    options_of,
    same_picture,
)
from handlers.sparkpay.product_there import There, choice_of
from handlers.sparkpay.shop import Shop


class ProductParts:
    """Writes the rows that belong to products. Everything it does is noted in `There` at once.

    The methods raise a `PlatformError`; `wrote` of a `Changes` says whether anything was done before.
    """

    def __init__(self, client: SparkPayClient, shop: Shop) -> None:
        self._client = client
        self._shop = shop
        self._groups = asyncio.Lock()

    async def lacking(self, there: There, variants: Sequence[Variant], settings: ConnectionSettings) -> str | None:
        """The first part that would have to be written; none where all is there."""
        for variant in variants:
            id_ = there.combination_of(variant)
            if id_ is None:
                return f"variant {variant.id}"
            if fields := await self._changes(there, id_, variant, settings):
                return f"{next(iter(fields))} of variant {variant.id}"
        retired = [one["item_number"] for one in await self._to_retire(there, variants)]
        return f"the end of variant {retired[0]}" if retired else None

    async def combine(self, there: There, variants: Sequence[Variant], settings: ConnectionSettings) -> list[Skip]:
        """Bring the combinations to what they should be; those that are no variant any more are discontinued."""
        skips: list[Skip] = []
        for variant in variants:
            id_ = there.combination_of(variant)
            if id_ is None:
                await self._make(there, variant, settings)
                continue
            if fields := await self._changes(there, id_, variant, settings):
                await self._client.update("variant_inventory", id_, fields)
            there.combinations[id_] |= {**fields, "variant": variant.id, "state": variant.status.value}
        for row in await self._to_retire(there, variants):
            status = await self._shop.status_for(Availability.DISCONTINUED)
            if status is None:
                message = (
                    f"SKU {row['item_number']!r} is sold no more, and the store has no product status that says so"
                )
                skips.append(Skip("status_missing", message, row["item_number"], note=True))
                continue
            await self._client.update("variant_inventory", int(row["id"]), {"product_status_id": status})
            there.combinations[int(row["id"])] |= {"product_status_id": status, "state": "discontinued"}
        return skips

    async def show(self, there: There, url: str | None) -> bool:
        """Have that picture as the primary one; whether a call was made. No address leaves what is there."""
        if url is None or same_picture(there.picture.get("url"), url):
            return False
        body = {"product_id": there.id, "image_file": url, "is_primary": True, "download_external_image": True}
        if (known := there.picture.get("id")) is not None:
            await self._client.update("product_pictures", int(known), body)
            there.picture = {"id": int(known), "url": url}
        else:
            row = await self._client.create("product_pictures", body)
            there.picture = {"id": int(row["id"]), "url": url}
        return True

    async def _changes(self, there: There, id_: int, variant: Variant, settings: ConnectionSettings) -> Fields:
        row = there.combinations[id_]
        fields = changes({**row, "weight_unit": there.head.get("weight_unit")}, combination_fields(variant, settings))
        if same_picture(text(row, "variant_inventory_image"), variant.image_url or ""):
            fields.pop("variant_inventory_image", None)
        if row.get("state") == variant.status.value:
            return fields  # as it was told last; the shelf may have moved it since
        status = await self.status_of(variant.status, reference(row, "product_status_id"))
        return fields | ({} if status is None else {"product_status_id": status})

    async def status_of(self, wanted: Availability, current: int | None) -> int | None:
        """The status to set; none where the current one says it already, or the store has no such status."""
        if wanted is Availability.DISCONTINUED:
            status = await self._shop.status_for(wanted)
            return None if status == current else status
        blocked = current is not None and await self._shop.blocks(current)
        if wanted is Availability.ACTIVE:
            return await self._shop.status_for(wanted) if blocked else None
        return None if blocked else await self._shop.status_for(wanted)

    async def _to_retire(self, there: There, variants: Sequence[Variant]) -> list[Fields]:
        kept = {there.combination_of(variant) for variant in variants}
        gone = [{**row, "id": id_} for id_, row in sorted(there.combinations.items()) if id_ not in kept]
        return [row for row in gone if row.get("variant") is not None and row.get("state") != "discontinued"]

    async def _make(self, there: There, variant: Variant, settings: ConnectionSettings) -> None:
        links = [await self._option(there, option) for option in options_of(variant)]
        status = await self._shop.status_for(variant.status) or reference(there.head, "product_status_id")
        fields: Fields = {
            **combination_fields(variant, settings),
            "description": described(options_of(variant)),
            **({} if status is None else {"product_status_id": status}),
        }
        row = await self._client.create("variant_inventory", {"product_id": there.id, "variants": links, **fields})
        there.combinations[int(row["id"])] = {**fields, "variant": variant.id, "state": variant.status.value}

    async def _option(self, there: There, option: Option) -> Fields:
        choice = choice_of(option)
        if choice not in there.options:
            group = await self._group(option.name)
            body = {"product_id": there.id, "variant_group_id": group, "description": option.value}
            row = await self._client.create("product_variants", body)
            there.options[choice] = {"id": int(row["id"]), "product_id": there.id, "variant_group_id": group}
        return there.options[choice]

    async def _group(self, name: str) -> int:
        """The option group of that name; one for the whole store."""
        async with self._groups:
            known = {(text(row, "name") or "").casefold(): id_ for id_, row in await self._all_groups()}
            if (id_ := known.get(name.casefold())) is not None:
                return id_
            self._shop.drop("variant_groups")  # somebody else may have made it
            known = {(text(row, "name") or "").casefold(): id_ for id_, row in await self._all_groups()}
            if (id_ := known.get(name.casefold())) is not None:
                return id_
            row = await self._client.create("variant_groups", {"name": name, "display_type": "DropDown"})
            self._shop.made("variant_groups", {"name": name, **row})
            return int(row["id"])

    async def _all_groups(self) -> list[tuple[int, Fields]]:
        return [
            (id_, dict(row)) for id_, row in sorted((await self._shop.table("variant_groups")).items(), reverse=True)
        ]
