"""Marks of calls in memory."""


class FakeIntents:
    """Remembers every mark; what a restart keeps."""

    def __init__(self) -> None:
        self.marks: set[tuple[str, str, str]] = set()

    async def first(self, entity: str, key: str, step: str) -> bool:
        """See `Intents`."""
        new = (entity, key, step) not in self.marks
        self.marks.add((entity, key, step))
        return new
