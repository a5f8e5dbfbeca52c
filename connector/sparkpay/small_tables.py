"""The tables of a store that are read as a whole: customer types, warehouses, shipping methods, settings."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.sparkpay import walk
from connector.sparkpay.answers import Page, Row
from connector.sparkpay.bundle import ReferenceData
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.mapping import MappingFault, group_entity, location_entity, shipping_method_entity
from connector.sparkpay.mapping.fields import flag
from connector.sparkpay.mapping.scope import type_in_scope
from connector.sparkpay.product_state import OnProblem, Problem, newest
from connector.sparkpay.query import Query
from connector.sparkpay.record import Batch, Record
from connector.sparkpay.reference import INVENTORY_SETTINGS, ReferenceBook
from contracts.entities import CustomerGroup, Entity, Setting, ShippingMethod, StockLocation

_SETTINGS_ID = 1
Reading = Callable[[], Awaitable[Batch]]
"""A table as it was read. Called, it gives the entities, which may take the reference data that all tables make up."""


class SmallTable(Protocol):
    """One table, its kind of entity, and what of it is wanted."""

    @property
    def kind(self) -> str:
        """The kind of entity."""
        ...

    @property
    def resource(self) -> str:
        """The resource; rows that are gone are asked for there."""
        ...

    async def read(self, priority: Priority) -> Reading:
        """As it is now. Read all tables before any is called: then the reference data asks for none again."""
        ...


@dataclass(frozen=True, slots=True)
class _Reader:
    client: SparkPayClient
    reference: ReferenceBook
    settings: ConnectionSettings
    on_problem: OnProblem


class CustomerTypes(_Reader):
    """Customer types of served customers -> customer groups."""

    kind, resource = "customer-group", "customer_types"

    async def read(self, priority: Priority) -> Reading:
        """See `SmallTable`."""

        def entity(row: Row, _known: ReferenceData) -> tuple[CustomerGroup, bool]:
            return group_entity(row), type_in_scope(int(row["id"]), self.settings)

        return await _read(self, Query(), entity, priority)


class Warehouses(_Reader):
    """Warehouses -> stock locations; all but the default one only where stock is kept per warehouse."""

    kind, resource = "stock-location", "warehouses"

    async def read(self, priority: Priority) -> Reading:
        """See `SmallTable`."""

        def entity(row: Row, _known: ReferenceData) -> tuple[StockLocation, bool]:
            per_warehouse = self.settings.stock.mode == "per_warehouse"
            return location_entity(row), per_warehouse or flag(row, "is_default")

        return await _read(self, Query(), entity, priority)


class ShippingMethods(_Reader):
    """Custom shipping methods with their rules; two calls, because rules name regions."""

    kind, resource = "shipping-method", "custom_shipping_methods"

    async def read(self, priority: Priority) -> Reading:
        """See `SmallTable`."""
        pages = walk.by_id(self.client, "regions", Query(), priority=priority)
        regions = {row["id"]: row async for page in pages for row in page.rows}

        def entity(row: Row, known: ReferenceData) -> tuple[ShippingMethod, bool]:
            return shipping_method_entity(row, replace(known, regions=regions), self.settings), True

        return await _read(self, Query().expanded("rules"), entity, priority)


class InventorySettings(_Reader):
    """The settings of the store that its API shows (vendor docs: inventory/settings), each by the name it has there."""

    kind, resource = "setting", INVENTORY_SETTINGS

    async def read(self, priority: Priority) -> Reading:
        """See `SmallTable`."""
        row = await self.client.single(self.resource, priority=priority)
        order, now = self.client.order, self.client.server_clock.now()
        self.reference.keep_settings(row)
        names = [name for name, value in sorted(row.items()) if value is None or isinstance(value, str | int | bool)]

        async def batch() -> Batch:
            return Batch(
                [
                    Record(
                        _SETTINGS_ID,
                        name,
                        Setting(key=name, refs={"sparkpay": name}, value=row[name]),
                        True,
                        None,
                        now,
                        order,
                    )
                    for name in names
                ],
                frozenset({_SETTINGS_ID}),
            )

        return batch


class _EntityOf(Protocol):
    def __call__(self, row: Row, known: ReferenceData, /) -> tuple[Entity, bool]:
        """The entity of a row, and whether it is wanted. Raises `MappingFault`."""
        ...


async def _read(
    table: "CustomerTypes | Warehouses | ShippingMethods", query: Query, entity_of: _EntityOf, priority: Priority
) -> Reading:
    pages = [page async for page in walk.by_id(table.client, table.resource, query, priority=priority)]
    table.reference.keep(table.resource, [row for page in pages for row in page.rows])

    async def batch() -> Batch:
        known = await table.reference.current(priority)  # raises where this is not the store that it should be
        return _batch(table, pages, lambda row: entity_of(row, known))

    return batch


def _batch(
    table: "CustomerTypes | Warehouses | ShippingMethods",
    pages: Sequence[Page],
    entity_of: Callable[[Row], tuple[Entity, bool]],
) -> Batch:
    records: list[Record] = []
    ids: set[int] = set()
    for page in pages:
        for row in page.rows:
            ids.add(row["id"])
            try:
                entity, wanted = entity_of(row)
            except MappingFault as fault:
                table.on_problem(Problem(f"{table.resource} {row['id']}", fault.code, fault.message, fault.part))
                continue
            key = _key(entity)
            records.append(Record(row["id"], key, entity, wanted, newest([row]), page.started, page.order))
    return Batch(records, frozenset(ids), len(ids) - len(records))


def _key(entity: Entity) -> str:
    assert isinstance(entity, CustomerGroup | StockLocation | ShippingMethod)  # noqa: S101 - what tables hold
    return entity.key


TABLES: Sequence[type[CustomerTypes | Warehouses | ShippingMethods | InventorySettings]] = (
    CustomerTypes,
    Warehouses,
    ShippingMethods,
    InventorySettings,
)
"""In the order in which the other side needs them."""
