"""Products and variants (vendor docs: core API). There is no list and no delete; retire through `status`."""

from collections.abc import Mapping

from connector.sparklayer import endpoint
from connector.sparklayer.session import Session
from connector.sparklayer.wire import Row


class Products:
    """Ids are internal or external. Bodies are in wire shape; each method returns the object as answered."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, product: Mapping[str, object]) -> Row:
        """Add a product; raises `Refused` with a duplicate code when external id, slug or a SKU is taken."""
        return await self._session.call_for_row(endpoint.PRODUCT_CREATE, body=product)

    async def get(self, product_id: str) -> Row:
        """Read a product with its variants; raises `NotFound`."""
        return await self._session.call_for_row(endpoint.PRODUCT_READ, {"id": product_id})

    async def change(self, product_id: str, changes: Mapping[str, object]) -> Row:
        """Change a product. Send all variants or none: whether the platform merges them is not documented."""
        return await self._session.call_for_row(endpoint.PRODUCT_CHANGE, {"id": product_id}, body=changes)

    async def get_variant(self, variant_id: str) -> Row:
        """Read one variant; raises `NotFound`."""
        return await self._session.call_for_row(endpoint.VARIANT_READ, {"id": variant_id})

    async def change_variant(self, variant_id: str, changes: Mapping[str, object]) -> Row:
        """Change one variant."""
        return await self._session.call_for_row(endpoint.VARIANT_CHANGE, {"id": variant_id}, body=changes)
