"""What a SKU should cost in a price list at one moment, and which lists there should be."""

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from connector.demo.oracle.rows import Row, Shop, flag, moment, number, ref, words
from connector.demo.oracle.sellables import Sellable
from connector.demo.oracle.settings import OracleSettings, PriceRows

BLANK: PriceRows = ()
_SIGNS = {"+": 1, "-": -1}


def lists(shop: Shop, settings: OracleSettings) -> dict[str, int]:
    """Slug of every list, and its customer type; 0 stands for everybody."""
    wanted = settings.customer_type_ids
    types = [id_ for id_ in shop.customer_types if wanted == "all" or id_ in wanted]
    currency = settings.currency.lower()
    return {f"sp-base-{currency}": 0, **{f"sp-ct-{id_}-{currency}": id_ for id_ in types}}


def allowed_prices(
    shop: Shop, settings: OracleSettings, now: datetime, item: Sellable, customer_type: int
) -> tuple[PriceRows, ...]:
    """The breaks that the list may have; more than one answer only where the rules can be read in two ways."""
    own = shop.products[item.product_id]
    if flag(own, "call_for_pricing") or not all(map(_is_known_rule, item.options)):
        return (BLANK,)
    source, readings = own, []
    if flag(own, "use_pricing_from_parent"):
        parents = shop.parents_of.get(item.product_id, [])
        source = shop.products[parents[0]] if parents else own
        # Nothing says what a child without a parent costs, nor whether the parent's silence is the child's.
        if not parents or flag(source, "call_for_pricing"):
            readings.append(BLANK)
    rows = [row for row in shop.prices_of.get(int(source["id"]), []) if _applies(shop, row, item, customer_type, now)]
    exact = [row for row in rows if not ref(row, "price_calculation_id")]
    breaks = _breaks(settings, source, item, exact)
    if len(exact) < len(rows) and settings.on_calculator == "blank":
        # A calculated row blanks the list. If it would lose against every other row, it may also be passed over.
        readings.append(BLANK)
        if _winners(rows) == _winners(exact):
            readings.append(breaks)
    else:
        readings.append(breaks)
    if any(words(row.get("variant_price_surcharge")) for row in rows):
        # "A row for an option is final", but one with a surcharge rule has no price of its own: blank is right as well.
        readings.append(BLANK)
    return tuple(dict.fromkeys(readings))


def _breaks(settings: OracleSettings, source: Row, item: Sellable, rows: list[Row]) -> PriceRows:
    result = {1: _with_options(number(source, "price"), item)}
    for quantity, row in _winners(rows).items():
        whole_product = not ref(row, "variant_inventory_id") and not ref(row, "variant_id")
        price = number(row, "price")
        result[quantity] = _with_options(price, item) if whole_product and settings.adjust_rows else price
    kept = [(quantity, price) for quantity, price in sorted(result.items()) if price > 0]
    if settings.monotone:
        kept = [(quantity, price) for quantity, price in kept if price <= min(p for q, p in kept if q <= quantity)]
    return tuple(kept)


def _winners(rows: Iterable[Row]) -> dict[int, Row]:
    """The most specific row of each quantity."""
    best: dict[int, Row] = {}
    for row in sorted(rows, key=_rank, reverse=True):
        best[_from_quantity(row)] = row
    return best


def _rank(row: Row) -> tuple[int, bool, bool, bool, Decimal]:
    """The lowest wins: SKU > option > product, type > all, store > all, sale > normal, then the lower price."""
    scope = 0 if ref(row, "variant_inventory_id") else 1 if ref(row, "variant_id") else 2
    everybody, everywhere = not ref(row, "customer_type_id"), not ref(row, "store_id")
    return scope, everybody, everywhere, not ref(row, "sale_type_id"), number(row, "price")


def _applies(shop: Shop, row: Row, item: Sellable, customer_type: int, now: datetime) -> bool:
    combination = int(item.combination["id"]) if item.combination is not None else 0
    start, end = moment(row, "start_date"), moment(row, "end_date")
    return (
        ref(row, "customer_type_id") in (0, customer_type)
        and ref(row, "store_id") in (0, shop.store_id)
        and ref(row, "variant_inventory_id") in (0, combination)
        and ref(row, "variant_id") in (0, *(int(option["id"]) for option in item.options))
        and (start is None or start <= now)
        and (end is None or now < end)
    )


def _from_quantity(row: Row) -> int:
    return max(1, int(number(row, "starting_quantity").to_integral_value(ROUND_CEILING)))


def _rule(option: Row) -> tuple[str, str]:
    sign, _, unit = words(option.get("price_adjustment_type")).lower().partition(" ")
    return sign, unit


def _is_known_rule(option: Row) -> bool:
    sign, unit = _rule(option)
    return (sign, unit) == ("", "") or (sign in _SIGNS and unit in {"dollars", "percent"})


def _with_options(price: Decimal, item: Sellable) -> Decimal:
    """Each percentage is one of the price itself."""
    result = price
    for option in item.options:
        sign, unit = _rule(option)
        amount = number(option, "price_adjustment")
        if unit == "percent":
            amount = price * amount / 100
        result += _SIGNS.get(sign, 0) * amount
    return result
