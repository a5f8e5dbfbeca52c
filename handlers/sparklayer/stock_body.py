"""Canonical stock -> one row per SparkLayer stock location."""

from collections.abc import Mapping
from typing import Any

from connector.settings import ConnectionSettings
from connector.sparklayer.one_place import summed
from contracts.entities import Stock, StockLevel
from contracts.text import clean

DEFAULT_LOCATION = "default"
_WAREHOUSE = "wh-"
LONGEST_NAME = 255
_INT32 = 2**31 - 1
EMPTY: dict[str, Any] = {"stock_level": 0, "min_stock_level": 0, "restock_date": None}

Levels = Mapping[str, Mapping[str, Any]]
"""External id of a location -> the level there in wire shape."""


def levels_of(stock: Stock, settings: ConnectionSettings) -> Levels:
    """One level per location: the last of a repeated one, or the sum of all where everything goes to one place."""
    named = {level.location: level for level in stock.levels}
    if settings.stock.mode == "single_default":
        return {DEFAULT_LOCATION: _wire(summed(list(named.values())), settings)}
    return {location: _wire(level, settings) for location, level in named.items()}


def names_of(stock: Stock, settings: ConnectionSettings) -> dict[str, str]:
    """The names of the locations that the levels are at."""
    names = {level.location: clean(level.name) for level in stock.levels}
    return {
        location: (names.get(location) or ("Default" if location == DEFAULT_LOCATION else location))[:LONGEST_NAME]
        for location in levels_of(stock, settings)
    }


def is_ours(location: str) -> bool:
    """Whether it stands for a warehouse of Spark Pay, so that nobody else keeps levels there."""
    return location == DEFAULT_LOCATION or location.startswith(_WAREHOUSE)


def row_body(sku: str, location: str, level: Mapping[str, Any] = EMPTY) -> dict[str, Any]:
    """One row of the bulk call; without a level, none is left there."""
    return {"sku": sku, "stock_location_external_id": location, **level}


def _wire(level: StockLevel, settings: ConnectionSettings) -> dict[str, Any]:
    held = settings.stock.unlimited_level if level.unlimited else level.level
    if settings.stock.clamp_negative:
        held = max(0, held)
    return {
        "stock_level": _int32(held),
        "min_stock_level": _int32(level.minimum),
        "restock_date": level.restock_date.isoformat() if level.restock_date is not None else None,
    }


def _int32(value: int) -> int:
    return max(-_INT32 - 1, min(_INT32, value))
