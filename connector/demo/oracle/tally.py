"""Counting what is compared and keeping what differs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from connector.demo.oracle.expectation import Expected, exactly, shown
from connector.demo.oracle.settings import Excuse


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not what Spark Pay's rows lead to; `entity` and `key` as in `Excuse`, both values in words."""

    entity: str
    key: str
    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.entity} {self.key}: {self.field} should be {self.expected}, found {self.found}"


class Tally:
    """All checks of one comparison."""

    def __init__(self, excused: Mapping[str, Excuse]) -> None:
        self._excused = excused
        self.differences: list[Difference] = []
        self.fields: Counter[str] = Counter()
        self.entities: Counter[str] = Counter()

    def skipped(self, entity: str, key: str) -> bool:
        """Whether nothing of it is compared."""
        excuse = self._excused.get(f"{entity}:{key}")
        return excuse is not None and not excuse.expected

    def instead(self, entity: str, key: str, field: str) -> object | None:
        """The value that a field must have in place of what Spark Pay says, or None."""
        excuse = self._excused.get(f"{entity}:{key}")
        return None if excuse is None else excuse.expected.get(field)

    def check(self, entity: str, key: str, field: str, expected: Expected, found: object) -> None:
        """Compares one field, unless its excuse names another value."""
        instead = self.instead(entity, key, field)
        if instead is not None:
            expected = exactly(instead)
        self.fields[entity] += 1
        if not expected.allows(found):
            self.differences.append(Difference(entity, key, field, expected.text, shown(found)))
