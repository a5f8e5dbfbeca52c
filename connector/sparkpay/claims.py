"""Who a SKU belongs to: prices and stock are kept per SKU, so exactly one product may speak for each.

A live variant comes before one that is switched off, then the lowest product id counts. The claim of a variant that is
not for sale is remembered with a mark before the variant's id.
"""

from collections.abc import Iterable, Mapping, Sequence

from contracts.entities import Availability, Product

KEY_PREFIX = "sparkpay:"
_RETIRED = "~"

Claim = tuple[str, str]
"""Product key and marked variant id."""


def key_of(product_id: int) -> str:
    """The key of a product that Spark Pay created."""
    return f"{KEY_PREFIX}{product_id}"


def id_of(key: str) -> int:
    """The product id in such a key."""
    return int(key.removeprefix(KEY_PREFIX))


def claims_of(product: Product | None) -> tuple[tuple[str, str], ...]:
    """(SKU, marked variant id) of every variant with a SKU; none for a product that is not pushed."""
    if product is None:
        return ()
    live = product.status is Availability.ACTIVE
    return tuple(
        (variant.sku, variant.id if live and variant.status is Availability.ACTIVE else f"{_RETIRED}{variant.id}")
        for variant in product.variants
        if variant.sku
    )


def owner(claims: Iterable[Claim]) -> str | None:
    """The key of the product that speaks for the SKU; none where nobody claims it."""
    ranked = [(variant.startswith(_RETIRED), id_of(key), key) for key, variant in claims]
    return min(ranked)[2] if ranked else None


def merged(
    before: Mapping[str, Sequence[Claim]], now: Mapping[str, Sequence[tuple[str, str]]]
) -> dict[str, list[Claim]]:
    """Claims per SKU after the products of `now` (key to its claims) have replaced what they claimed before."""
    after = {sku: [claim for claim in claims if claim[0] not in now] for sku, claims in before.items()}
    for key, claims in now.items():
        for sku, variant in claims:
            after.setdefault(sku, []).append((key, variant))
    return after
