"""Prices: the breaks of one variant in one list are one block that is replaced as a whole."""

from connector.sandbox.sparklayer.wire import Row


class Prices:
    """Blocks by variant id, then by list slug, and the variants of each list in the order they came."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, list[Row]]] = {}
        self._variants: dict[str, dict[str, None]] = {}

    def of(self, variant_id: str) -> dict[str, list[Row]]:
        """List slug to breaks, of one variant."""
        return self._rows.get(variant_id, {})

    def all(self) -> dict[str, dict[str, list[Row]]]:
        """Variant id to list slug to breaks, as it is now; breaks are replaced, never changed."""
        return {variant_id: dict(blocks) for variant_id, blocks in self._rows.items()}

    def variants_in(self, slug: str) -> list[str]:
        """Ids of the variants that have a price in a list."""
        return list(self._variants.get(slug, ()))

    def put(self, variant_id: str, slug: str, breaks: list[Row]) -> None:
        """Replace the block; no breaks takes the variant out of the list."""
        if breaks:
            self._rows.setdefault(variant_id, {})[slug] = breaks
            self._variants.setdefault(slug, {})[variant_id] = None
        else:
            self._rows.get(variant_id, {}).pop(slug, None)
            self._variants.get(slug, {}).pop(variant_id, None)

    def drop_variant(self, variant_id: str) -> None:
        """Forget every price of a variant."""
        for slug in self._rows.pop(variant_id, {}):
            self._variants[slug].pop(variant_id)

    def drop_list(self, slug: str) -> None:
        """Forget every price in a list."""
        for variant_id in self._variants.pop(slug, ()):
            self._rows[variant_id].pop(slug)
