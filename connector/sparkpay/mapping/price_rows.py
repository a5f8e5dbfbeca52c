"""Rows of `product_pricing`: which of them speak about a SKU in a price list, and which of several wins.

The platform documents no precedence. PayLayer takes the most specific row: SKU > option > product, then customer type >
all, then this store > all, then sale > normal, then the lower price.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from zoneinfo import ZoneInfo

from connector.sparkpay.bundle import Row
from connector.sparkpay.mapping.fields import identity, moment, number, reference, text
from connector.sparkpay.mapping.sellables import Sellable


@dataclass(frozen=True, slots=True)
class Offer:
    """One price row, read once per product."""

    id: int
    customer_type: int | None
    store: int | None
    combination: int | None
    choice: int | None
    sale: bool
    start: datetime | None
    end: datetime | None
    quantity: int
    price: Decimal
    reproducible: bool

    @property
    def of_whole_product(self) -> bool:
        """Whether option adjustments still come on top."""
        return self.combination is None and self.choice is None

    @property
    def rank(self) -> tuple[int, bool, bool, bool, Decimal, int]:
        """The lowest wins."""
        scope = 0 if self.combination is not None else 1 if self.choice is not None else 2
        return (scope, self.customer_type is None, self.store is None, not self.sale, self.price, self.id)

    def concerns(self, item: Sellable, customer_type: int | None, store: int) -> bool:
        """Whether it speaks about that SKU in the list of that customer type (none = the base list)."""
        return (
            self.customer_type in (None, customer_type)
            and self.store in (None, store)
            and (self.combination is None or self.combination == item.combination_id)
            and (self.choice is None or any(choice.id == self.choice for choice in item.choices))
        )


def offers(rows: Iterable[Row], zone: ZoneInfo) -> list[Offer]:
    """All rows that can ever be valid. Raises `MappingFault` for one that cannot be read."""
    found = [_offer(row, zone) for row in rows]
    return [offer for offer in found if offer.start is None or offer.end is None or offer.start < offer.end]


def _offer(row: Row, zone: ZoneInfo) -> Offer:
    choice = reference(row, "variant_id")
    surcharge = choice is not None and text(row, "variant_price_surcharge") is not None
    return Offer(
        id=identity(row, "product_pricing"),
        customer_type=reference(row, "customer_type_id"),
        store=reference(row, "store_id"),
        combination=reference(row, "variant_inventory_id"),
        choice=choice,
        sale=reference(row, "sale_type_id") is not None,
        start=moment(row, "start_date", zone),
        end=moment(row, "end_date", zone),
        quantity=_from_quantity(row),
        price=number(row, "price") or Decimal(0),
        reproducible=reference(row, "price_calculation_id") is None and not surcharge,
    )


def _from_quantity(row: Row) -> int:
    starting = number(row, "starting_quantity") or Decimal(1)
    return max(1, int(starting.to_integral_value(rounding=ROUND_CEILING)))
