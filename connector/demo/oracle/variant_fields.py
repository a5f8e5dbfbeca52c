"""What a variant should hold on SparkLayer besides its SKU, status and place."""

from collections.abc import Callable
from decimal import Decimal
from urllib.parse import quote

from connector.demo.oracle.expectation import Expected, as_number, exactly, near, same
from connector.demo.oracle.rows import Row, Shop, flag, number, words
from connector.demo.oracle.sellables import Sellable
from connector.demo.oracle.settings import OracleSettings

_GRAMS = {"lbs": Decimal("453.59237"), "oz": Decimal("28.349523125"), "kg": Decimal(1000), "g": Decimal(1)}
_LONGEST_ADDRESS = 512
_MILLIGRAM = Decimal("0.001")  # no precision is laid down for weights


def options(shop: Shop, item: Sellable) -> Expected:
    """Pairs of group and value, in any order."""
    pairs = tuple(
        sorted((words(shop.group_of(option).get("name")), words(option.get("description"))) for option in item.options)
    )
    if pairs or item.combination is None:
        return exactly(pairs)
    # A row whose options are gone may still spell them out in its description: with or without is accepted.
    parts = [part.split(":", 1) for part in str(item.combination.get("description") or "").split(",")]
    spelled = tuple(sorted((words(part[0]), words(part[-1])) for part in parts)) if all(map(_is_pair, parts)) else ()
    return exactly((), spelled)


def weight(product: Row, item: Sellable) -> Expected:
    """In grams; with no weight at all, none or 0."""
    factor = _GRAMS.get(words(product.get("weight_unit")).lower())
    if factor is None:
        # "Left out" may mean empty or untouched, so whatever was there before is right as well.
        return Expected("anything", lambda _found: True)
    own = number(item.combination, "weight") if item.combination is not None else Decimal(0)
    if own <= 0:
        added = [number(option, "weight") for option in item.options if words(option.get("weight_type")) == "+"]
        own = number(product, "weight") + sum(added, Decimal(0))
    return near(own * factor, _MILLIGRAM) if own > 0 else exactly(None, 0)


def image(shop: Shop, product: Row, item: Sellable) -> Expected:
    """The combination's own picture, else the primary one of the product, as an absolute address."""
    own = words(item.combination.get("variant_inventory_image")) if item.combination is not None else ""
    pictures = shop.pictures_of.get(int(product["id"]), [])
    shown = [picture for picture in pictures if not flag(picture, "is_hidden")]
    primary = [picture for picture in shown if flag(picture, "is_primary")]
    allowed: list[str | None] = [own] if own else [words(picture.get("image_file")) or None for picture in primary]
    if not allowed:
        # Without a primary picture: none, or any of those that are shown.
        allowed = [None, *(words(picture.get("image_file")) or None for picture in shown)]
    if not own and len(primary) < sum(flag(picture, "is_primary") for picture in pictures):
        # A primary picture that is hidden: left out, itself, or the next one.
        allowed += [None, *(words(picture.get("image_file")) or None for picture in pictures)]
    return exactly(*dict.fromkeys(form for path in allowed for form in _addresses(shop, path)))


def rrp(product: Row, item: Sellable, settings: OracleSettings) -> Expected:
    """(amount, currency) or nothing; currencies are told apart without regard to case."""
    own = number(item.combination, "retail") if item.combination is not None else Decimal(0)
    amounts = [value for value in (own, number(product, "retail"), number(product, "price")) if value > 0]
    return exactly(((amounts[0], settings.currency.lower()),) if amounts else ())


def order_quantities(product: Row) -> Expected:
    """(pack size, smallest order, largest order)."""
    increment = number(product, "quantity_increment")
    limits = (number(product, name) for name in ("minimum_quantity", "maximum_quantity"))
    return exactly((max(increment, Decimal(1)), *(limit if limit > 0 else None for limit in limits)))


def found_options(variant: Row) -> object:
    """As `options` expects them."""
    return tuple(sorted((option["group"], option["value"]) for option in variant.get("options") or ()))


def found_rrp(variant: Row) -> object:
    """As `rrp` expects it."""
    return tuple((as_number(entry["value"]), str(entry["currency_code"]).lower()) for entry in variant.get("rrp") or ())


def found_order_quantities(variant: Row, root_group: str) -> object:
    """As `order_quantities` expects them: no entry means packs of one and no limits, and 0 is no limit."""
    entries = variant.get("settings") or []
    if [entry.get("customer_group") for entry in entries] not in ([], [root_group]):
        return tuple(f"settings for {entry.get('customer_group')}" for entry in entries)
    entry = entries[0] if entries else {}
    limits = (entry.get(name) for name in ("min_order_quantity", "max_order_quantity"))
    return (entry.get("pack_size") or 1, *(None if limit is None or same(limit, 0) else limit for limit in limits))


FOUND: dict[str, Callable[[Row], object]] = {
    "options": found_options,
    "weight_in_grams": lambda variant: variant.get("weight_in_grams"),
    "cart_image_url": lambda variant: variant.get("cart_image_url"),
    "rrp": found_rrp,
}
"""How to read the fields of a variant of SparkLayer that need no settings."""


def _is_pair(part: list[str]) -> bool:
    return len(part) > 1 and bool(part[0].strip()) and bool(part[-1].strip())


def _addresses(shop: Shop, path: str | None) -> list[str | None]:
    """The spellings of one address: http or https, signs encoded or as they are; none where it is too long."""
    if path is None:
        return [None]
    whole = path if path.lower().startswith(("http://", "https://")) else None
    bare = [whole] if whole else [f"{scheme}://{shop.domain}/{path.lstrip('/')}" for scheme in ("https", "http")]
    forms: list[str | None] = [*bare, *(quote(form, safe="%/:?#[]@!$&'()*+,;=~") for form in bare)]
    fitting = [form for form in forms if form is None or len(form) <= _LONGEST_ADDRESS]
    return fitting if len(fitting) == len(forms) else [*fitting, None]
