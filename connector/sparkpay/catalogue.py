"""Products with all their children, for the least calls that the platform allows.

The whole catalogue is read flat, each resource on its own, and joined here by product id as it streams by: what is kept
is one page per resource, however large the store is. Single products are read with their collections filled.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.ports import Priority
from connector.sparkpay import product_fields, walk
from connector.sparkpay.answers import Page
from connector.sparkpay.bundle import ProductBundle, Row
from connector.sparkpay.child_rows import ChildRows
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.combination_options import described_options
from connector.sparkpay.families import Families
from connector.sparkpay.field_values import FieldStream, FieldValues
from connector.sparkpay.flags import is_set
from connector.sparkpay.plain_options import PlainOptions, believed
from connector.sparkpay.query import Query
from connector.sparkpay.reference import ReferenceBook

CUSTOM_FIELDS = "custom_fields"
SLICE = 200
"""Products handed out at once: enough for one commit, little enough to keep."""

_BREATH = 20


@dataclass(frozen=True, slots=True)
class Hydrated:
    """Products that were asked for by id, and the ids that the platform did not answer."""

    bundles: list[ProductBundle]
    missing: tuple[int, ...]


class Catalogue:
    """Reads the products of one store."""

    def __init__(self, client: SparkPayClient, reference: ReferenceBook, *, custom_fields: bool = False) -> None:
        self._client = client
        self._reference = reference
        self.values = FieldValues(client, reference, "Products") if custom_fields else None
        self.nested = (*product_fields.NESTED, CUSTOM_FIELDS) if custom_fields else product_fields.NESTED
        self.families = Families(client)

    async def bundles(
        self, after: int = 0, *, priority: Priority = Priority.SYNC
    ) -> AsyncGenerator[list[ProductBundle], None]:
        """All products with an id above `after`, by id, some hundred at a time.

        ⌈N/1000⌉ + ⌈V/1000⌉ + ⌈P/1000⌉ + ⌈K/1000⌉ calls for N products, V combinations, P price rows, K pictures, and
        for option values what `PlainOptions` says.
        """
        self.families.forget()
        groups = (await self._reference.current(priority)).variant_groups
        values = await self.values.stream(after, priority) if self.values is not None else None
        options = PlainOptions(self._client, groups, priority)
        streams = _Streams(self._client, after, priority, options=options, values=values)
        query = Query().only(*product_fields.PRODUCT)
        try:
            async for page in walk.by_id(self._client, "products", query, after=after, priority=priority):
                for start in range(0, len(page.rows), SLICE):
                    rows = page.rows[start : start + SLICE]
                    joined = [await streams.join(row, page) for row in rows]
                    yield await self.families.complete(joined, priority)
        finally:
            await streams.close()

    async def outlines(
        self, after: int = 0, *, priority: Priority = Priority.SYNC
    ) -> AsyncGenerator[list[ProductBundle], None]:
        """The same walk with only what prices and stock show by themselves: no options, pictures, texts, families.

        For comparing with an earlier walk, never for mapping.
        """
        light = [field for field in product_fields.PRODUCT if field not in product_fields.HEAVY]
        streams = _Streams(self._client, after, priority)
        try:
            async for page in walk.by_id(
                self._client, "products", Query().only(*light), after=after, priority=priority
            ):
                for start in range(0, len(page.rows), SLICE):
                    yield [await streams.join(row, page) for row in page.rows[start : start + SLICE]]
        finally:
            await streams.close()

    async def hydrate(self, ids: Iterable[int], *, priority: Priority = Priority.LIVE) -> Hydrated:
        """These products as they are now: ⌈d/200⌉ calls, and as many again at most where descriptions do not tell."""
        wanted = list(dict.fromkeys(ids))
        bundles: list[ProductBundle] = []
        async for page in self._client.select_many("products", wanted, expand=self.nested, priority=priority):
            bundles += await self.assemble(page, priority=priority)
        found = {bundle.id for bundle in bundles}
        return Hydrated(bundles, tuple(id_ for id_ in wanted if id_ not in found))

    async def assemble(self, page: Page | walk.Changes, *, priority: Priority = Priority.LIVE) -> list[ProductBundle]:
        """Bundles of product rows that came with their collections (`product_fields.NESTED`) filled."""
        groups = (await self._reference.current(priority)).variant_groups
        bundles: list[ProductBundle] = []
        for number, row in enumerate(page.rows):
            if number % _BREATH == 0:
                await asyncio.sleep(0)  # pure computing: let others have the event loop
            bundles.append(_nested(row, groups, page.started, page.order))
        unclear: list[int] = []
        for place, bundle in enumerate(bundles):
            if not bundle.combinations:
                continue
            known = described_options(bundle.combinations, bundle.options, groups)
            if known is None:
                unclear.append(place)
            else:
                bundles[place] = _combined(bundle, known)
        if unclear:
            wanted = [row["id"] for place in unclear for row in bundles[place].combinations]
            options = await self._options_of(wanted, priority)
            for place in unclear:
                bundle = bundles[place]
                bundles[place] = _combined(bundle, [options.get(row["id"], ()) for row in bundle.combinations])
        return await self.families.complete(bundles, priority)

    async def _options_of(self, ids: Sequence[int], priority: Priority) -> dict[int, tuple[Row, ...]]:
        pages = self._client.select_many(
            "variant_inventory", ids, fields=("id", "product_id", "variants"), expand=("variants",), priority=priority
        )
        return {row["id"]: tuple(row.get("variants") or ()) async for page in pages for row in page.rows}


class _Streams:
    """The child resources of one walk, read at the same time."""

    def __init__(
        self,
        client: SparkPayClient,
        after: int,
        priority: Priority,
        *,
        options: PlainOptions | None = None,
        values: FieldStream | None = None,
    ) -> None:
        """Without `options` it is an outline."""
        self._values = values
        self._client = client
        self._priority = priority
        self._options = options
        combinations = Query().only(*product_fields.COMBINATION)
        if options is not None:
            combinations = combinations.only(*product_fields.COMBINATION, "variants").expanded("variants")
        self._combinations = self._open("variant_inventory", combinations, after)
        self._prices = self._open("product_pricing", Query().only(*product_fields.PRICE), after)
        self._pictures = None
        if options is not None:
            self._pictures = self._open("product_pictures", Query().only(*product_fields.PICTURE), after)

    def _open(self, resource: str, query: Query, after: int) -> ChildRows:
        pages = walk.by_parent(self._client, resource, query, parent="product_id", after=after, priority=self._priority)
        return ChildRows(pages, "product_id")

    async def join(self, product: Row, page: Page) -> ProductBundle:
        id_ = product["id"]
        combinations = tuple(await self._combinations.of(id_))
        bundle = ProductBundle(
            product,
            combinations=combinations if is_set(product.get("use_variant_inventory")) else (),
            prices=tuple(await self._prices.of(id_)),
            pictures=tuple(await self._pictures.of(id_)) if self._pictures else (),
            custom_fields=await self._values.of(id_) if self._values is not None else None,
        )
        reads = [(page.started, page.order)]
        if self._options is not None and bundle.combinations:
            bundle = _combined(bundle, [tuple(row.get("variants") or ()) for row in combinations])
        elif self._options is not None and not is_set(product.get("use_variant_inventory")):
            bundle = replace(bundle, options=await self._options.of(product))
            reads += [read for read in [self._options.read] if read]
        reads += [stream.read for stream in self._all() if stream.read]
        started, order = min(reads, key=lambda read: read[1])
        return replace(bundle, read_at=started, read_order=order)

    async def close(self) -> None:
        await asyncio.gather(*(stream.close() for stream in self._all()))

    def _all(self) -> list[ChildRows]:
        values = self._values.rows if self._values is not None else None
        streams = (self._combinations, self._prices, self._pictures, values)
        return [stream for stream in streams if stream is not None]


def _nested(row: Row, groups: Mapping[int, Row], started: datetime, order: int) -> ProductBundle:
    stored = is_set(row.get("use_variant_inventory"))
    options = tuple(row.get("variants") or ())
    options = options if stored else believed(row, options, groups)
    return ProductBundle(
        {name: value for name, value in row.items() if name not in {*product_fields.NESTED, CUSTOM_FIELDS}},
        options=options,
        combinations=tuple(row.get("variant_inventory") or ()) if stored else (),
        prices=tuple(row.get("pricing") or ()),
        pictures=tuple(row.get("pictures") or ()),
        custom_fields=tuple(row[CUSTOM_FIELDS] or ()) if CUSTOM_FIELDS in row else None,
        read_at=started,
        read_order=order,
    )


def _combined(bundle: ProductBundle, options: Sequence[tuple[Row, ...]]) -> ProductBundle:
    """The bundle with the option rows of each combination; options that are in no combination do not count."""
    used = {row["id"]: row for rows in options for row in rows}
    return replace(
        bundle,
        options=tuple(used[id_] for id_ in sorted(used)),
        combinations=tuple({**row, "variants": rows} for row, rows in zip(bundle.combinations, options, strict=True)),
    )
