"""The rows of SparkLayer's price lists -> canonical price of a SKU."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from pydantic import ValidationError

from connector.sparklayer.mapping.faults import invalid
from connector.sparklayer.mapping.fields import Row, number, rows, text
from contracts.entities import Price, PriceList, PriceRow

_SLUG = re.compile(r"sp-(.+)-([a-z]{3})")

Breaks = tuple[tuple[int, Decimal], ...]
"""Quantity and price of one piece from there on."""


@dataclass(frozen=True, slots=True)
class ListHead:
    """A price list that stands for a customer type, or for everybody (`base`)."""

    slug: str
    list: str
    currency: str
    name: str | None
    updated_at: str | None


def head_of(row: Row, currency: str) -> ListHead | None:
    """What a row of the list of price lists is; none for a list that stands for no customer type in this currency."""
    slug = text(row.get("slug")) or ""
    found = _SLUG.fullmatch(slug)
    if found is None or found[2].upper() != currency:
        return None
    return ListHead(slug, found[1], currency, text(row.get("name")), text(row.get("updated_at")))


def breaks_of(row: Row) -> Breaks:
    """The breaks of one SKU in a list, by quantity; a fraction of a piece counts as the next whole one."""
    found: dict[int, Decimal] = {}
    for one in rows(row, "pricing"):
        price = number(one.get("price"))
        quantity = number(one.get("quantity")) or Decimal(1)
        if price is not None and quantity > 0:
            found[max(1, int(quantity.to_integral_value(ROUND_CEILING)))] = price
    return tuple(sorted(found.items()))


def price_entity(sku: str, heads: Iterable[ListHead], held: Mapping[str, Breaks], currency: str) -> Price:
    """Every list with what it has of the SKU: one without rows does not sell it. Raises `MappingFault`."""
    try:
        return Price(
            sku=sku,
            currency=currency,
            lists=tuple(
                PriceList(
                    list=head.list,
                    name=head.name,
                    rows=tuple(
                        PriceRow(from_quantity=quantity, amount=price) for quantity, price in held.get(head.slug, ())
                    ),
                )
                for head in sorted(heads, key=lambda head: head.list)
            ),
        )
    except ValidationError as error:
        raise invalid("price", sku, error) from error
