"""Who may hold a SKU on SparkLayer, where several things of the shop have the same one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from connector.demo.oracle.sellables import Sellable


def holders(claims: Iterable[tuple[Sellable, tuple[str, ...]]]) -> dict[str, frozenset[str]]:
    """Per SKU the external ids of the variants that may hold it; a claim is a thing and the statuses it may have.

    Two rules meet here: "the lowest product id keeps it", and "the live claimant wins" over a retired one, where
    retired may mean discontinued only, or suspended as well. Where they name different products all are accepted, and
    of several that are discontinued any. Two variants of one product are equal before these rules.
    """
    by_sku: dict[str, list[tuple[Sellable, tuple[str, ...]]]] = defaultdict(list)
    for item, statuses in claims:
        if item.usable:
            by_sku[item.sku].append((item, statuses))
    return {sku: _allowed(found) for sku, found in by_sku.items()}


def certain(holders_of: Mapping[str, frozenset[str]], item: Sellable) -> bool:
    """Whether nobody else may hold the thing's SKU."""
    return item.usable and holders_of.get(item.sku) == frozenset({item.external_id})


def _allowed(claims: list[tuple[Sellable, tuple[str, ...]]]) -> frozenset[str]:
    everybody = [item for item, _ in claims]
    current = [item for item, statuses in claims if statuses != ("discontinued",)]
    if not current:
        return frozenset(item.external_id for item in everybody)
    return _lowest(everybody) | _lowest(current) | _lowest([item for item, statuses in claims if "live" in statuses])


def _lowest(items: list[Sellable]) -> frozenset[str]:
    first = min((item.product_id for item in items), default=None)
    return frozenset(item.external_id for item in items if item.product_id == first)
