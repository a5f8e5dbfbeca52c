"""The live poll: what changed since the last look, with each changed product read whole."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from connector.ports import Memory, Priority
from connector.settings import ConnectionSettings
from connector.sparkpay import product_fields
from connector.sparkpay.answers import Row
from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.catalogue import SLICE, Catalogue
from connector.sparkpay.change_feed import ChangeFeed
from connector.sparkpay.claims import key_of
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.observer import Observer, Told
from connector.sparkpay.outlines import Outlines
from connector.sparkpay.query import Query
from connector.sparkpay.reference import ReferenceBook

CHILDREN: Mapping[str, tuple[str, ...]] = {
    "product_variants": product_fields.OPTION,
    "variant_inventory": product_fields.COMBINATION,
    "product_pricing": product_fields.PRICE,
    "product_pictures": product_fields.PICTURE,
}
CATALOGUE = ("products", *CHILDREN)
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
        settings: ConnectionSettings,
        outlines: Outlines,
    ) -> None:
        self._client = client
        self._catalogue = catalogue
        self._observer = observer
        self._memory = memory
        self._reference = reference
        self._outlines = outlines
        overlap = timedelta(seconds=settings.poll.overlap_seconds)
        products = Query().only(*product_fields.PRODUCT, *product_fields.NESTED).expanded(*product_fields.NESTED)
        queries = {
            "products": products.at_most(client.expand_page_size),
            **{resource: Query().only(*fields) for resource, fields in CHILDREN.items()},
            **{resource: Query() for resource in REFERENCE},
        }
        self._feeds = {
            resource: ChangeFeed(client, memory, resource, query, overlap=overlap)
            for resource, query in queries.items()
        }

    async def begin(self, priority: Priority = Priority.LIVE) -> datetime:
        """Watch from now on what is not watched yet; the server's time. Call it before a walk that changes follow."""
        await self._reference.current(priority)  # its answers say what time it is there
        now = self._client.server_clock.now()
        for feed in self._feeds.values():
            await feed.begin(now)
        return now

    async def poll(self, resources: Iterable[str], priority: Priority = Priority.LIVE) -> tuple[set[str], Told]:
        """Look at these resources once and publish what changed. Returns those that had changes, and what was told.

        Children first, products last: whatever products bring was then read after the change of a child.
        """
        due = set(resources)
        look = _Look(await self.begin(priority), priority)
        self._observer.reads.begin(self, self._client.order)
        try:
            await self._reference_changes([resource for resource in REFERENCE if resource in due], look)
            for resource in CHILDREN:
                if resource in due:
                    await self._child_changes(resource, look)
            if "products" in due:
                await self._product_changes(look)
            await self._flush(look)
        finally:
            self._observer.reads.end(self)
        return look.changed, look.told

    async def tell(self, ids: Iterable[int], priority: Priority, *, force: bool = False) -> Told:
        """Read these products now and publish what is new in them."""
        wanted = list(ids)
        told = Told()
        for start in range(0, len(wanted), SLICE):
            read = await self._catalogue.hydrate(wanted[start : start + SLICE], priority=priority)
            confirmed = await self._confirmed_gone(read.missing, priority)
            told += await self._observer.observe(read.bundles, gone_ids=confirmed, priority=priority, force=force)
            self._outlines.keep(read.bundles)
            self._outlines.forget(confirmed)
        return told

    async def _reference_changes(self, resources: Iterable[str], look: "_Look") -> None:
        """Read all reference data again when any of it changed, and the products that a change is about."""
        for resource in resources:
            look.feeds.append(self._feeds[resource])
            async for page in self._feeds[resource].changes(look.signpost, look.priority):
                if page.rows:
                    look.changed.add(resource)
        if not look.changed:
            return
        before = self._reference.known
        after = await self._reference.refresh(look.priority)
        if before is not None:
            items = before.inactive.keys() | after.inactive.keys()
            look.want(item for item in items if before.inactive.get(item) != after.inactive.get(item))

    async def _child_changes(self, resource: str, look: "_Look") -> None:
        look.feeds.append(self._feeds[resource])
        async for page in self._feeds[resource].changes(look.signpost, look.priority):
            if page.rows:
                look.changed.add(resource)
                look.want(row["product_id"] for row in page.rows if row.get("product_id"))
            if len(look.ids) >= _FLUSH:
                await self._flush(look)

    async def _product_changes(self, look: "_Look") -> None:
        look.feeds.append(self._feeds["products"])
        async for page in self._feeds["products"].changes(look.signpost, look.priority):
            if page.rows:
                look.changed.add("products")
                look.rows += page.rows
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

    async def _confirmed_gone(self, ids: Iterable[int], priority: Priority) -> dict[int, int]:
        """Of the ids that were not answered, those that were published and do not exist any more."""
        keys = {key_of(id_): id_ for id_ in ids}
        known = await self._memory.observed("product", list(keys)) if keys else {}
        alive = [keys[key] for key, observed in known.items() if not observed.deleted]
        return await self._observer.confirm_gone(alive, priority)


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
        self.told = Told()

    def want(self, product_ids: Iterable[int]) -> None:
        """Read these products."""
        self.ids.update(dict.fromkeys(product_ids))
