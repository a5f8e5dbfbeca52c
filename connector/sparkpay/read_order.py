"""Which of two reads of one product is newer: an older one must never be published after it."""

_PRUNE_ABOVE = 1000


class ReadOrder:
    """The request that each product was last read by, kept as long as an older read may still be on its way."""

    def __init__(self) -> None:
        self._newest: dict[int, int] = {}
        self._partly: set[int] = set()
        self._open: dict[object, int] = {}
        self._prune_at = _PRUNE_ABOVE

    def begin(self, reader: object, order: int) -> None:
        """A reader has started, or has come so far: what it brings was asked for after request number `order`."""
        self._open[reader] = order

    def end(self, reader: object) -> None:
        """It brings nothing more."""
        self._open.pop(reader, None)

    def is_stale(self, product: int, order: int) -> bool:
        """Whether a later read of the product has been taken already."""
        return order < self._newest.get(product, 0)

    def is_partly_told(self, product: int) -> bool:
        """Whether of the latest read only some kinds were told: what an older read brought must be read again."""
        return product in self._partly

    def take(self, product: int, order: int, *, partly: bool = False) -> None:
        """Count this read of the product."""
        if order >= self._newest.get(product, 0):
            self._newest[product] = order
            (self._partly.add if partly else self._partly.discard)(product)
        if len(self._newest) > self._prune_at:
            floor = min(self._open.values(), default=None)
            self._newest = {id_: at for id_, at in self._newest.items() if floor is not None and at >= floor}
            self._partly &= self._newest.keys()
            self._prune_at = max(_PRUNE_ABOVE, 2 * len(self._newest))
