"""The live poll of one kind: what changed since the last look, each changed entity read whole."""

from collections.abc import Iterable
from datetime import datetime

from connector.ports import Memory, Priority
from connector.settings import ConnectionSettings
from connector.sparkpay.answers import Row
from connector.sparkpay.change_feed import ChangeFeed
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.feeds import Feeds
from connector.sparkpay.gone import Gone
from connector.sparkpay.record import NOTHING, Batch, Records
from connector.sparkpay.record_observer import RecordObserver
from connector.sparkpay.reference import ReferenceBook
from connector.sparkpay.stream import Found, unheard
from connector.sparkpay.told import Told
from connector.sparkpay.walk import Rows

_TOGETHER = 200


class RecordPoll:
    """Reads changes and publishes them; a position is stored only after the bus has everything before it."""

    def __init__(
        self,
        records: Records,
        client: SparkPayClient,
        memory: Memory,
        observer: RecordObserver,
        *,
        reference: ReferenceBook,
        gone: Gone,
        settings: ConnectionSettings,
        on_found: Found = unheard,
    ) -> None:
        """`on_found` is told of the rows of the kind's own resource that a look found."""
        self._records = records
        self._client = client
        self._observer = observer
        self._gone = gone
        self._on_found = on_found
        self.feeds = Feeds(
            client,
            memory,
            reference,
            {**records.children, records.resource: records.query},
            overlap_seconds=settings.poll.overlap_seconds,
            kind=records.kind,
        )

    async def poll(self, resources: Iterable[str], priority: Priority) -> tuple[set[str], Told]:
        """Look at these resources once. Returns those that had changes, and what was told.

        Children first, the rows themselves last: whatever these bring was then read after the change of a child.
        """
        due = [resource for resource in self.feeds.resources if resource in set(resources)]
        look = _Look(await self.feeds.begin(priority), priority)
        self._observer.reads.begin(self, self._client.order)
        try:
            for resource in set(self._records.untimed) & set(resources):
                found = await self._records.relinked(priority)
                look.want(resource, found, [])
            for resource in due:
                feed = self.feeds[resource]
                look.feeds.append(feed)
                async for page in feed.changes(look.signpost, priority):
                    if page.rows:
                        await self._collect(resource, page, look)
                    if len(look.ids) >= _TOGETHER or len(look.batch.ids) >= _TOGETHER:
                        await self._flush(look)
            await self._flush(look)
        finally:
            self._observer.reads.end(self)
        return look.changed, look.told

    async def tell(self, ids: Iterable[int], priority: Priority, *, force: bool = False) -> Told:
        """Read these now and publish what is new in them."""
        wanted = list(dict.fromkeys(ids))
        told = Told()
        for start in range(0, len(wanted), _TOGETHER):
            some = wanted[start : start + _TOGETHER]
            batch = await self._records.of_ids(some, priority)
            told += await self.observe(batch, priority, force=force)
            missing = [id_ for id_ in some if id_ not in batch.ids]
            told += await self._gone.tell(missing, priority)
        return told

    async def observe(self, batch: Batch, priority: Priority, *, force: bool = False) -> Told:
        """Publish what is new in these, and count what came with them as known."""
        told = await self._observer.observe(batch, priority=priority, force=force)
        for resource, rows in batch.children.items():
            self._records.keep(resource, rows)
        return told

    async def _collect(self, resource: str, page: Rows, look: "_Look") -> None:
        if resource == self._records.resource:
            look.changed.add(resource)
            self._on_found(resource, [row["id"] for row in page.rows])
            look.batch += await self._records.of_page(page, look.priority)
            return
        look.want(resource, await self._records.parents_of(resource, page.rows, look.priority), list(page.rows))

    async def _flush(self, look: "_Look") -> None:
        """Publish what has been collected, then store how far that goes."""
        read = look.batch.ids
        if read:
            look.told += await self.observe(look.batch, look.priority)
        look.told += await self.tell([id_ for id_ in look.ids if id_ not in read], look.priority)
        for resource, rows in look.children:
            self._records.keep(resource, rows)
        look.batch, look.ids, look.children = NOTHING, {}, []
        for feed in look.feeds:
            await feed.commit()


class _Look:
    """What one look has collected and not yet published."""

    def __init__(self, signpost: datetime, priority: Priority) -> None:
        self.signpost = signpost
        self.priority = priority
        self.batch = NOTHING
        self.ids: dict[int, None] = {}
        self.children: list[tuple[str, list[Row]]] = []
        self.feeds: list[ChangeFeed] = []
        self.changed: set[str] = set()
        self.told = Told()

    def want(self, resource: str, ids: Iterable[int], rows: list[Row]) -> None:
        """Read these, because of these rows of a child resource."""
        before = len(self.ids)
        self.ids |= dict.fromkeys(ids)
        if len(self.ids) > before:
            self.changed.add(resource)
        self.children.append((resource, rows))
