"""All stock of a SKU as one level: where everything is sold from one place."""

from collections.abc import Sequence

from contracts.entities import StockLevel


def summed(levels: Sequence[StockLevel]) -> StockLevel:
    """The sum of all; the earliest restock date, and unlimited where any of them is."""
    dates = [level.restock_date for level in levels if level.restock_date is not None]
    return StockLevel(
        level=sum(level.level for level in levels),
        unlimited=any(level.unlimited for level in levels),
        minimum=min((level.minimum for level in levels), default=0),
        restock_date=min(dates, default=None),
    )
