"""Stock levels: one row per variant and location."""

from connector.sandbox.sparklayer.wire import Row

LEVEL_DEFAULTS: Row = {"stock_level": 0, "restock_date": None, "min_stock_level": 0}


class Levels:
    """Rows by variant id, then by location id; what a write does not name stays."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Row]] = {}

    def of(self, variant_id: str) -> dict[str, Row]:
        """Location id to row, of one variant."""
        return self._rows.get(variant_id, {})

    def all(self) -> dict[str, dict[str, Row]]:
        """Variant id to location id to row, as it is now; rows are replaced, never changed."""
        return {variant_id: dict(held) for variant_id, held in self._rows.items()}

    def put(self, variant_id: str, location_id: str, fields: Row) -> None:
        """Insert or change; fields that are not named keep their value."""
        held = self._rows.setdefault(variant_id, {})
        held[location_id] = {**held.get(location_id, LEVEL_DEFAULTS), **fields}

    def drop_variant(self, variant_id: str) -> None:
        """Forget every level of a variant."""
        self._rows.pop(variant_id, None)

    def drop_location(self, location_id: str) -> None:
        """Forget every level at a location, as its removal does."""
        for held in self._rows.values():
            held.pop(location_id, None)
