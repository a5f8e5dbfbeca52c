"""The levels that a site has of some SKUs: read in bulk, where nobody knows any more what was sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import PlatformError
from connector.sparklayer import SparkLayerClient
from handlers.outcome import Failed
from handlers.sparklayer.classify import classify
from handlers.sparklayer.likeness import difference
from handlers.sparklayer.stock_body import EMPTY, is_ours
from handlers.sparklayer.stock_locations import StockLocations

_AT_ONCE = 500


class FoundStock:
    """Levels per SKU and location as they were read just now. Where they cannot be read, nothing is proved."""

    def __init__(self, levels: Mapping[str, Mapping[str, Mapping[str, Any]]] | None) -> None:
        self._levels = levels

    @classmethod
    async def read(
        cls, client: SparkLayerClient, locations: StockLocations, skus: Sequence[str]
    ) -> "FoundStock | Failed":
        """One call for up to 500 SKUs; why not, where that has to wait."""
        levels: dict[str, dict[str, Mapping[str, Any]]] = {}
        try:
            names = await locations.external_ids()
            for start in range(0, len(skus), _AT_ONCE):
                for row in await client.stock.fetch(skus[start : start + _AT_ONCE]):
                    internal = str(row.get("stock_location_id"))
                    place = str(row.get("stock_location_external_id") or names.get(internal, internal))
                    levels.setdefault(str(row.get("sku")), {})[place] = row
        except PlatformError as error:
            outcome = classify(error)
            return outcome if isinstance(outcome, Failed) else cls(None)
        return cls(levels)

    def places(self, sku: str) -> list[str]:
        """The locations of ours where something is left of the SKU."""
        held = (self._levels or {}).get(sku, {})
        return sorted(place for place, level in held.items() if is_ours(place) and difference(EMPTY, level) is not None)

    def has(self, sku: str, wanted: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether these locations have exactly these levels; one that is not named there has none."""
        if self._levels is None:
            return False
        held = self._levels.get(sku, {})
        return all(difference(level, held.get(place, EMPTY)) is None for place, level in wanted.items())
