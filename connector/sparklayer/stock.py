"""Stock levels (vendor docs: stock API). One bad row refuses a whole bulk call."""

from collections.abc import Mapping, Sequence

from connector.sparklayer import endpoint
from connector.sparklayer.session import Session
from connector.sparklayer.wire import Row


class Stock:
    """Upserts per (SKU, location); what is not named stays."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def update(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Write many levels; a (SKU, location) pair may occur once. `Refused` applies nothing, `TooLarge` neither."""
        await self._session.call(endpoint.STOCK_UPDATE, body=list(rows))

    async def fetch(self, skus: Sequence[str]) -> list[Row]:
        """Read levels of many SKUs at all locations (without that filter the platform shows `default` alone)."""
        body = {"skus": list(skus), "filter": {"all_stock_locations": True}}
        return await self._session.call_for_rows(endpoint.STOCK_FETCH, body=body)

    async def delete(self, skus: Sequence[str]) -> None:
        """Forget every level of the SKUs."""
        await self._session.call(endpoint.STOCK_DELETE, body={"skus": list(skus)})

    async def get_sku(self, sku: str) -> list[Row]:
        """Read the levels of one SKU; raises `NotFound`."""
        return await self._session.call_for_rows(endpoint.SKU_STOCK_READ, {"sku": sku})

    async def update_sku(self, sku: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Write levels of one SKU; raises `NotFound`."""
        await self._session.call(endpoint.SKU_STOCK_CHANGE, {"sku": sku}, body=list(rows))
