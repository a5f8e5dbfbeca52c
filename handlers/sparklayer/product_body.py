"""Canonical product -> the body that SparkLayer takes, field by field."""

from collections.abc import Sequence
from typing import Any

from contracts.entities import Availability, Product, Variant
from contracts.text import clean, cut, slugify
from handlers.outcome import Skip
from handlers.sparklayer.sku_rules import LONGEST_SKU

LONGEST_ID = 100
LONGEST_TITLE = 255
LONGEST_SLUG = 255
LONGEST_IMAGE = 512
LIVE = "live"
DISCONTINUED = "discontinued"
SUSPENDED = "suspended"

_STATUS = {
    Availability.ACTIVE: LIVE,
    Availability.DRAFT: "pending",
    Availability.HIDDEN: SUSPENDED,
    Availability.DISCONTINUED: DISCONTINUED,
}
_CAUTION = list(_STATUS)


def external_id(key: str) -> str:
    """A Spark Pay product goes by its number, anybody else's by its whole key."""
    system, _, id_ = key.partition(":")
    return id_ if system == "sparkpay" and id_ else key


def status_of(product: Product, variant: Variant) -> str:
    """The more cautious of what product and variant say."""
    return _STATUS[max(product.status, variant.status, key=_CAUTION.index)]


def fault_of(variant: Variant) -> Skip | None:
    """Why a variant cannot go to SparkLayer as it is."""
    if not variant.sku:
        return Skip("sku_missing", f"variant {variant.id} has no SKU: give it one", variant.id)
    if len(variant.sku) > LONGEST_SKU:
        return Skip(
            "sku_too_long",
            f"variant {variant.id}: its SKU has {len(variant.sku)} characters, SparkLayer takes {LONGEST_SKU}",
            variant.id,
        )
    if variant.id.startswith("pv_"):
        return Skip("variant_id_invalid", f"variant {variant.id}: SparkLayer keeps ids with pv_ for itself", variant.id)
    return None


def title_of(product: Product) -> tuple[str | None, list[Skip]]:
    """On one line, cut to what fits."""
    title = clean(product.title)
    if title is None or len(title) <= LONGEST_TITLE:
        return title, []
    message = f"the title has {len(title)} characters, it was cut to {LONGEST_TITLE}"
    return cut(title, LONGEST_TITLE), [Skip("truncated", message, "title", note=True)]


def slug_of(product: Product, title: str, *, unique: bool) -> str:
    """The product's own slug, else one made of its title and id; `unique` appends the id to its own."""
    id_ = external_id(product.key)
    suffix = f"-{slugify(id_) or 'x'}"
    own = clean(product.slug)
    if own is None:
        return cut(slugify(title) or "product", LONGEST_SLUG - len(suffix)) + suffix
    if unique and not own.endswith(suffix):
        return cut(own, LONGEST_SLUG - len(suffix)) + suffix
    return cut(own, LONGEST_SLUG)


def variant_body(product: Product, variant: Variant, root_group: str) -> dict[str, Any]:
    """One entry of `variants`. Stock is not in it; what has no value is sent empty, so that it is emptied there."""
    return {
        "external_id": variant.id,
        "sku": variant.sku,
        "position": variant.position,
        "weight_in_grams": variant.weight_grams or 0,  # left out it would stay as it was
        "status": status_of(product, variant),
        "cart_image_url": variant.image_url
        if variant.image_url is not None and len(variant.image_url) <= LONGEST_IMAGE
        else None,
        "rrp": [{"value": money.amount, "currency_code": money.currency.lower()} for money in variant.rrp],
        "options": [{"group": option.name, "value": option.value} for option in variant.options],
        "settings": [
            {
                "customer_group": root_group,
                "pack_size": variant.pack_size or 1,
                "min_order_quantity": variant.minimum_quantity,
                "max_order_quantity": variant.maximum_quantity,
            }
        ],
    }


def parked_body(part: str, sku: str, status: str) -> dict[str, Any]:
    """A variant that is there but not (or not any more) to be sold."""
    return {"external_id": part, "sku": sku, "status": status}


def details_of(skips: Sequence[Skip]) -> list[dict[str, object]]:
    """Skips as the details of a refusal."""
    return [{"code": skip.code, "message": skip.message, "part": skip.part} for skip in skips]
