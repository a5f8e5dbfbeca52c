"""Spark Pay product -> canonical prices: per SKU every list, every quantity break, every period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from pydantic import ValidationError

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ProductBundle, ReferenceData, Row
from connector.sparkpay.mapping.adjustments import adjusted, understood
from connector.sparkpay.mapping.availability import on_sale
from connector.sparkpay.mapping.faults import MappingFault
from connector.sparkpay.mapping.fields import flag, number, rounded, text
from connector.sparkpay.mapping.intervals import Span, edges, joined
from connector.sparkpay.mapping.price_rows import Offer, offers
from connector.sparkpay.mapping.product import product_key
from connector.sparkpay.mapping.sellables import Offered, Sellable, is_heading, sold
from connector.sparkpay.mapping.zones import zone_of
from contracts.entities import Price, PriceList, PriceRow

BASE_LIST = "base"
_PLACES = 4


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a product's prices come from: itself, or the head of its family."""

    row: Row
    offers: list[Offer]
    call_for_pricing: bool
    missing: bool = False


@dataclass(frozen=True, slots=True)
class _Rules:
    """What the settings say about prices."""

    store: int
    adjust_rows: bool
    blank_calculated: bool


def price_entities(
    bundle: ProductBundle,
    known: ReferenceData,
    settings: ConnectionSettings,
    now: datetime,
    offered: Offered | None = None,
) -> list[Price]:
    """One price per usable SKU, by SKU; periods that ended before `now` are left out.

    None for a heading, nor where the product's SKUs are at fault (`product_entity` says so). Raises `MappingFault`.
    """
    if is_heading(bundle):
        return []
    key = product_key(bundle)
    try:
        items = sold((offered or Offered(bundle, known, settings)).items, partial(on_sale, bundle, known))
    except MappingFault:
        return []
    source = _source(bundle, settings)
    rules = _Rules(known.store_id, settings.pricing.adjust_rows, settings.pricing.on_calculator == "blank")
    lists = _lists(known, settings)
    try:
        return sorted(
            (
                Price(
                    sku=sku,
                    refs={"sparkpay": item.id},
                    product=key,
                    currency=settings.store.currency_code,
                    lists=_price_lists(source, rules, item, lists, now),
                )
                for sku, item in items
            ),
            key=lambda price: price.sku,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MappingFault("price_invalid", f"prices of product {key}: {where}: {first['msg']}", where) from error


def _lists(known: ReferenceData, settings: ConnectionSettings) -> list[tuple[int | None, str | None]]:
    """The base list, then one per customer type in scope."""
    wanted = settings.b2b.customer_type_ids
    types = sorted(id_ for id_ in known.customer_types if id_ > 0 and (wanted == "all" or id_ in wanted))
    return [(None, None), *((id_, text(known.customer_types[id_], "name")) for id_ in types)]


def _source(bundle: ProductBundle, settings: ConnectionSettings) -> _Source:
    own, zone = bundle.product, zone_of(settings.store.timezone)
    quiet = flag(own, "call_for_pricing")
    if not flag(own, "use_pricing_from_parent"):
        return _Source(own, offers(bundle.prices, zone), quiet)
    if bundle.parent is not None:
        head = bundle.parent.product
        return _Source(head, offers(bundle.parent.prices, zone), quiet or flag(head, "call_for_pricing"))
    if flag(own, "is_child_product"):
        return _Source(own, [], quiet, missing=True)
    return _Source(own, offers(bundle.prices, zone), quiet)


def _price_lists(
    source: _Source,
    rules: _Rules,
    item: Sellable,
    lists: Sequence[tuple[int | None, str | None]],
    now: datetime,
) -> tuple[PriceList, ...]:
    """Of one SKU. Lists that the same offers are about have the same rows."""
    blank = _blank(source, item)
    made: dict[tuple[int, ...], tuple[PriceRow, ...]] = {}
    result: list[PriceList] = []
    for type_id, name in lists:
        code = BASE_LIST if type_id is None else f"ct-{type_id}"
        if blank is not None:
            result.append(PriceList(list=code, name=name, reason=blank))
            continue
        found = [offer for offer in source.offers if offer.concerns(item, type_id, rules.store)]
        about = tuple(offer.id for offer in found)
        if about not in made:
            made[about] = _rows(found, source.row, rules, item, now)
        if made[about]:
            result.append(PriceList(list=code, name=name, rows=made[about]))
            continue
        calculated = rules.blank_calculated and any(not offer.reproducible for offer in found)
        reason = "price_rule_unknown" if calculated else "price_missing"
        result.append(PriceList(list=code, name=name, reason=reason))
    return tuple(result)


def _blank(source: _Source, item: Sellable) -> str | None:
    """Why a SKU has no price in any list."""
    if source.call_for_pricing:
        return "call_for_pricing"
    if source.missing:
        return "parent_unknown"
    return None if understood(item.choices) else "price_rule_unknown"


def _rows(found: Sequence[Offer], product: Row, rules: _Rules, item: Sellable, now: datetime) -> tuple[PriceRow, ...]:
    quantities = sorted({1, *(offer.quantity for offer in found)})
    base = adjusted(number(product, "price") or Decimal(0), item.choices)
    periods = [
        (start, end, [offer for offer in found if _covers(offer, start, end)])
        for start, end in edges(moment for offer in found for moment in (offer.start, offer.end))
    ]
    return tuple(
        PriceRow(from_quantity=quantity, amount=span.value, valid_from=span.start, valid_until=span.end)
        for quantity in quantities
        for span in joined(
            Span(start, end, _amount(valid, quantity, base, rules, item)) for start, end, valid in periods
        )
        if span.value is not None and (span.end is None or span.end > now)
    )


def _covers(offer: Offer, start: datetime | None, end: datetime | None) -> bool:
    """Whether it is valid in a period that no boundary cuts."""
    after_start = offer.start is None or (start is not None and offer.start <= start)
    before_end = offer.end is None or (end is not None and end <= offer.end)
    return after_start and before_end


def _amount(valid: Sequence[Offer], quantity: int, base: Decimal, rules: _Rules, item: Sellable) -> Decimal | None:
    """The price of one piece from that quantity on; none = no break there. Never a price that would be a guess."""
    if rules.blank_calculated and any(not offer.reproducible for offer in valid):
        return None
    candidates = [offer for offer in valid if offer.quantity == quantity and offer.reproducible]
    if candidates:
        best = min(candidates, key=lambda offer: offer.rank)
        on_top = best.of_whole_product and rules.adjust_rows
        amount = adjusted(best.price, item.choices) if on_top else best.price
    elif quantity == 1:
        amount = base
    else:
        return None
    amount = rounded(amount, _PLACES)
    return amount if amount > 0 else None
