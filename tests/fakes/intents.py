"""What is on record before a call, in memory."""


class FakeIntents:
    """Remembers every mark; what a restart keeps."""

    def __init__(self) -> None:
        self.marks: set[tuple[str, str, str]] = set()
        self.displaced: list[tuple[str, str, str]] = []

    async def first(self, entity: str, key: str, step: str) -> bool:
        """See `Intents`."""
        new = (entity, key, step) not in self.marks
        self.marks.add((entity, key, step))
        return new

    async def displaces(self, product: str, sku: str, part: str) -> None:
        """See `Intents`."""
        self.displaced.append((product, sku, part))
