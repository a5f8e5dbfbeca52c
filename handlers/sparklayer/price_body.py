"""Canonical price -> the breaks of each SparkLayer price list at one moment."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from connector.sparklayer.price_breaks import Breaks
from contracts.entities import Price, PriceList
from contracts.text import clean, cut

LONGEST_NAME = 64
_OURS = "sp-"
_NOT_IN_SLUG = re.compile(r"[^a-z0-9-]+")

RemoveStyle = Literal["null_row", "empty"]


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
