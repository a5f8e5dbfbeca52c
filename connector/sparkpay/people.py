"""Customers with their address books, for the least calls that the platform allows.

All of them are read flat, each resource on its own, and joined here by customer id as they stream by. Changed ones are
read with their collections filled.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import datetime

from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.sparkpay import field_values, walk
from connector.sparkpay.answers import Row
from connector.sparkpay.bundle import CustomerBundle
from connector.sparkpay.child_rows import ChildRows
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.field_values import FieldValues
from connector.sparkpay.known_rows import KnownRows
from connector.sparkpay.lookup import Lookup
from connector.sparkpay.mapping import MappingFault, customer_entity, customer_in_scope
from connector.sparkpay.mapping.customer import customer_key
from connector.sparkpay.people_fields import ADDRESS, CUSTOMER, FIELD_VALUE, NESTED
from connector.sparkpay.product_state import OnProblem, Problem, newest
from connector.sparkpay.query import Query, any_of, eq
from connector.sparkpay.record import NOTHING, Batch, Record
from connector.sparkpay.reference import ReferenceBook
from connector.sparkpay.walk import Rows

_SLICE = 200
_ASKED_TOGETHER = 50  # a condition of that many ids fits into an address
LINKS = "customer_association"
LINK_ID = "customer_association_id"
_LINK = (LINK_ID, "association_type_id", "parent_customer_id", "child_customer_id")


class People:
    """Implements `Records` for customers."""

    kind = "customer"
    resource = "customers"

    def __init__(
        self,
        client: SparkPayClient,
        reference: ReferenceBook,
        settings: ConnectionSettings,
        *,
        buyers: Lookup,
        on_problem: OnProblem,
    ) -> None:
        self._client = client
        self._reference = reference
        self._settings = settings
        self._buyers = buyers
        self._on_problem = on_problem
        self._values = FieldValues(client, reference, "Customers")
        self._known = KnownRows({"addresses": ADDRESS, field_values.RESOURCE: FIELD_VALUE})
        self.query = Query().only(*CUSTOMER, *NESTED).expanded(*NESTED).at_most(client.expand_page_size)
        self.children: Mapping[str, Query] = {
            "addresses": Query().only(*ADDRESS),
            field_values.RESOURCE: field_values.QUERY,
        }
        self.untimed = () if settings.customers.association_type_id is None else (LINKS,)
        self._above: Mapping[int, int] | None = None
        self._above_now: Mapping[int, int] = {}

    async def whole(self, after: int, priority: Priority) -> AsyncGenerator[Batch, None]:
        """See `Records`.

        ⌈C/1000⌉ + ⌈A/1000⌉ calls for C customers with A addresses, ⌈F/1000⌉ for F values of custom fields where there
        are any, and as many again for associations where sub-accounts are kept.
        """
        addresses = self._stream("addresses", Query().only(*ADDRESS), "customer_id", after, priority)
        links = self._links(after, priority)
        values = await self._values.stream(after, priority)
        streams = [stream for stream in (addresses, links, values.rows) if stream is not None]
        try:
            query = Query().only(*CUSTOMER)
            async for page in walk.by_id(self._client, self.resource, query, after=after, priority=priority):
                for start in range(0, len(page.rows), _SLICE):
                    rows = page.rows[start : start + _SLICE]
                    bundles = [
                        CustomerBundle(
                            row,
                            tuple(await addresses.of(row["id"])),
                            _parent(await links.of(row["id"])) if links is not None else None,
                            await values.of(row["id"]),
                        )
                        for row in rows
                    ]
                    reads = [(page.started, page.order), *(stream.read for stream in streams if stream.read)]
                    yield await self._batch(bundles, *min(reads, key=lambda read: read[1]), priority)
        finally:
            await asyncio.gather(*(stream.close() for stream in streams))

    async def of_ids(self, ids: Iterable[int], priority: Priority) -> Batch:
        """See `Records`: ⌈d/200⌉ calls, and ⌈d/50⌉ where sub-accounts are kept."""
        batch = NOTHING
        pages = self._client.select_many(
            self.resource, ids, fields=(*CUSTOMER, *NESTED), expand=NESTED, priority=priority
        )
        async for page in pages:
            batch += await self.of_page(Rows(page.rows, page.started, page.order), priority)
        return batch

    async def of_page(self, page: Rows, priority: Priority) -> Batch:
        """See `Records`."""
        rows = list(page.rows)
        parents = await self._parents([row["id"] for row in rows], priority)
        bundles = [
            CustomerBundle(
                {name: value for name, value in row.items() if name not in NESTED},
                tuple(row.get("addresses") or ()),
                parents.get(row["id"]),
                tuple(row.get("custom_fields") or ()),
            )
            for row in rows
        ]
        return await self._batch(bundles, page.started, page.order, priority)

    async def parents_of(self, resource: str, rows: Sequence[Row], priority: Priority) -> Iterable[int]:
        """See `Records`."""
        news = self._known.unknown(resource, rows)
        if resource == field_values.RESOURCE:
            return [row["resource_id"] for row in await self._values.owners(news, priority)]
        return [row["customer_id"] for row in news if row.get("customer_id")]

    async def relinked(self, priority: Priority) -> Iterable[int]:
        """See `Records`: the sub-accounts that were linked, moved or removed since the last look of this process."""
        query = self._links_query()
        pages = walk.by_id(self._client, LINKS, query, key=LINK_ID, priority=priority)
        rows = [row async for page in pages for row in page.rows if row.get("parent_customer_id")]
        self._above_now = {row["child_customer_id"]: row["parent_customer_id"] for row in reversed(rows)}
        before, now = self._above, self._above_now
        if before is None:
            return ()
        return [child for child in before.keys() | now.keys() if before.get(child) != now.get(child)]

    def keep(self, resource: str, rows: Sequence[Row]) -> None:
        """See `Records`."""
        if resource == LINKS:
            self._above = self._above_now
        else:
            self._known.keep(resource, rows)

    async def _batch(
        self, bundles: Sequence[CustomerBundle], started: datetime, order: int, priority: Priority
    ) -> Batch:
        known = await self._reference.current(priority)
        self._buyers.keep(bundle.customer for bundle in bundles)
        records: list[Record] = []
        for bundle in bundles:
            key = customer_key(bundle.id)
            try:
                entity = customer_entity(bundle, known, self._settings)
                wanted = customer_in_scope(bundle.customer, known, self._settings)
            except MappingFault as fault:
                self._on_problem(Problem(key, fault.code, fault.message, fault.part, "customer"))
                continue
            changed_at = newest([bundle.customer, *(bundle.addresses or ())])
            records.append(Record(bundle.id, key, entity, wanted, changed_at, started, order))
        ids = frozenset(bundle.id for bundle in bundles)
        book = [row for bundle in bundles for row in bundle.addresses or ()]
        return Batch(records, ids, len(bundles) - len(records), {"addresses": book})

    def _stream(self, resource: str, query: Query, parent: str, after: int, priority: Priority) -> ChildRows:
        pages = walk.by_parent(self._client, resource, query, parent=parent, after=after, priority=priority)
        return ChildRows(pages, parent)

    def _links(self, after: int, priority: Priority) -> ChildRows | None:
        if not self.untimed:
            return None
        pages = walk.by_parent(
            self._client,
            LINKS,
            self._links_query(),
            parent="child_customer_id",
            key=LINK_ID,
            after=after,
            priority=priority,
        )
        return ChildRows(pages, "child_customer_id")

    def _links_query(self) -> Query:
        return Query().only(*_LINK).where("association_type_id", eq(self._link_type))

    @property
    def _link_type(self) -> int:
        return self._settings.customers.association_type_id or 0

    async def _parents(self, ids: Sequence[int], priority: Priority) -> Mapping[int, int | None]:
        """The accounts above these customers; rows of associations have no time, so they are asked for each time."""
        found: dict[int, list[Row]] = {}
        for start in range(0, len(ids) if self.untimed else 0, _ASKED_TOGETHER):
            for row in await self._links_of(ids[start : start + _ASKED_TOGETHER], priority):
                found.setdefault(row["child_customer_id"], []).append(row)
        return {child: _parent(rows) for child, rows in found.items()}

    async def _links_of(self, ids: Sequence[int], priority: Priority) -> list[Row]:
        """Alternatives stand alone in a question, so the type is looked at here; too many for a page are halved."""
        if len(ids) == 1:
            query = self._links_query().where("child_customer_id", eq(ids[0]))
            pages = walk.by_id(self._client, LINKS, query, key=LINK_ID, priority=priority)
            return [row async for page in pages for row in page.rows]
        query = Query().only(*_LINK).where("child_customer_id", any_of(ids)).sorted_by(LINK_ID)
        page = await self._client.page(LINKS, query, priority=priority)
        if page.complete:
            return [row for row in page.rows if row.get("association_type_id") == self._link_type]
        middle = len(ids) // 2
        return [*await self._links_of(ids[:middle], priority), *await self._links_of(ids[middle:], priority)]


def _parent(rows: Sequence[Row]) -> int | None:
    """The account above: of several the one that was linked first."""
    above = [row for row in rows if row.get("parent_customer_id")]
    if not above:
        return None
    return int(min(above, key=lambda row: int(row[LINK_ID]))["parent_customer_id"])
