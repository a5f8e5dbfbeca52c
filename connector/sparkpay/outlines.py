"""Short digests of what prices and stock of each product looked like when they were last published."""

from collections.abc import Iterable, Sequence

from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.content_hash import outline_digest


class Outlines:
    """Digests by product id, in memory: some hundred bytes a product, so that a sweep need not map anything."""

    def __init__(self) -> None:
        self._digests: dict[int, bytes] = {}
        self._generation = 0
        self._whole = False

    @property
    def whole(self) -> bool:
        """Whether every product of the store is in here."""
        return self._whole

    @property
    def generation(self) -> int:
        """Grows when everything is dropped; a walk that began before cannot complete what begins after."""
        return self._generation

    def completed(self, generation: int) -> None:
        """A walk over all products, begun in that generation, is through."""
        self._whole = self._whole or generation == self._generation

    def keep(self, bundles: Iterable[ProductBundle]) -> None:
        """These states have been published."""
        for bundle in bundles:
            self._digests[bundle.id] = outline_digest(bundle)

    def differing(self, bundles: Sequence[ProductBundle]) -> list[ProductBundle]:
        """Those that look different or were never seen."""
        return [bundle for bundle in bundles if self._digests.get(bundle.id) != outline_digest(bundle)]

    def forget(self, product_ids: Iterable[int]) -> None:
        """These are gone."""
        for id_ in product_ids:
            self._digests.pop(id_, None)

    def clear(self) -> None:
        """Nothing that was published tells anything any more."""
        self._digests.clear()
        self._generation += 1
        self._whole = False
