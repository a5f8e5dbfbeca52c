"""What a store has that products, prices and stock need: statuses, warehouses, customer types.

Read once, and again when something unknown is named.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connector.errors import UserFault
from connector.settings import ConnectionSettings
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.mapping.fields import flag, reference
from connector.sparkpay.query import Query
from contracts.entities import Availability

KEPT_FOR = timedelta(hours=6)
_PAGE = 1000


class Shop:
    """One store; safe to share between the handlers of one process. They say what time it is with `begin`."""

    def __init__(self, client: SparkPayClient) -> None:
        self._client = client
        self._tables: dict[str, dict[int, Row]] = {}
        self._missing: dict[str, set[int]] = {}
        self._inventory: Row | None = None
        self._since: datetime | None = None

    def begin(self, now: datetime) -> None:
        """A batch begins; what was learned hours ago is forgotten."""
        if self._since is None or now - self._since > KEPT_FOR:
            self.forget()
            self._since = now

    def forget(self) -> None:
        """Read everything again when it is asked for."""
        self._tables, self._missing, self._inventory = {}, {}, None

    def drop(self, resource: str) -> None:
        """Read that table again when it is asked for."""
        self._tables.pop(resource, None)

    async def table(self, resource: str, needed: Iterable[int] = ()) -> Mapping[int, Row]:
        """The rows of a short table by id; read again where it lacks an id that was not missing before."""
        known = self._tables.get(resource)
        unknown = set(needed) - (known or {}).keys() - self._missing.get(resource, set())
        if known is None or unknown:
            known = {int(row["id"]): row for row in await self._read(resource)}
            self._tables[resource] = known
            self._missing.setdefault(resource, set()).update(unknown - known.keys())
        return known

    def made(self, resource: str, row: Row) -> None:
        """A row was made or changed by this process."""
        table = self._tables.setdefault(resource, {})
        table[int(row["id"])] = {**table.get(int(row["id"]), {}), **row}

    async def store_id(self, settings: ConnectionSettings) -> int:
        """The store that the connection is for. Raises `UserFault` where that is not clear."""
        if settings.sparkpay.store_id is not None:
            return settings.sparkpay.store_id
        stores = await self.table("stores")
        if len(stores) == 1:
            return next(iter(stores))
        self.drop("stores")
        shown = ", ".join(str(id_) for id_ in sorted(stores)) or "none"
        raise UserFault(f"the token shows these stores: {shown}; name one with --set sparkpay.store_id=<number>")

    async def category_id(self, settings: ConnectionSettings) -> int:
        """Where new products go. Raises `UserFault` where the store has no category."""
        if settings.products.category_id is not None:
            return settings.products.category_id
        categories = await self.table("categories")
        if not categories:
            self.drop("categories")  # somebody is going to make one
            raise UserFault("the store has no category for new products: make one, or set products.category_id")
        return min(categories)

    async def default_warehouse(self, id_: int | None) -> bool:
        """Whether a product of that warehouse lies at the default place."""
        row = (await self.table("warehouses", [id_] if id_ else [])).get(id_ or 0)
        return row is None or flag(row, "is_default")

    async def status_of_stock(self, name: str) -> int | None:
        """The id that the store's inventory settings have for `in_stock`, `out_of_stock`, ...; none = not set."""
        if self._inventory is None:
            self._inventory = await self._client.single("inventory/settings")
        return reference(self._inventory, f"{name}_product_status_id")

    async def status_for(self, availability: Availability) -> int | None:
        """A product status of that meaning; none where the store has none. The flags decide, never the name."""
        statuses = await self.table("product_statuses")
        names = {Availability.ACTIVE: "in_stock", Availability.DISCONTINUED: "discontinued"}
        if (name := names.get(availability)) and (id_ := await self.status_of_stock(name)) in statuses:
            return id_
        sold_out = await self.status_of_stock("out_of_stock")
        blocked = [id_ for id_, row in sorted(statuses.items()) if _blocks(row) and id_ != sold_out]
        if availability is not Availability.ACTIVE:
            hidden = [id_ for id_ in blocked if flag(statuses[id_], "is_hidden")]
            return next(iter([*hidden, *blocked]), None)
        plain = [id_ for id_, row in sorted(statuses.items()) if not _blocks(row) and not flag(row, "is_back_ordered")]
        return next(iter(plain), None)

    async def blocks(self, status_id: int | None) -> bool:
        """Whether a product of that status is not for sale for another reason than an empty shelf."""
        row = (await self.table("product_statuses", [status_id] if status_id else [])).get(status_id or 0, {})
        return _blocks(row) and (flag(row, "is_hidden") or status_id != await self.status_of_stock("out_of_stock"))

    async def back_order_status(self) -> int | None:
        """The status of what may be sold although there is none; none where the store has no such status."""
        if (id_ := await self.status_of_stock("back_order")) is not None:
            return id_
        statuses = await self.table("product_statuses")
        return next((id_ for id_, row in sorted(statuses.items()) if flag(row, "is_back_ordered")), None)

    async def back_ordered(self, status_id: int | None) -> bool:
        """Whether that status lets people buy what is not there."""
        row = (await self.table("product_statuses", [status_id] if status_id else [])).get(status_id or 0, {})
        return flag(row, "is_back_ordered")

    async def _read(self, resource: str) -> Sequence[Mapping[str, Any]]:
        return (await self._client.page(resource, Query().sorted_by("id").at_most(_PAGE))).rows


def _blocks(row: Row) -> bool:
    return flag(row, "is_hidden") or flag(row, "is_unavailable")
