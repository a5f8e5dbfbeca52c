"""Shipping methods (vendor docs: shipping v2; v1 is the fallback)."""

from collections.abc import Mapping
from typing import Literal

from connector.sparklayer import endpoint
from connector.sparklayer.session import Session
from connector.sparklayer.wire import Row


class ShippingMethods:
    """v2 names methods by slug, v1 by SKU; both change and delete by internal id."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def all(self, version: Literal["v2", "v1"]) -> list[Row]:
        """Read every method."""
        place = endpoint.SHIPPING_METHODS_V2 if version == "v2" else endpoint.SHIPPING_METHODS_V1
        return await self._session.call_for_rows(place)

    async def create(self, version: Literal["v2", "v1"], method: Mapping[str, object]) -> Row:
        """Add one; raises `Refused` (`duplicate-sku`) when slug or SKU is taken."""
        place = endpoint.SHIPPING_METHOD_CREATE_V2 if version == "v2" else endpoint.SHIPPING_METHOD_CREATE_V1
        return await self._session.call_for_row(place, body=method)

    async def change(self, version: Literal["v2", "v1"], id_: str, changes: Mapping[str, object]) -> Row:
        """Change one; raises `NotFound`."""
        place = endpoint.SHIPPING_METHOD_CHANGE_V2 if version == "v2" else endpoint.SHIPPING_METHOD_CHANGE_V1
        return await self._session.call_for_row(place, {"id": id_}, body=changes)

    async def delete(self, version: Literal["v2", "v1"], id_: str) -> None:
        """Drop one; raises `NotFound`."""
        place = endpoint.SHIPPING_METHOD_DELETE_V2 if version == "v2" else endpoint.SHIPPING_METHOD_DELETE_V1
        await self._session.call(place, {"id": id_})
