"""The stock locations of a site: read once, those that are missing created, none ever deleted."""

from collections.abc import Mapping

from connector.errors import Conflict, Refused
from connector.sparklayer import SparkLayerClient
from handlers.sparklayer.classify import taken_fields


class StockLocations:
    """External ids of every location that the site has, as far as this process knows."""

    def __init__(self, client: SparkLayerClient) -> None:
        self._client = client
        self._there: dict[str, str] | None = None  # external id -> internal id, where that is known
        self._names: dict[str, str] = {}  # by external id

    def forget(self) -> None:
        """Read them again next time: the platform says that one is not there."""
        self._there = None

    async def known(self) -> frozenset[str]:
        """Every location that is there. Raises a `PlatformError`."""
        return frozenset(await self._read())

    async def names(self) -> Mapping[str, str]:
        """The name by the external id. Raises a `PlatformError`."""
        await self._read()
        return self._names

    def renamed(self, external_id: str, name: str) -> None:
        """A location has that name now."""
        self._names[external_id] = name

    async def external_ids(self) -> Mapping[str, str]:
        """The external id by the internal one. Raises a `PlatformError`."""
        return {internal: external for external, internal in (await self._read()).items()}

    async def ensure(self, wanted: Mapping[str, str]) -> None:
        """Have every location, by external id and name. Raises a `PlatformError` where that does not work."""
        there = await self._read()
        for external_id in sorted(wanted.keys() - there.keys()):
            try:
                made = await self._client.stock_locations.create(external_id, wanted[external_id])
            except (Refused, Conflict) as error:
                if not taken_fields(error) and error.status != 409:  # noqa: PLR2004 - HTTP conflict: somebody was faster
                    raise
                made = {}
            there[external_id] = str(made.get("id"))
            self._names[external_id] = wanted[external_id]

    async def _read(self) -> dict[str, str]:
        if self._there is None:
            rows = await self._client.stock_locations.all()
            self._there = {str(row["external_id"]): str(row.get("id")) for row in rows if "external_id" in row}
            self._names = {str(row["external_id"]): str(row.get("name")) for row in rows if "external_id" in row}
        return self._there
