"""Single entities of a Spark Pay store."""

from collections.abc import Sequence

from connector.app.sources import Found
from connector.clock import Clock
from connector.errors import UserFault
from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.sparkpay import field_values
from connector.sparkpay.bundle import ProductBundle, ReferenceData
from connector.sparkpay.catalogue import Catalogue
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.lookup import Lookup
from connector.sparkpay.mapping import MappingFault
from connector.sparkpay.order_reader import OrderReader
from connector.sparkpay.people import People
from connector.sparkpay.people_fields import BUYER
from connector.sparkpay.product_state import Problem, ProductState, state_of
from connector.sparkpay.query import Query, eq
from connector.sparkpay.record import Records
from connector.sparkpay.reference import CATALOGUE_TABLES, ReferenceBook
from connector.sparkpay.small_tables import TABLES

_NAMED_BY = {
    "product": "--id is the product's number in the store, such as 18",
    "price": "--id is a SKU, or the number of a product for all of its SKUs",
    "stock": "--id is a SKU, or the number of a product for all of its SKUs",
    "customer": "--id is the customer's number in the store",
    "order": "--id is the order's number in the store (its id, as in the admin's address line)",
    "customer-group": "--id is the number of the customer type, or its key such as ct-4",
    "shipping-method": "--id is the number of the custom shipping method",
    "stock-location": "--id is the number of the warehouse",
    "setting": "--id is the name of the setting",
}
_CATALOGUE = frozenset({"product", "price", "stock"})
_BUYERS = 1000


class SparkPaySource:
    """Implements `Source`."""

    def __init__(self, client: SparkPayClient, settings: ConnectionSettings, clock: Clock) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        tables = CATALOGUE_TABLES | {field_values.TABLE, "order_statuses", "payment_methods"}
        self._reference = ReferenceBook(client, settings, clock, tables=tables)
        self._catalogue = Catalogue(client, self._reference, custom_fields=settings.reads_product_fields)
        self._problems: list[Problem] = []

    async def prepare(self) -> None:
        """See `Source`."""
        await self._reference.current(Priority.LIVE)

    def named_by(self, kind: str) -> str:
        """See `Source`."""
        return _NAMED_BY.get(kind, f"Spark Pay is not read for {kind}")

    async def read(self, kind: str, id_: str) -> Sequence[Found]:
        """See `Source`."""
        if kind not in _NAMED_BY:
            raise UserFault(f"Spark Pay is not read for {kind}: it has {', '.join(_NAMED_BY)}")
        self._problems.clear()
        try:
            if kind in _CATALOGUE:
                found = await self._of_catalogue(kind, id_)
            elif kind in {"customer", "order"}:
                found = await self._of_records(kind, _number(id_, kind))
            else:
                found = await self._of_table(kind, id_)
        except MappingFault as fault:
            raise UserFault(f"{kind} {id_} cannot be mapped, {fault.code}: {fault.message}") from fault
        if not found and self._problems:
            problem = self._problems[0]
            raise UserFault(f"{kind} {id_} cannot be mapped, {problem.code}: {problem.message}")
        return found

    async def _of_catalogue(self, kind: str, id_: str) -> list[Found]:
        if kind == "product":
            ids, sku = [_number(id_, kind)], None
        else:
            ids, sku = await self._with_sku(id_), id_
            if not ids and id_.isdecimal():
                ids, sku = [int(id_)], None
        read = await self._catalogue.hydrate(ids, priority=Priority.LIVE)
        known = await self._reference.covering(read.bundles, Priority.LIVE)
        states = [state for bundle in read.bundles if (state := self._state(bundle, known)) is not None]
        if kind == "product":
            return [Found(kind, state.key, state.product) for state in states if state.product is not None]
        parts = [part for state in states if (part := state.parts[kind]) is not None]
        return [
            Found(kind, each, entity) for part in parts for each, entity in part.by_sku.items() if sku in (None, each)
        ]

    def _state(self, bundle: ProductBundle, known: ReferenceData) -> ProductState | None:
        now = self._client.server_clock.now()
        return state_of(bundle, known, self._settings, now=now, on_problem=self._problems.append)

    async def _with_sku(self, sku: str) -> list[int]:
        """Products that have a SKU, of their own or of a combination."""
        asked = (("products", "id", ("id",)), ("variant_inventory", "product_id", ("id", "product_id")))
        found: list[int] = []
        for resource, name, fields in asked:
            query = Query().where("item_number", eq(sku)).sorted_by("id").only(*fields)
            found += [int(row[name]) for row in (await self._client.page(resource, query)).rows if row.get(name)]
        return sorted(set(found))

    async def _of_records(self, kind: str, number: int) -> list[Found]:
        batch = await self._records(kind).of_ids([number], Priority.LIVE)
        return [Found(kind, record.key, record.entity) for record in batch.records]

    def _records(self, kind: str) -> Records:
        buyers = Lookup(self._client, "customers", BUYER, capacity=_BUYERS)
        if kind == "customer":
            return People(
                self._client, self._reference, self._settings, buyers=buyers, on_problem=self._problems.append
            )
        return OrderReader(
            self._client,
            self._reference,
            self._settings,
            self._clock,
            buyers=buyers,
            buyers_are_watched=False,
            on_problem=self._problems.append,
        )

    async def _of_table(self, kind: str, id_: str) -> list[Found]:
        (table,) = (each for each in TABLES if each.kind == kind)
        reader = table(self._client, self._reference, self._settings, self._problems.append)
        batch = await (await reader.read(Priority.LIVE))()
        return [
            Found(kind, record.key, record.entity)
            for record in batch.records
            if id_ == record.key or (kind != "setting" and id_ == str(record.id))
        ]


def _number(id_: str, kind: str) -> int:
    if not id_.isdecimal() or len(id_) > 12:  # noqa: PLR2004 - more digits than any id has
        raise UserFault(f"--id {id_!r}: {_NAMED_BY[kind]}")
    return int(id_)
