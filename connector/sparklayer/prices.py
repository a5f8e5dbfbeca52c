"""Prices (vendor docs: pricing API). What a call names is replaced: always send every break of a (SKU, list)."""

from collections.abc import Mapping, Sequence

from connector.sparklayer import endpoint
from connector.sparklayer.session import Session
from connector.sparklayer.wire import Row


class Prices:
    """One pricing write at a time per site: the platform answers others with 409, raised as `Conflict`.

    A bulk call with a bad row raises `Refused` with `lines` and applies nothing; line numbers are the platform's.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def update(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Write `{sku, price_list_slug, pricing}` rows over many lists; raises `NotFound` for an unknown list."""
        await self._session.call(endpoint.PRICES_UPDATE, body=list(rows))

    async def get_list(self, slug: str) -> list[Row]:
        """Read the prices of one list, an empty list's too; raises `NotFound`."""
        return await self._session.call_for_rows(endpoint.LIST_PRICES_READ, {"slug": slug})

    async def update_list(self, slug: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Write `{sku, pricing}` rows of one list; raises `NotFound` for the list."""
        await self._session.call(endpoint.LIST_PRICES_UPDATE, {"slug": slug}, body=list(rows))

    async def clear_list(self, slug: str) -> None:
        """Forget every price of one list."""
        await self._session.call(endpoint.LIST_PRICES_DELETE, {"slug": slug})

    async def get_sku(self, sku: str) -> list[Row]:
        """Read the prices of one SKU by list."""
        return await self._session.call_for_rows(endpoint.SKU_PRICES_READ, {"sku": sku})

    async def update_sku(self, sku: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Write `{price_list_slug, pricing}` rows of one SKU."""
        await self._session.call(endpoint.SKU_PRICES_UPDATE, {"sku": sku}, body=list(rows))
