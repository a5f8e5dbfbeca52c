"""Customers with their addresses (vendor docs: customers v2; v1 is the fallback). There is no list of customers."""

from collections.abc import Mapping
from typing import Literal

from connector.sparklayer import endpoint
from connector.sparklayer.session import Session
from connector.sparklayer.wire import Row

LookUp = Literal["sparklayer", "platform", "email"]


class Customers:
    """v2: one customer with all its addresses per call."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(self, look_up: LookUp, key: str, customer: Mapping[str, object]) -> Row:
        """Create or replace as a whole: fields that are left out are cleared, addresses deleted.

        The body repeats the identifier of the path. Raises `Refused` (409) where another customer owns the e-mail,
        the external id or the external id of an address.
        """
        return await self._session.call_for_row(endpoint.CUSTOMER_PUT, {"look_up": look_up, "key": key}, body=customer)

    async def get(self, look_up: LookUp, key: str) -> Row:
        """Read one; raises `NotFound`."""
        return await self._session.call_for_row(endpoint.CUSTOMER_READ, {"look_up": look_up, "key": key})

    async def change(self, look_up: LookUp, key: str, changes: Mapping[str, object]) -> Row:
        """Change some fields."""
        return await self._session.call_for_row(
            endpoint.CUSTOMER_CHANGE, {"look_up": look_up, "key": key}, body=changes
        )

    async def delete(self, look_up: LookUp, key: str) -> None:
        """Drop one; its e-mail and external id are free at once. Raises `NotFound`."""
        await self._session.call(endpoint.CUSTOMER_DELETE, {"look_up": look_up, "key": key})


class CustomersV1:
    """The older interface: ids are internal or external, addresses are apart and cannot be changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, customer: Mapping[str, object]) -> Row:
        """Add one without addresses."""
        return await self._session.call_for_row(endpoint.CUSTOMER_CREATE_V1, body=customer)

    async def get(self, customer_id: str) -> Row:
        """Read one; raises `NotFound`."""
        return await self._session.call_for_row(endpoint.CUSTOMER_READ_V1, {"id": customer_id})

    async def change(self, customer_id: str, changes: Mapping[str, object]) -> Row:
        """Change some fields; raises `NotFound`."""
        return await self._session.call_for_row(endpoint.CUSTOMER_CHANGE_V1, {"id": customer_id}, body=changes)

    async def delete(self, customer_id: str) -> None:
        """Drop one; raises `NotFound`."""
        await self._session.call(endpoint.CUSTOMER_DELETE_V1, {"id": customer_id})

    async def addresses(self, customer_id: str) -> list[Row]:
        """Read the address book."""
        return await self._session.call_for_rows(endpoint.ADDRESSES_V1, {"id": customer_id})

    async def add_address(self, customer_id: str, address: Mapping[str, object]) -> Row:
        """Add an address."""
        return await self._session.call_for_row(endpoint.ADDRESS_CREATE_V1, {"id": customer_id}, body=address)

    async def delete_address(self, customer_id: str, address_id: str) -> None:
        """Drop an address; raises `NotFound`."""
        await self._session.call(endpoint.ADDRESS_DELETE_V1, {"id": customer_id, "address": address_id})
