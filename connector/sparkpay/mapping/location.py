"""Spark Pay warehouse -> canonical stock location."""

from pydantic import ValidationError

from connector.sparkpay.bundle import Row
from connector.sparkpay.mapping.customer import invalid
from connector.sparkpay.mapping.fields import flag, identity, text
from connector.sparkpay.mapping.stock import DEFAULT_LOCATION
from contracts.entities import StockLocation
from contracts.text import cut

_LONGEST_NAME = 255


def location_entity(row: Row) -> StockLocation:
    """A warehouse; the store's default one is the location `default`. Raises `MappingFault`."""
    id_ = identity(row, "warehouses")
    key = DEFAULT_LOCATION if flag(row, "is_default") else f"wh-{id_}"
    try:
        return StockLocation(key=key, refs={"sparkpay": str(id_)}, name=cut(text(row, "name") or key, _LONGEST_NAME))
    except ValidationError as error:
        raise invalid("stock-location", key, error) from error
