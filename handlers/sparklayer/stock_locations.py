"""The stock locations of a site: read once, those that are missing created, none ever deleted."""

from collections.abc import Mapping

from connector.errors import Conflict, Refused
from connector.sparklayer import SparkLayerClient
from handlers.sparklayer.classify import taken_fields


class StockLocations:
    """External ids of every location that the site has, as far as this process knows."""

    def __init__(self, client: SparkLayerClient) -> None:
        self._client = client
        self._there: set[str] | None = None

    def forget(self) -> None:
        """Read them again next time: the platform says that one is not there."""
        self._there = None

    async def known(self) -> frozenset[str]:
        """Every location that is there. Raises a `PlatformError`."""
        if self._there is None:
            self._there = {
                str(row["external_id"]) for row in await self._client.stock_locations.all() if "external_id" in row
            }
        return frozenset(self._there)

    async def ensure(self, wanted: Mapping[str, str]) -> None:
        """Have every location, by external id and name. Raises a `PlatformError` where that does not work."""
        there = await self.known()
        for external_id in sorted(wanted.keys() - there):
            try:
                await self._client.stock_locations.create(external_id, wanted[external_id])
            except (Refused, Conflict) as error:
                if not taken_fields(error) and error.status != 409:  # noqa: PLR2004 - HTTP conflict: somebody was faster
                    raise
            if self._there is not None:
                self._there.add(external_id)
