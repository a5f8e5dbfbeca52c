"""The kinds of entities that a limited walk is for."""

from collections.abc import Iterable, Mapping, Sequence

from connector.sparkpay.claims import Claim

CATALOGUE_KINDS = frozenset({"product", "price", "stock"})
"""What reading the catalogue tells."""
TOLD_KINDS = CATALOGUE_KINDS | {
    "customer",
    "customer-group",
    "order",
    "setting",
    "shipping-method",
    "stock-location",
}
"""What the store is read for, as far as the connection's flow says that it is a source."""


class Selection:
    """Only these kinds are told and remembered.

    SKU claims are remembered with the product and never by a limited walk: whoever reads the product whole must still
    see which SKUs it took and let go. So that a SKU of two products still has one owner within the walk, claims that
    are not remembered are kept here for as long as it lasts.
    """

    def __init__(self, kinds: frozenset[str]) -> None:
        self.kinds = kinds
        self._skus_of: dict[str, frozenset[str]] = {}
        self._by_sku: dict[str, dict[str, list[Claim]]] = {}

    def keep(self, product: str, claims: Iterable[tuple[str, str]]) -> None:
        """What the product claims now, as (SKU, marked variant id)."""
        claims = list(claims)
        for sku in self._skus_of.get(product, ()):
            self._by_sku[sku].pop(product, None)
        self._skus_of[product] = frozenset(sku for sku, _ in claims)
        for sku, variant in claims:
            self._by_sku.setdefault(sku, {}).setdefault(product, []).append((product, variant))

    def over(self, remembered: Mapping[str, Sequence[Claim]], skus: Iterable[str]) -> dict[str, list[Claim]]:
        """Remembered claims on SKUs, with what this walk knows better."""
        found = {
            sku: [claim for claim in claims if claim[0] not in self._skus_of] for sku, claims in remembered.items()
        }
        for sku in skus:
            for claims in self._by_sku.get(sku, {}).values():
                found.setdefault(sku, []).extend(claims)
        return found
