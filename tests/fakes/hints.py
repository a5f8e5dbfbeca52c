"""Hints without a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.ports import Hint


@dataclass
class FakeHints:
    """What is named and not yet forgotten, oldest first."""

    kept: dict[tuple[str, int], str] = field(default_factory=dict)
    arrived: dict[str, datetime] = field(default_factory=dict)
    stamps: int = 0

    def name(self, resource: str, *numbers: int) -> None:
        self.stamps += 1
        for number in numbers:
            self.kept[resource, number] = str(self.stamps)

    async def take(self, limit: int) -> Sequence[Hint]:
        return [Hint(*row, stamp) for row, stamp in list(self.kept.items())[:limit]]

    async def forget(self, hints: Sequence[Hint]) -> None:
        for hint in hints:
            if self.kept.get((hint.resource, hint.number)) == hint.stamp:
                del self.kept[hint.resource, hint.number]

    async def arrivals(self) -> Mapping[str, datetime]:
        return self.arrived
