"""Canonical price -> the breaks of each SparkLayer price list at one moment."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from contracts.entities import Price, PriceList, PriceRow
from contracts.text import clean, cut

LONGEST_NAME = 64
_OURS = "sp-"
_NOT_IN_SLUG = re.compile(r"[^a-z0-9-]+")

RemoveStyle = Literal["null_row", "empty"]


@dataclass(frozen=True, slots=True)
class Break:
    """The price of one piece from a quantity on."""

    quantity: int
    price: Decimal


Breaks = tuple[Break, ...]
"""Of one SKU in one list; none = the SKU is not in the list."""


def slug_of(price_list: str, currency: str) -> str:
    """`sp-base-usd`, `sp-ct-12-usd`."""
    return f"{_OURS}{_NOT_IN_SLUG.sub('-', price_list.lower())}-{currency.lower()}"


def is_ours(slug: str, currency: str) -> bool:
    """Whether it is a list of PayLayer's in that currency; a site may be fed by stores with several."""
    return slug.startswith(_OURS) and slug.endswith(f"-{currency.lower()}")


def name_of(price_list: PriceList) -> str:
    """The customer type's name as far as it fits; empty where the event does not say: it may be called anything."""
    return cut(clean(price_list.name) or "", LONGEST_NAME)


def first_name(slug: str) -> str:
    """What a list is called that is made for an event which does not say: `Base`, `ct-12`."""
    code = slug.removeprefix(_OURS).rpartition("-")[0]
    return "Base" if code == "base" else code


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


def next_change(price: Price, now: datetime) -> datetime | None:
    """The first moment after `now` at which a row begins or ends."""
    moments = (
        moment for price_list in price.lists for row in price_list.rows for moment in (row.valid_from, row.valid_until)
    )
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def dearest(breaks: Iterable[Breaks]) -> Decimal | None:
    """The highest price of all."""
    return max((item.price for row in breaks for item in row), default=None)


def row_body(sku: str, slug: str, breaks: Breaks, style: RemoveStyle) -> dict[str, Any]:
    """One row of the bulk call; `style` spells "take the SKU out of the list"."""
    pricing: list[Mapping[str, Any]] = [{"quantity": item.quantity, "price": item.price} for item in breaks]
    if not pricing and style == "null_row":
        pricing = [{"quantity": None, "price": None}]
    return {"sku": sku, "price_list_slug": slug, "pricing": pricing}


def _is_valid(row: PriceRow, now: datetime) -> bool:
    return (row.valid_from is None or row.valid_from <= now) and (row.valid_until is None or now < row.valid_until)


def _age(row: PriceRow) -> tuple[float, Decimal]:
    start = row.valid_from.timestamp() if row.valid_from is not None else float("-inf")
    return (start, -row.amount)
