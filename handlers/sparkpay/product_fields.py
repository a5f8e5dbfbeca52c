"""Canonical product -> fields of `products` and `variant_inventory`; pure."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from connector.settings import ConnectionSettings
from connector.sparkpay.answers import Row
from connector.sparkpay.mapping.fields import number, text
from connector.sparkpay.mapping.weights import in_grams
from contracts.entities import Availability, Option, Product, Variant

Fields = dict[str, Any]

UNIT = "Lbs"  # the only unit that the vendor's documents show
_POUND = Decimal("453.59237")
_PLACES = Decimal("0.0001")
_ROUNDING = Decimal("0.03")  # grams that four decimals of a pound may be off, and a little
_ORDER = (Availability.ACTIVE, Availability.HIDDEN, Availability.DRAFT, Availability.DISCONTINUED)


def head_fields(product: Product, variants: Sequence[Variant], settings: ConnectionSettings) -> Fields:
    """Of the product itself. What only a product can have is taken from the first variant."""
    first = variants[0]
    fields: Fields = {
        "item_name": product.title or first.sku or "",
        "is_hidden": int(product.status in (Availability.HIDDEN, Availability.DRAFT)),
        "is_discontinued": product.status is Availability.DISCONTINUED,
        "minimum_quantity": first.minimum_quantity or 0,
        "maximum_quantity": first.maximum_quantity or 0,
        "quantity_increment": first.pack_size or 1,
    }
    more = {
        "url_rewrite": product.slug,
        "long_description_1": product.description,
        "retail": rrp_of(first, settings),
        **weight_fields(first),
    }
    return fields | {name: value for name, value in more.items() if value is not None}


def plain_fields(product: Product, variant: Variant, settings: ConnectionSettings) -> Fields:
    """Of a product that is its only variant."""
    worst = max(product.status, variant.status, key=_ORDER.index)
    fields = head_fields(product.model_copy(update={"status": worst}), [variant], settings)
    return fields | {"item_number": variant.sku} | ({"gtin": variant.gtin} if variant.gtin else {})


def combination_fields(variant: Variant, settings: ConnectionSettings) -> Fields:
    """Of one combination but its status and its options."""
    more = {
        "retail": rrp_of(variant, settings),
        "weight": weight_fields(variant).get("weight"),
        "gtin": variant.gtin,
        "variant_inventory_image": variant.image_url,
    }
    return {"item_number": variant.sku} | {name: value for name, value in more.items() if value is not None}


def described(options: Sequence[Option]) -> str:
    """As the store itself describes a combination: `Color: Red, Size: M`."""
    return ", ".join(f"{option.name}: {option.value}" for option in options)


def options_of(variant: Variant) -> tuple[Option, ...]:
    """What makes it a combination; one that its publisher tells nothing of is chosen by its item number."""
    return variant.options or (Option(name="Variant", value=variant.sku or variant.id),)


def rrp_of(variant: Variant, settings: ConnectionSettings) -> Decimal | None:
    """In the store's own currency."""
    currency = settings.store.currency_code
    return next((money.amount for money in variant.rrp if money.currency == currency), None)


def weight_fields(variant: Variant) -> Fields:
    """Weight and unit; nothing where the weight is not known."""
    if variant.weight_grams is None:
        return {}
    pounds = (variant.weight_grams / _POUND).quantize(_PLACES, rounding=ROUND_HALF_UP)
    return {"weight": pounds, "weight_unit": UNIT}


def changes(there: Row, wanted: Mapping[str, Any]) -> Fields:
    """The fields that are not there as wanted; a weight in another unit may be the same."""
    unit = text(there, "weight_unit") or UNIT
    if "weight" in wanted and _same_weight(there, wanted["weight"], unit):
        wanted = {name: value for name, value in wanted.items() if name not in ("weight", "weight_unit")}
    return {name: value for name, value in wanted.items() if not alike(there.get(name), value)}


def alike(found: object, wanted: object) -> bool:
    """Whether a field holds what is wanted, whichever of its forms it is in: 0, false, "" and null are one."""
    match wanted:
        case bool():
            return _amount(found) != 0 if wanted else _amount(found) == 0
        case int() | Decimal():
            return _amount(found) == wanted
        case _:
            return ("" if found is None else str(found)) == ("" if wanted is None else wanted)


def same_picture(found: str | None, wanted: str) -> bool:
    """Whether it is that picture: the store keeps a downloaded one under a path of its own, but with its name."""
    return found is not None and (found == wanted or _file_name(found) == _file_name(wanted))


def _file_name(address: str) -> str:
    return address.partition("?")[0].replace("\\", "/").rsplit("/", 1)[-1].casefold()


def _same_weight(there: Row, pounds: Decimal, unit: str) -> bool:
    found = number(there, "weight")
    grams = in_grams(found, unit) if found is not None else None
    return grams is not None and abs(grams - pounds * _POUND) <= _ROUNDING


def _amount(value: object) -> Decimal:
    if value is None or value == "":
        return Decimal(0)
    try:
        return Decimal(int(value) if isinstance(value, bool) else str(value))
    except InvalidOperation:
        return Decimal("NaN")
