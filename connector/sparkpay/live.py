"""The live poll: what changed since the last look, with each changed product read whole."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from connector.ports import Memory, Priority
from connector.settings import ConnectionSettings
from connector.sparkpay import field_values, product_fields
from connector.sparkpay.answers import Row
from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.catalogue import SLICE, Catalogue
from connector.sparkpay.change_feed import ChangeFeed
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.feeds import Feeds
from connector.sparkpay.gone import Gone
from connector.sparkpay.observer import Observer
from connector.sparkpay.outlines import Outlines
from connector.sparkpay.query import Query
from connector.sparkpay.reference import ReferenceBook
from connector.sparkpay.stream import Found, unheard
from connector.sparkpay.told import Told

CHILDREN: Mapping[str, tuple[str, ...]] = {
    "product_variants": product_fields.OPTION,
    "variant_inventory": product_fields.COMBINATION,
    "product_pricing": product_fields.PRICE,
    "product_pictures": product_fields.PICTURE,
}
CATALOGUE: Mapping[str, int] = {
    "products": 3,
    "variant_inventory": 3,
    "product_pricing": 2,
    "product_variants": 1,
    "product_pictures": 1,
}
"""How often each is looked at, in comparison: stock changes most, then prices."""
REFERENCE = ("product_statuses", "customer_types", "warehouses", "variant_groups", "product_inactive_in_store")

_FLUSH = 1000


class LivePoll:
    """Reads changes and publishes them; a position is stored only after the bus has everything before it."""

    def __init__(
        self,
        client: SparkPayClient,
        catalogue: Catalogue,
        observer: Observer,
        memory: Memory,
        *,
        reference: ReferenceBook,
        gone: Gone,
        settings: ConnectionSettings,
        outlines: Outlines,
        on_found: Found = unheard,
    ) -> None:
        """`on_found` is told of the rows that a poll found."""
        self._client = client
        self._on_found = on_found
        self._catalogue = catalogue
        self._observer = observer
        self._gone = gone
        self._reference = reference
        self._outlines = outlines
        self._hidden: Mapping[int, Sequence[Row]] | None = None
        products = Query().only(*product_fields.PRODUCT, *catalogue.nested).expanded(*catalogue.nested)
        values = {} if catalogue.values is None else {field_values.RESOURCE: field_values.QUERY}
        queries = {
            "products": products.at_most(client.expand_page_size),
            **{resource: Query().only(*fields) for resource, fields in CHILDREN.items()},
            **values,
            **{resource: Query() for resource in REFERENCE},
        }
        self.feeds = Feeds(client, memory, reference, queries, overlap_seconds=settings.poll.overlap_seconds)

    async def poll(
        self, resources: Iterable[str], priority: Priority = Priority.LIVE, *, afresh: bool = False
    ) -> tuple[set[str], Told]:
        """Look at these resources once and publish what changed. Returns those that had changes, and what was told.

        `afresh` also reads again which products are hidden in a store: a row that is gone there shows no change.

        Children first, products last: whatever products bring was then read after the change of a child.
        """
        due = set(resources)
        look = _Look(await self.feeds.begin(priority), priority)
        if afresh:
            await self._reference.refresh_inactive(priority)
        self._observer.reads.begin(self, self._client.order)
        try:
            await self._reference_changes([resource for resource in REFERENCE if resource in due], look)
            for resource in (*CHILDREN, field_values.RESOURCE):
                if resource in due:
                    await self._child_changes(resource, look)
            if "products" in due:
                await self._product_changes(look)
            await self._flush(look)
        finally:
            self._observer.reads.end(self)
        if look.hidden is not None:
            self._hidden = look.hidden
        return look.changed, look.told

    async def tell(self, ids: Iterable[int], priority: Priority, *, force: bool = False) -> Told:
        """Read these products now and publish what is new in them."""
        wanted = list(ids)
        told = Told()
        for start in range(0, len(wanted), SLICE):
            read = await self._catalogue.hydrate(wanted[start : start + SLICE], priority=priority)
            confirmed = await self._gone.confirmed(read.missing, priority)
            told += await self._observer.observe(read.bundles, gone_ids=confirmed, priority=priority, force=force)
            self._outlines.keep(read.bundles)
            self._outlines.forget(confirmed)
        return told

    async def tell_named(self, ids: Sequence[int], priority: Priority = Priority.LIVE) -> Told:
        """Read these products, which somebody said have changed, and those that take their price from them."""
        reader = object()
        self._observer.reads.begin(reader, self._client.order)
        try:
            rows: list[Row] = [{"id": id_} for id_ in ids]
            followers = await self._catalogue.families.followers(rows, priority)
            return await self.tell(dict.fromkeys([*ids, *sorted(followers)]), priority)
        finally:
            self._observer.reads.end(reader)

    async def _reference_changes(self, resources: Iterable[str], look: "_Look") -> None:
        """Read the tables again in which something changed, and the products that a change is about."""
        for resource in resources:
            look.feeds.append(self.feeds[resource])
            async for page in self.feeds[resource].changes(look.signpost, look.priority):
                if page.rows:
                    look.changed.add(resource)
                    look.want(row["item_id"] for row in page.rows if row.get("item_id"))
        if look.changed:
            await self._reference.refresh(look.priority, tables=look.changed)
        known = self._reference.known
        if known is None or known.inactive is self._hidden:
            return
        if self._hidden is not None:
            before, now = self._hidden, known.inactive
            look.want(item for item in before.keys() | now.keys() if before.get(item) != now.get(item))
        look.hidden = known.inactive

    async def _child_changes(self, resource: str, look: "_Look") -> None:
        look.feeds.append(self.feeds[resource])
        async for page in self.feeds[resource].changes(look.signpost, look.priority):
            owners = await self._products_of(resource, page.rows, look.priority)
            if owners:
                look.changed.add(resource)
                look.want(owners)
            if len(look.ids) >= _FLUSH:
                await self._flush(look)

    async def _products_of(self, resource: str, rows: Sequence[Row], priority: Priority) -> list[int]:
        """The products that changed rows of a child resource belong to."""
        if resource == field_values.RESOURCE and self._catalogue.values is not None:
            return [row["resource_id"] for row in await self._catalogue.values.owners(rows, priority)]
        return [row["product_id"] for row in rows if row.get("product_id")]

    async def _product_changes(self, look: "_Look") -> None:
        look.feeds.append(self.feeds["products"])
        async for page in self.feeds["products"].changes(look.signpost, look.priority):
            if page.rows:
                look.changed.add("products")
                look.rows += page.rows
                self._on_found("products", [row["id"] for row in page.rows])
                look.bundles += await self._catalogue.assemble(page, priority=look.priority)
            if len(look.bundles) >= SLICE:
                await self._flush(look)

    async def _flush(self, look: "_Look") -> None:
        """Publish what has been collected, then store how far that goes."""
        read = {bundle.id for bundle in look.bundles}
        rest = [id_ for id_ in look.ids if id_ not in read]
        changed: list[Row] = [*look.rows, *({"id": id_} for id_ in rest)]
        followers = await self._catalogue.families.followers(changed, look.priority) if changed else set()
        if look.bundles:
            look.told += await self._observer.observe(look.bundles, priority=look.priority)
            self._outlines.keep(look.bundles)
        look.told += await self.tell(dict.fromkeys([*rest, *sorted(followers)]), look.priority)
        look.bundles, look.rows, look.ids = [], [], {}
        for feed in look.feeds:
            await feed.commit()


class _Look:
    """What one look has collected and not yet published."""

    def __init__(self, signpost: datetime, priority: Priority) -> None:
        self.signpost = signpost
        self.priority = priority
        self.ids: dict[int, None] = {}
        self.rows: list[Row] = []
        self.bundles: list[ProductBundle] = []
        self.feeds: list[ChangeFeed] = []
        self.changed: set[str] = set()
        self.hidden: Mapping[int, Sequence[Row]] | None = None
        self.told = Told()

    def want(self, product_ids: Iterable[int]) -> None:
        """Read these products."""
        self.ids.update(dict.fromkeys(product_ids))
