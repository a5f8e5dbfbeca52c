"""What an order's row and collections do not show: addresses, the buyer, the lines of shipments, payment answers.

What was read once is kept for a while, so that a changed order seldom costs more than the look that found it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from connector.clock import Clock
from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.sparkpay import order_fields
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.content_hash import fields_digest, row_digest
from connector.sparkpay.lookup import Lookup
from connector.sparkpay.reference import ReferenceBook

_KEPT_ADDRESSES = 3000
_KEPT_CHILDREN = 2000
_BUYERS_KEPT_SECONDS = 3600.0


class OrderDetails:
    """Completes the rows of orders."""

    def __init__(
        self,
        client: SparkPayClient,
        reference: ReferenceBook,
        settings: ConnectionSettings,
        clock: Clock,
        *,
        buyers: Lookup,
        buyers_are_watched: bool,
    ) -> None:
        """`buyers_are_watched`: somebody tells the look-up of customers what changes; else it is emptied hourly."""
        self._client = client
        self._reference = reference
        self._settings = settings
        self._clock = clock
        self._buyers = buyers
        self._buyers_until = math.inf if buyers_are_watched else -math.inf
        self._addresses = Lookup(client, "order_addresses", order_fields.ADDRESS, capacity=_KEPT_ADDRESSES)
        self._orders_of_address: dict[int, int] = {}
        self._complete: dict[tuple[str, int], tuple[bytes, object]] = {}

    def forget_addresses(self) -> None:
        """A walk over all orders begins: what changed without moving a time is to be seen by it."""
        self._addresses.clear()

    async def addresses(
        self, orders: Sequence[Row], items: Iterable[Row], priority: Priority, *, ahead: bool
    ) -> Mapping[int, Row]:
        """The rows of `order_addresses` that these orders and lines name, by id."""
        named: dict[int, int] = {}
        for row in orders:
            for name in ("order_billing_address_id", "order_shipping_address_id"):
                if row.get(name):
                    named[row[name]] = row["id"]
        for row in items:
            if row.get("order_shipping_address_id"):
                named[row["order_shipping_address_id"]] = row["order_id"]
        self._orders_of_address |= named
        while len(self._orders_of_address) > _KEPT_ADDRESSES:
            del self._orders_of_address[next(iter(self._orders_of_address))]
        return await self._addresses.of(named, priority, ahead=ahead)

    def orders_of_changed(self, rows: Iterable[Row]) -> list[int]:
        """The orders of these rows of `order_addresses` that look different from what is kept of them.

        An address that is not kept belongs to an order that is new, which shows by itself, or old: a sweep finds it.
        """
        found = []
        for row in rows:
            before = self._addresses.known(row["id"])
            fields = order_fields.ADDRESS
            if before is not None and fields_digest(before, fields) != fields_digest(row, fields):
                self._addresses.forget([row["id"]])
                found += [self._orders_of_address[row["id"]]] if row["id"] in self._orders_of_address else []
        return found

    async def buyers(self, orders: Iterable[Row], priority: Priority, *, ahead: bool) -> Mapping[int, Row]:
        """The customers of these orders, by id."""
        if self._buyers_until < self._clock.monotonic():
            self._buyers.clear()
            self._buyers_until = self._clock.monotonic() + _BUYERS_KEPT_SECONDS
        return await self._buyers.of(
            [row["customer_id"] for row in orders if row.get("customer_id")], priority, ahead=ahead
        )

    async def shipments(self, rows: Sequence[Row], priority: Priority) -> Mapping[int, Row]:
        """These rows of `order_shipments` with the key `items`, by id: an order's collection has them without."""
        return await self._completed("order_shipments", "items", order_fields.SHIPMENT, rows, priority)

    def learn_shipments(self, rows: Iterable[Row]) -> None:
        """These rows of `order_shipments` were read with their items just now."""
        for row in rows:
            self._complete["order_shipments", row["id"]] = _digest(row, order_fields.SHIPMENT), row.get("items")

    async def payments(self, rows: Sequence[Row], priority: Priority) -> Mapping[int, Row]:
        """These rows of `order_payments`; with the key `fields` where their method asks for the buyer's own number."""
        asking = await self.asking_methods(priority)
        asked = [row for row in rows if row.get("payment_method_id") in asking]
        complete = await self._completed("order_payments", "fields", order_fields.PAYMENT, asked, priority)
        return {row["id"]: complete.get(row["id"], row) for row in rows}

    async def asking_methods(self, priority: Priority) -> frozenset[int]:
        """The payment methods that ask for the buyer's own number of the order."""
        wanted = self._settings.orders.reference_field.casefold()
        methods = (await self._reference.current(priority)).payment_methods
        return frozenset(
            id_
            for id_, row in methods.items()
            for field in row.get("fields") or ()
            if isinstance(field, dict) and str(field.get("name") or "").strip().casefold() == wanted
        )

    async def _completed(
        self, resource: str, collection: str, fields: Sequence[str], rows: Sequence[Row], priority: Priority
    ) -> Mapping[int, Row]:
        """Rows with a collection that only the resource itself shows; kept as long as the rest of a row is the same."""
        digests = {row["id"]: _digest(row, fields) for row in rows}
        found: dict[int, Row] = {}
        for row in rows:
            digest, content = self._complete.get((resource, row["id"]), (b"", None))
            if digest == digests[row["id"]]:
                found[row["id"]] = {**row, collection: content}
        missing = [row["id"] for row in rows if row["id"] not in found]
        pages = self._client.select_many(
            resource, missing, fields=(*fields, collection), expand=(collection,), priority=priority
        )
        async for page in pages:
            for row in page.rows:
                found[row["id"]] = row
                self._complete[resource, row["id"]] = digests[row["id"]], row.get(collection)
        while len(self._complete) > _KEPT_CHILDREN:
            del self._complete[next(iter(self._complete))]
        return found


def _digest(row: Row, fields: Iterable[str]) -> bytes:
    """Of what a collection shows of a row, the time included: only that tells that the hidden part has changed."""
    return row_digest({name: row.get(name) for name in fields})
