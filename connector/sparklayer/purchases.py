"""Purchases: orders and quotes as My Account shows them (vendor docs: purchasing API)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from connector.sparklayer import endpoint
from connector.sparklayer.session import Session
from connector.sparklayer.wire import Row

LookUp = Literal["sparklayer", "platform", "internal", "visible"]
MOST_PER_PAGE = 500


class Purchases:
    """Found by the cart's id, the shop's order id, the books' id or the number that the buyer sees."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(self, look_up: LookUp, key: str, purchase: Mapping[str, object]) -> Row:
        """Create or replace as a whole. 403 means that the cart's id would change."""
        return await self._session.call_for_row(endpoint.PURCHASE_PUT, {"look_up": look_up, "key": key}, body=purchase)

    async def get(self, look_up: LookUp, key: str) -> Row:
        """Read one; raises `NotFound`."""
        return await self._session.call_for_row(endpoint.PURCHASE_READ, {"look_up": look_up, "key": key})

    async def delete(self, look_up: LookUp, key: str) -> None:
        """Drop one; raises `NotFound`."""
        await self._session.call(endpoint.PURCHASE_DELETE, {"look_up": look_up, "key": key})

    async def page(
        self, *, since: datetime | None = None, type_: str | None = None, offset: int = 0, limit: int = MOST_PER_PAGE
    ) -> list[Row]:
        """Read some that changed at or after a moment; the last page has fewer than `limit` rows."""
        query = {"limit": str(limit), "offset": str(offset)}
        if since is not None:
            query["dates[last_updated][gte]"] = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        if type_ is not None:
            query["type"] = type_
        return await self._session.call_for_rows(endpoint.PURCHASES, query=query)
