"""The directory of applied entities in memory."""

from collections.abc import Mapping, Sequence


class FakeEntityDirectory:
    """Refs by kind and key; tests put in what the handler's side is to have."""

    def __init__(self) -> None:
        self.applied: dict[tuple[str, str], Mapping[str, str]] = {}

    def there(self, entity: str, key: str, **refs: str) -> None:
        """It was applied, and got these ids."""
        self.applied[entity, key] = refs

    async def refs(self, entity: str, keys: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """See `EntityDirectory`."""
        return {key: self.applied[entity, key] for key in keys if (entity, key) in self.applied}
