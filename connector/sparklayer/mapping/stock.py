"""SparkLayer stock rows -> canonical stock."""

from collections.abc import Mapping, Sequence
from datetime import date

from pydantic import ValidationError

from connector.settings import ConnectionSettings
from connector.sparklayer.mapping.faults import invalid
from connector.sparklayer.mapping.fields import Row, text, whole
from contracts.entities import Stock, StockLevel


def stock_entity(
    sku: str, found: Sequence[Row], names: Mapping[str, tuple[str, str | None]], settings: ConnectionSettings
) -> Stock:
    """All levels of a SKU; `names` are external id and name of locations by internal id. Raises `MappingFault`."""
    try:
        levels = [_level(row, names, settings) for row in found]
        return Stock(sku=sku, levels=tuple(sorted(levels, key=lambda level: level.location)))
    except ValidationError as error:
        raise invalid("stock", sku, error) from error


def _level(row: Row, names: Mapping[str, tuple[str, str | None]], settings: ConnectionSettings) -> StockLevel:
    internal = text(row.get("stock_location_id")) or ""
    external, name = names.get(internal, (text(row.get("stock_location_external_id")) or internal, None))
    held = whole(row.get("stock_level")) or 0
    unlimited = held >= settings.stock.unlimited_level
    return StockLevel(
        location=external or "default",
        name=name,
        level=0 if unlimited else held,
        unlimited=unlimited,
        minimum=whole(row.get("min_stock_level")) or 0,
        restock_date=_day(row.get("restock_date")),
    )


def _day(value: object) -> date | None:
    found = text(value)
    try:
        return None if found is None else date.fromisoformat(found[:10])
    except ValueError:
        return None
