"""What a price list of SparkLayer has of a SKU at a moment: it knows no periods, only what is valid now."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from contracts.entities import PriceList, PriceRow


@dataclass(frozen=True, slots=True)
class Break:
    """The price of one piece from a quantity on."""

    quantity: int
    price: Decimal


Breaks = tuple[Break, ...]
"""Of one SKU in one list; none = the SKU is not in the list."""


def breaks_at(price_list: PriceList, now: datetime, *, monotone: bool) -> Breaks:
    """The breaks that are valid at a moment, by quantity; nothing that is free or below.

    Of several valid rows for a quantity the one that began last counts. `monotone` drops a break that is dearer than
    one for fewer pieces.
    """
    valid: dict[int, PriceRow] = {}
    for row in price_list.rows:
        if _is_valid(row, now) and row.amount > 0:
            best = valid.get(row.from_quantity)
            if best is None or _age(row) > _age(best):
                valid[row.from_quantity] = row
    result: list[Break] = []
    for quantity in sorted(valid):
        if not monotone or not result or valid[quantity].amount <= result[-1].price:
            result.append(Break(quantity, valid[quantity].amount))
    return tuple(result)


def _is_valid(row: PriceRow, now: datetime) -> bool:
    return (row.valid_from is None or row.valid_from <= now) and (row.valid_until is None or now < row.valid_until)


def _age(row: PriceRow) -> tuple[float, Decimal]:
    start = row.valid_from.timestamp() if row.valid_from is not None else float("-inf")
    return (start, -row.amount)
