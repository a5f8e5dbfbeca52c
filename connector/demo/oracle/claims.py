"""Who may hold a SKU on SparkLayer, where several things of the shop have the same one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from connector.demo.oracle.sellables import Sellable


def holders(claims: Iterable[tuple[Sellable, tuple[str, ...]]]) -> dict[str, frozenset[str]]:
    """Per SKU the external ids of the variants that may hold it; a claim is a thing and the statuses it may have.

    What is for sale comes before what is switched off or discontinued, then the lowest product id keeps it. Where a
    thing may have several statuses, every reading is accepted; two variants of one product are equal before this rule.
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
    surely = [item for item, statuses in claims if statuses == ("live",)]
    perhaps = [item for item, statuses in claims if "live" in statuses]
    return _lowest(surely or everybody) | _lowest(perhaps or everybody)


def _lowest(items: list[Sellable]) -> frozenset[str]:
    first = min((item.product_id for item in items), default=None)
    return frozenset(item.external_id for item in items if item.product_id == first)
