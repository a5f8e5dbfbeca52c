"""Sub-accounts: rows of `customer_association` of the configured type, which tie a customer to its parent."""

from connector.settings import ConnectionSettings
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query, eq

_LINK = "customer_association"
_ENOUGH = 100


class CustomerTies:
    """Reads and writes the ties of one store. Without a configured type there are none."""

    def __init__(self, client: SparkPayClient) -> None:
        self._client = client

    async def parent_of(self, id_: int, settings: ConnectionSettings) -> int | None:
        """The customer above that one. Raises a `PlatformError`."""
        rows = await self._rows(id_, settings)
        return int(rows[0]["parent_customer_id"]) if rows else None

    async def have(self, id_: int, parent: int | None, settings: ConnectionSettings) -> bool:
        """Have that parent and no other; whether anything was written. Raises a `PlatformError`."""
        rows, wrote = await self._rows(id_, settings), False
        if parent is not None and not any(row.get("parent_customer_id") == parent for row in rows):
            type_ = settings.customers.association_type_id
            body = {"association_type_id": type_, "parent_customer_id": parent, "child_customer_id": id_}
            await self._client.create(_LINK, body)
            wrote = True
        for row in rows:
            if row.get("parent_customer_id") != parent:
                await self._client.delete(_LINK, int(row["customer_association_id"]))
                wrote = True
        return wrote

    async def _rows(self, id_: int, settings: ConnectionSettings) -> list[Row]:
        page = await self._client.page(_LINK, Query().where("child_customer_id", eq(id_)).at_most(_ENOUGH))
        return [row for row in page.rows if row.get("association_type_id") == settings.customers.association_type_id]
