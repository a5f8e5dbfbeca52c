"""Orders of the older interface (vendor docs: core API). Ship, cancel and return are not idempotent."""

from collections.abc import Mapping

from connector.sparklayer import endpoint
from connector.sparklayer.session import Session
from connector.sparklayer.wire import Row


class Orders:
    """Ids are internal or external; every method answers with the whole order."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, order: Mapping[str, object]) -> Row:
        """Add an order; raises `Refused` (`resource-already-exists`) when the external id is taken."""
        return await self._session.call_for_row(endpoint.ORDER_CREATE, body=order)

    async def get(self, order_id: str) -> Row:
        """Read one; raises `NotFound`."""
        return await self._session.call_for_row(endpoint.ORDER_READ, {"id": order_id})

    async def change(self, order_id: str, changes: Mapping[str, object]) -> Row:
        """Set `invoice_url`; nothing else can be changed."""
        return await self._session.call_for_row(endpoint.ORDER_CHANGE, {"id": order_id}, body=changes)

    async def ship(self, order_id: str, shipment: Mapping[str, object]) -> Row:
        """Ship items that are open."""
        return await self._session.call_for_row(endpoint.ORDER_SHIP, {"id": order_id}, body=shipment)

    async def cancel(self, order_id: str, cancellation: Mapping[str, object]) -> Row:
        """Cancel items that were not shipped."""
        return await self._session.call_for_row(endpoint.ORDER_CANCEL, {"id": order_id}, body=cancellation)

    async def take_back(self, order_id: str, return_: Mapping[str, object]) -> Row:
        """Return items that were shipped."""
        return await self._session.call_for_row(endpoint.ORDER_RETURN, {"id": order_id}, body=return_)

    async def change_package(self, order_id: str, package_id: str, package: Mapping[str, object]) -> Row:
        """Replace the items of a package, named by SparkLayer's own id."""
        return await self._session.call_for_row(
            endpoint.PACKAGE_CHANGE, {"id": order_id, "package": package_id}, body=package
        )
