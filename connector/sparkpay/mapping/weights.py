"""Weights in grams, whatever unit the shop writes."""

from decimal import Decimal

from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.mapping.fields import number, rounded, text
from connector.sparkpay.mapping.sellables import Sellable

_POUND, _OUNCE = Decimal("453.59237"), Decimal("28.349523125")
_GRAMS = {
    "lb": _POUND,
    "lbs": _POUND,
    "oz": _OUNCE,
    "kg": Decimal(1000),
    "kgs": Decimal(1000),
    "g": Decimal(1),
}
_LARGEST = Decimal(10) ** 12


def in_grams(weight: Decimal, unit: str | None) -> Decimal | None:
    """A weight in one of the shop's units; none where the unit is unknown."""
    factor = _GRAMS.get((unit or "").lower())
    return None if factor is None else weight * factor


def weight_grams(bundle: ProductBundle, item: Sellable) -> Decimal | None:
    """To a milligram; none where it is 0 or in an unknown unit."""
    factor = _GRAMS.get((text(bundle.product, "weight_unit") or "").lower())
    if factor is None:
        return None
    weight = number(item.combination, "weight") if item.combination is not None else None
    if weight is None or weight <= 0:
        weight = number(bundle.product, "weight") or Decimal(0)
        weight += sum((choice.weight for choice in item.choices if choice.weight_rule == "+"), Decimal(0))
    grams = weight * factor
    return rounded(grams, 3) if 0 < grams < _LARGEST else None
