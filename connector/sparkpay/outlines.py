"""Short digests of what prices and stock of each product looked like when they were last published."""

from collections.abc import Iterable, Sequence

from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.content_hash import DIGEST_BYTES, outline_digest

_TOGETHER = 64
_NONE = bytes(DIGEST_BYTES)


class Outlines:
    """Digests by product id, in memory, so that a sweep need not map anything.

    Ids of a store lie close together, so they share blocks: ten bytes a product, not the hundred of an entry each.
    """

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}
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
            self._put(bundle.id, outline_digest(bundle))

    def differing(self, bundles: Sequence[ProductBundle]) -> list[ProductBundle]:
        """Those that look different or were never seen."""
        return [bundle for bundle in bundles if self._get(bundle.id) != outline_digest(bundle)]

    def forget(self, product_ids: Iterable[int]) -> None:
        """These are gone."""
        for id_ in product_ids:
            self._put(id_, _NONE)

    def clear(self) -> None:
        """Nothing that was published tells anything any more."""
        self._blocks.clear()
        self._generation += 1
        self._whole = False

    def _put(self, product_id: int, digest: bytes) -> None:
        number, place = divmod(product_id, _TOGETHER)
        block = self._blocks.setdefault(number, bytearray(_TOGETHER * DIGEST_BYTES))
        block[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES] = digest

    def _get(self, product_id: int) -> bytes:
        number, place = divmod(product_id, _TOGETHER)
        return bytes(self._blocks.get(number, b"")[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES])
