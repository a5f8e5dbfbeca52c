"""Orders with everything that an order event needs, for the least calls that the platform allows.

All of them are read flat, each resource on its own, and joined here by order id as they stream by. Changed ones are
read with their collections filled; what these do not show is kept from earlier reads, see `OrderDetails`.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from connector.clock import Clock
from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.sparkpay import field_values, order_fields, walk
from connector.sparkpay.answers import Row
from connector.sparkpay.bundle import OrderBundle
from connector.sparkpay.child_rows import ChildRows
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.field_values import FieldStream, FieldValues
from connector.sparkpay.known_rows import KnownRows
from connector.sparkpay.lookup import Lookup
from connector.sparkpay.mapping import MappingFault, order_entity, order_in_scope
from connector.sparkpay.mapping.order import cart_id
from connector.sparkpay.mapping.zones import zone_of
from connector.sparkpay.order_details import OrderDetails
from connector.sparkpay.people_fields import FIELD_VALUE
from connector.sparkpay.product_state import OnProblem, Problem, newest
from connector.sparkpay.query import Query, gte
from connector.sparkpay.record import NOTHING, Batch, Record
from connector.sparkpay.reference import ReferenceBook
from connector.sparkpay.walk import Rows
from contracts.entities import Order

_SLICE = 200
_PLACED_IN_SPARKLAYER = re.compile(r"SL-[0-9A-F]{12}")
_SHIPMENTS = Query().only(*order_fields.SHIPMENT, "items").expanded("items")


class OrderReader:
    """Implements `Records` for orders."""

    kind = "order"
    resource = "orders"
    untimed = ()

    def __init__(
        self,
        client: SparkPayClient,
        reference: ReferenceBook,
        settings: ConnectionSettings,
        clock: Clock,
        *,
        buyers: Lookup,
        buyers_are_watched: bool,
        on_problem: OnProblem,
    ) -> None:
        self._client = client
        self._reference = reference
        self._settings = settings
        self._on_problem = on_problem
        self._details = OrderDetails(
            client, reference, settings, clock, buyers=buyers, buyers_are_watched=buyers_are_watched
        )
        self._values = FieldValues(client, reference, "Orders")
        self._since = _start_of(settings)
        self._known = KnownRows(
            {
                "order_items": order_fields.ITEM,
                "order_payments": order_fields.PAYMENT,
                "order_shipments": (*order_fields.SHIPMENT, "items"),
                "order_addresses": order_fields.ADDRESS,
                field_values.RESOURCE: FIELD_VALUE,
            }
        )
        nested = order_fields.NESTED
        self.query = Query().only(*order_fields.ORDER, *nested).expanded(*nested).at_most(client.expand_page_size)
        self.children: Mapping[str, Query] = {
            "order_items": Query().only(*order_fields.ITEM),
            "order_payments": Query().only(*order_fields.PAYMENT),
            "order_shipments": _SHIPMENTS,
            "order_addresses": Query().only(*order_fields.ADDRESS),
            field_values.RESOURCE: field_values.QUERY,
        }

    async def whole(self, after: int, priority: Priority) -> AsyncGenerator[Batch, None]:
        """See `Records`.

        ⌈O/1000⌉ calls for O orders, and the same for their lines, payments, shipments, addresses and values of custom
        fields; the customers come from the walk over customers, or take ⌈C/1000⌉ more.
        """
        query = Query().only(*order_fields.ORDER)
        if self._since is not None:
            query = query.where("ordered_at", gte(self._since))
        streams: _Streams | None = None
        self._details.forget_addresses()
        try:
            async for page in walk.by_id(self._client, self.resource, query, after=after, priority=priority):
                if streams is None:  # older orders may not be wanted: nor are their lines
                    streams = await self._open(int(page.rows[0]["id"]) - 1, priority)
                for start in range(0, len(page.rows), _SLICE):
                    rows = page.rows[start : start + _SLICE]
                    joined = [await streams.join(row) for row in rows]
                    started, order = min([(page.started, page.order), *streams.reads()], key=lambda read: read[1])
                    yield await self._batch(joined, started, order, priority, ahead=True)
        finally:
            if streams is not None:
                await streams.close()

    async def of_ids(self, ids: Iterable[int], priority: Priority) -> Batch:
        """See `Records`: ⌈d/200⌉ calls, and a few for what is not known of them."""
        batch = NOTHING
        nested = order_fields.NESTED
        fields = (*order_fields.ORDER, *nested)
        async for page in self._client.select_many(self.resource, ids, fields=fields, expand=nested, priority=priority):
            batch += await self.of_page(Rows(page.rows, page.started, page.order), priority)
        return batch

    async def of_page(self, page: Rows, priority: Priority) -> Batch:
        """See `Records`."""
        rows = list(page.rows)
        shipments = await self._details.shipments(_nested(rows, "shipments"), priority)
        payments = await self._details.payments(_nested(rows, "payments"), priority)
        joined = [
            _Joined(
                {name: value for name, value in row.items() if name not in order_fields.NESTED},
                tuple(row.get("items") or ()),
                tuple(payments.get(found["id"], found) for found in row.get("payments") or ()),
                tuple(shipments.get(found["id"], found) for found in row.get("shipments") or ()),
                tuple(row.get("custom_fields") or ()),
            )
            for row in rows
        ]
        return await self._batch(joined, page.started, page.order, priority, ahead=False)

    async def parents_of(self, resource: str, rows: Sequence[Row], priority: Priority) -> Iterable[int]:
        """See `Records`."""
        if resource == "order_addresses":
            return self._details.orders_of_changed(rows)
        news = self._known.unknown(resource, rows)
        if resource == field_values.RESOURCE:
            return [row["resource_id"] for row in await self._values.owners(news, priority)]
        if resource == "order_shipments":
            self._details.learn_shipments(news)
        return [row["order_id"] for row in news if row.get("order_id")]

    async def relinked(self, priority: Priority) -> Iterable[int]:  # noqa: ARG002
        """See `Records`: everything below an order has a time."""
        return ()

    def keep(self, resource: str, rows: Sequence[Row]) -> None:
        """See `Records`."""
        self._known.keep(resource, rows)

    async def _open(self, after: int, priority: Priority) -> "_Streams":
        payments = Query().only(*order_fields.PAYMENT)
        if await self._details.asking_methods(priority):
            payments = Query().only(*order_fields.PAYMENT, "fields").expanded("fields")

        def stream(resource: str, query: Query) -> ChildRows:
            pages = walk.by_parent(self._client, resource, query, parent="order_id", after=after, priority=priority)
            return ChildRows(pages, "order_id")

        return _Streams(
            await self._values.stream(after, priority),
            stream("order_items", Query().only(*order_fields.ITEM)),
            stream("order_payments", payments),
            stream("order_shipments", _SHIPMENTS),
        )

    async def _batch(
        self, joined: Sequence["_Joined"], started: datetime, order: int, priority: Priority, *, ahead: bool
    ) -> Batch:
        rows = [found.order for found in joined]
        items = [row for found in joined for row in found.items]
        statuses = {("order_statuses", row["order_status_id"]) for row in rows if row.get("order_status_id")}
        known = await self._reference.knowing(statuses, priority)
        addresses = await self._details.addresses(rows, items, priority, ahead=ahead)
        buyers = await self._details.buyers(rows, priority, ahead=ahead)
        records: list[Record] = []
        for found in joined:
            bundle = OrderBundle(
                found.order,
                found.items,
                found.payments,
                found.shipments,
                addresses,
                found.custom_fields,
                buyers.get(found.order.get("customer_id") or 0),
            )
            try:
                entity = order_entity(bundle, known, self._settings)
                wanted = self._wanted(bundle, entity)
            except MappingFault as fault:
                self._on_problem(Problem(f"sparkpay:{bundle.id}", fault.code, fault.message, fault.part, "order"))
                continue
            changed_at = newest([found.order, *found.items, *found.payments, *found.shipments])
            records.append(Record(bundle.id, entity.key, entity, wanted, changed_at, started, order))
        children = {
            "order_items": items,
            "order_payments": [row for found in joined for row in found.payments],
            "order_shipments": [row for found in joined for row in found.shipments],
        }
        return Batch(records, frozenset(row["id"] for row in rows), len(joined) - len(records), children)

    def _wanted(self, bundle: OrderBundle, entity: Order) -> bool:
        """Whether it is to be told of.

        An order that is on its way from SparkLayer gets its cart id last, and before that nobody could tell it from
        an order that was placed here: it is not told until it has it.
        """
        number = str(bundle.order.get("order_number") or "")
        if _PLACED_IN_SPARKLAYER.fullmatch(number) and cart_id(bundle, self._settings) is None:
            return False
        if self._since is not None and entity.placed_at < self._since:
            return False
        return order_in_scope(bundle, self._settings)


@dataclass(frozen=True, slots=True)
class _Joined:
    """An order with its own children."""

    order: Row
    items: tuple[Row, ...]
    payments: tuple[Row, ...]
    shipments: tuple[Row, ...]
    custom_fields: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class _Streams:
    """The child resources of one walk, read at the same time."""

    values: FieldStream
    items: ChildRows
    payments: ChildRows
    shipments: ChildRows

    async def join(self, order: Row) -> _Joined:
        id_ = order["id"]
        return _Joined(
            order,
            tuple(await self.items.of(id_)),
            tuple(await self.payments.of(id_)),
            tuple(await self.shipments.of(id_)),
            await self.values.of(id_),
        )

    def reads(self) -> list[tuple[datetime, int]]:
        return [stream.read for stream in self._all() if stream.read]

    async def close(self) -> None:
        await asyncio.gather(*(stream.close() for stream in self._all()))

    def _all(self) -> list[ChildRows]:
        streams = (self.items, self.payments, self.shipments, self.values.rows)
        return [stream for stream in streams if stream is not None]


def _nested(rows: Iterable[Row], collection: str) -> list[Row]:
    return [found for row in rows for found in row.get(collection) or ()]


def _start_of(settings: ConnectionSettings) -> datetime | None:
    """The first moment of the day from which on orders are brought over."""
    if settings.orders.since is None:
        return None
    return datetime.combine(settings.orders.since, time(), zone_of(settings.store.timezone)).astimezone(UTC)
