"""Single entities of a SparkLayer site."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from connector.app.sources import Found
from connector.clock import Clock
from connector.errors import NotFound, UserFault
from connector.settings import ConnectionSettings
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.mapping.customer import customer_entity, customer_key, group_entity
from connector.sparklayer.mapping.faults import MappingFault
from connector.sparklayer.mapping.fields import Row, text
from connector.sparklayer.mapping.price import Breaks, breaks_of, head_of, price_entity
from connector.sparklayer.mapping.purchase import customer_of, order_entity
from connector.sparklayer.mapping.stock import stock_entity
from connector.sparklayer.people import People

_NAMED_BY = {
    "order": "--id is the cart's id, or the order's number in the store",
    "customer": "--id is the customer's id in SparkLayer, or in the store",
    "price": "--id is a SKU",
    "stock": "--id is a SKU",
    "customer-group": "--id is the slug of the group",
}


class SparkLayerSource:
    """Implements `Source`."""

    def __init__(self, client: SparkLayerClient, settings: ConnectionSettings, clock: Clock) -> None:
        self._client = client
        self._settings = settings
        v1 = settings.customers.api == "v1"
        self._people = People(client.customers, client.customers_v1, clock, v1=v1)

    async def prepare(self) -> None:
        """See `Source`: every reading of SparkLayer is about the entity alone."""

    def named_by(self, kind: str) -> str:
        """See `Source`."""
        return _NAMED_BY.get(kind, f"SparkLayer is not read for {kind}")

    async def read(self, kind: str, id_: str) -> Sequence[Found]:
        """See `Source`."""
        readers: Mapping[str, Callable[[str], Awaitable[Found | None]]] = {
            "order": self._order,
            "customer": self._customer,
            "price": self._price,
            "stock": self._stock,
            "customer-group": self._group,
        }
        if kind not in readers:
            raise UserFault(f"SparkLayer is not read for {kind}: it has {', '.join(readers)}")
        try:
            found = await readers[kind](id_)
        except NotFound:
            return []
        except MappingFault as fault:
            raise UserFault(f"{kind} {id_} cannot be mapped, {fault.code}: {fault.message}") from fault
        return [] if found is None else [found]

    async def _order(self, id_: str) -> Found | None:
        row = await self._client.purchases.get("platform" if id_.isdecimal() else "sparklayer", id_)
        buyer = customer_of(row)
        entity = order_entity(row, None if buyer is None else await self._people.get(buyer), self._settings)
        return Found("order", entity.key, entity)

    async def _customer(self, id_: str) -> Found | None:
        row: Row | None
        if id_.isdecimal() and self._settings.customers.api != "v1":
            row = await self._client.customers.get("platform", id_)
        else:
            row = await self._people.get(id_)
        if row is None:
            return None
        return Found("customer", customer_key(row), customer_entity(row, self._settings))

    async def _price(self, sku: str) -> Found | None:
        currency = self._settings.store.currency_code
        heads = [head for row in await self._client.price_lists.all() if (head := head_of(row, currency)) is not None]
        rows = await self._client.prices.get_sku(sku)
        held: dict[str, Breaks] = {text(row.get("price_list_slug")) or "": breaks_of(row) for row in rows}
        return Found("price", sku, price_entity(sku, heads, held, currency)) if held else None

    async def _stock(self, sku: str) -> Found | None:
        rows = await self._client.stock.fetch([sku])
        names = {
            str(row.get("id")): (text(row.get("external_id")) or str(row.get("id")), text(row.get("name")))
            for row in await self._client.stock_locations.all()
        }
        return Found("stock", sku, stock_entity(sku, rows, names, self._settings)) if rows else None

    async def _group(self, slug: str) -> Found | None:
        found = _named(await self._client.customer_groups.all(), "slug", slug)
        if found is None:
            return None
        entity = group_entity(found, self._settings)
        return Found("customer-group", entity.key, entity)


def _named(rows: Sequence[Row], name: str, value: str) -> Row | None:
    return next((row for row in rows if str(row.get(name)) == value), None)
