"""Stock locations (vendor docs: stock API)."""

from collections.abc import Mapping

from connector.sparklayer import endpoint
from connector.sparklayer.session import Session
from connector.sparklayer.wire import Row


class StockLocations:
    """Ids are internal or external."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def all(self) -> list[Row]:
        """Read every location."""
        return await self._session.call_for_rows(endpoint.LOCATIONS)

    async def create(self, external_id: str, name: str) -> Row:
        """Add a location; raises `Refused` when the external id is taken."""
        body = {"external_id": external_id, "name": name}
        return await self._session.call_for_row(endpoint.LOCATION_CREATE, body=body)

    async def get(self, location_id: str) -> Row:
        """Read one; raises `NotFound`."""
        return await self._session.call_for_row(endpoint.LOCATION_READ, {"id": location_id})

    async def change(self, location_id: str, changes: Mapping[str, object]) -> Row:
        """Rename one."""
        return await self._session.call_for_row(endpoint.LOCATION_CHANGE, {"id": location_id}, body=changes)

    async def delete(self, location_id: str) -> None:
        """Drop a location and all its levels; the platform says yes even where there is none."""
        await self._session.call(endpoint.LOCATION_DELETE, {"id": location_id})
