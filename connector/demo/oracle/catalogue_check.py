"""Products and variants: everything that should be there, and nothing that should not."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connector.demo.oracle import claims, statuses, variant_fields
from connector.demo.oracle.expectation import as_number, beginning_of, exactly, shown
from connector.demo.oracle.rows import Row, Shop, words
from connector.demo.oracle.sellables import Sellable, is_heading, place, refusal, sellables
from connector.demo.oracle.settings import OracleSettings
from connector.demo.oracle.slugs import slug, wanted_slugs
from connector.demo.oracle.tally import Tally

_LONGEST_TITLE = 255
_ABSENT = "absent"
_RETIRED = ("suspended", "discontinued")


@dataclass(frozen=True, slots=True)
class Offer:
    """One product of the shop as SparkLayer should see it. `refusal`: skipped as a whole, left there as it was."""

    product: Row
    items: tuple[Sellable, ...]
    refusal: str | None
    pushed: bool


def offers(shop: Shop, settings: OracleSettings, tally: Tally) -> dict[str, Offer]:
    """Every product by id, with the SKUs that edits gave in place of its own."""
    found = {}
    for id_, product in shop.products.items():
        items = [_edited(item, tally) for item in sellables(shop, product)]
        why = refusal(shop, product, items, settings.combinations_cap)
        pushed = why is None and not is_heading(shop, product)
        found[str(id_)] = Offer(product, tuple(items), why, pushed)
    return found


def sku_holders(shop: Shop, offered: Iterable[Offer]) -> dict[str, frozenset[str]]:
    """Per SKU the variants that may hold it."""
    return claims.holders(
        (item, statuses.statuses(shop, offer.product, item))
        for offer in offered
        if offer.pushed
        for item in offer.items
    )


def check_catalogue(
    shop: Shop,
    site_products: list[dict[str, Any]],
    settings: OracleSettings,
    tally: Tally,
    *,
    offered: Mapping[str, Offer],
    holders: Mapping[str, frozenset[str]],
) -> None:
    """Both ways: the shop's products on SparkLayer, and SparkLayer's products in the shop."""
    there = {str(product["external_id"]): product for product in site_products}
    slugs = {str(product["slug"]): str(product["external_id"]) for product in site_products}
    wanted = wanted_slugs(shop)
    sku_of = {str(v["external_id"]): v.get("sku") for product in site_products for v in product["variants"]}
    for id_, offer in offered.items():
        key = f"sparkpay:{id_}"
        if offer.refusal is not None or tally.skipped("product", key):
            continue
        tally.entities["product"] += 1
        mine = [item for item in offer.items if offer.pushed and _holds(item, holders, sku_of)]
        product = there.get(id_)
        if product is None:
            tally.check("product", key, "presence", exactly("present" if mine else _ABSENT), _ABSENT)
            continue
        if mine:
            title = words(offer.product.get("item_name")) or words(offer.product.get("item_number"))
            tally.check("product", key, "title", beginning_of(title, _LONGEST_TITLE), product.get("title"))
            tally.check("product", key, "slug", slug(offer.product, wanted, slugs), product.get("slug"))
        _check_variants(shop, settings, tally, offer, mine=mine, product=product)
    _check_leftovers(tally, offered, there)
    _check_shared_skus(tally, offered, holders, sku_of)


def _check_variants(
    shop: Shop, settings: OracleSettings, tally: Tally, offer: Offer, *, mine: list[Sellable], product: Row
) -> None:
    there = {str(variant["external_id"]): variant for variant in product["variants"]}
    names = {item.external_id for item in mine}
    for item in mine:
        if tally.skipped("variant", item.external_id):
            continue
        tally.entities["variant"] += 1
        variant = there.get(item.external_id)
        if variant is None:
            tally.check("variant", item.external_id, "presence", exactly("present"), _ABSENT)
        else:
            _check_fields(shop, settings, tally, offer, item=item, variant=variant)
    _check_positions(shop, tally, offer, [item for item in mine if item.external_id in there], there)
    known = {item.external_id for item in offer.items}
    for external_id, variant in there.items():
        if external_id in names or tally.skipped("variant", external_id):
            continue
        # Skipped ones are suspended where they are known already; those that are gone are discontinued.
        allowed = _RETIRED if external_id in known or not offer.pushed else ("discontinued",)
        tally.check("variant", external_id, "status", exactly(*allowed), variant.get("status"))


def _check_fields(
    shop: Shop, settings: OracleSettings, tally: Tally, offer: Offer, *, item: Sellable, variant: Row
) -> None:
    product, key = offer.product, item.external_id
    expected = {
        "options": variant_fields.options(shop, item),
        "weight_in_grams": variant_fields.weight(product, item),
        "cart_image_url": variant_fields.image(shop, product, item),
        "rrp": variant_fields.rrp(product, item, settings),
    }
    tally.check("variant", key, "sku", exactly(item.sku), variant.get("sku"))
    allowed = statuses.statuses(shop, product, item)
    tally.check("variant", key, "status", exactly(*allowed), variant.get("status"))
    for name, value in expected.items():
        tally.check("variant", key, name, value, variant_fields.FOUND[name](variant))
    quantities = variant_fields.found_order_quantities(variant, settings.root_group)
    tally.check("variant", key, "settings", variant_fields.order_quantities(product), quantities)


def _check_positions(shop: Shop, tally: Tally, offer: Offer, items: list[Sellable], there: Mapping[str, Row]) -> None:
    """Positions rise in the order of the rows.

    What is skipped may leave a gap or not, and "the order of the rows" may be that of their options or of their ids.
    """
    orders: tuple[Callable[[Sellable], tuple[object, ...]], ...] = (
        lambda item: tuple(place(shop, option) for option in item.options),
        lambda item: (int(item.combination["id"]) if item.combination else 0, _option_ids(item)),
    )
    ranked = [tuple(item.external_id for item in sorted(items, key=order)) for order in orders]
    at = {item.external_id: as_number(there[item.external_id].get("position")) or 0 for item in items}
    found = tuple(sorted(at, key=lambda external_id: at[external_id]))
    if len(set(at.values())) < len(at) or not all(1 <= position <= len(offer.items) for position in at.values()):
        found = tuple(f"{external_id} at {shown(position)}" for external_id, position in at.items())
    tally.check("product", f"sparkpay:{offer.product['id']}", "positions", exactly(*dict.fromkeys(ranked)), found)


def _check_leftovers(tally: Tally, offered: Mapping[str, Offer], there: Mapping[str, Row]) -> None:
    """Products of SparkLayer that the shop does not have: once had, and retired, or nobody knows why."""
    for id_, product in there.items():
        key = f"sparkpay:{id_}"
        if id_ in offered or tally.skipped("product", key):
            continue
        tally.entities["product"] += 1
        if not id_.isdecimal():
            tally.check("product", id_, "presence", exactly(_ABSENT), "present")
            continue
        for variant in product["variants"]:
            tally.check("variant", str(variant["external_id"]), "status", exactly("discontinued"), variant["status"])


def _check_shared_skus(
    tally: Tally,
    offered: Mapping[str, Offer],
    holders: Mapping[str, frozenset[str]],
    sku_of: Mapping[str, object],
) -> None:
    """A SKU that several may hold must be held by one of them."""
    skipped = {
        item.external_id
        for id_, offer in offered.items()
        for item in offer.items
        if tally.skipped("product", f"sparkpay:{id_}") or tally.skipped("variant", item.external_id)
    }
    for sku, allowed in holders.items():
        if len(allowed) > 1 and not allowed & skipped:
            holder = next((external_id for external_id in sorted(allowed) if sku_of.get(external_id) == sku), None)
            tally.check("variant", sku, "holder", exactly(*sorted(allowed)), holder)


def _holds(item: Sellable, holders: Mapping[str, frozenset[str]], sku_of: Mapping[str, object]) -> bool:
    """Whether the thing should be there under its SKU: it alone may hold it, or it is the one of several that does."""
    if claims.certain(holders, item):
        return True
    return item.external_id in holders.get(item.sku, ()) and sku_of.get(item.external_id) == item.sku


def _edited(item: Sellable, tally: Tally) -> Sellable:
    sku = tally.instead("variant", item.external_id, "sku")
    return replace(item, sku=sku) if isinstance(sku, str) else item


def _option_ids(item: Sellable) -> tuple[int, ...]:
    return tuple(sorted(int(option["id"]) for option in item.options))
