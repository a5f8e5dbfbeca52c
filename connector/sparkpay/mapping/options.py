"""Options of a product: which choice belongs to which group, what is visible, what it adds to the price and weight."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from connector.sparkpay.bundle import ReferenceData
from connector.sparkpay.mapping.fields import flag, identity, number, reference, text, whole
from contracts.entities import Option

_NAME_AND_VALUE = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """One option value of one product, read from a row of `product_variants`."""

    id: int
    group: int
    option: Option
    hidden: bool
    non_inventory: bool
    group_order: int
    order: int
    sku_extension: str
    sku_order: int
    adjustment: Decimal
    adjustment_rule: str
    weight: Decimal
    weight_rule: str

    @property
    def place(self) -> tuple[int, int, int, int]:
        """Where it stands among the choices of its product."""
        return (self.group_order, self.group, self.order, self.id)


def choices(
    rows: Iterable[Mapping[str, Any]], known: ReferenceData, read: Mapping[int, Choice] = MappingProxyType({})
) -> list[Choice]:
    """The choices of one product in the store's order, one per id; `read` are those already read, by id.

    Raises `MappingFault`.
    """
    found: dict[int, Choice] = {}
    for row in rows:
        id_ = identity(row, "product_variants")
        found[id_] = read.get(id_) or _choice(row, known)
    return sorted(found.values(), key=lambda choice: choice.place)


def described(description: str | None) -> tuple[Option, ...]:
    """The options that a text such as `Color: Red, Size: M` spells out; none where it has another form."""
    pairs = [part.split(":") for part in (description or "").split(",")]
    if any(len(pair) != _NAME_AND_VALUE or not all(word.strip() for word in pair) for pair in pairs):
        return ()
    return tuple(Option(name=name.strip(), value=value.strip()) for name, value in pairs)


def _choice(row: Mapping[str, Any], known: ReferenceData) -> Choice:
    id_ = identity(row, "product_variants")
    group_id = reference(row, "variant_group_id") or 0
    group = known.variant_groups.get(group_id, {})
    return Choice(
        id=id_,
        group=group_id,
        option=Option(name=text(group, "name") or f"Option {group_id}", value=text(row, "description") or str(id_)),
        hidden=flag(row, "is_hidden") or flag(group, "is_hidden"),
        non_inventory=flag(group, "is_non_inventory"),
        group_order=whole(group, "sort_order") or 0,
        order=whole(row, "sort_order") or 0,
        sku_extension=text(row, "item_number_extension") or "",
        sku_order=whole(row, "item_number_sort_order") or 0,
        adjustment=number(row, "price_adjustment") or Decimal(0),
        adjustment_rule=(text(row, "price_adjustment_type") or "").lower(),
        weight=number(row, "weight") or Decimal(0),
        weight_rule=text(row, "weight_type") or "",
    )
