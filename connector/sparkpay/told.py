"""What came of a batch of readings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """Events, entities that cannot be mapped, and those that were read anew meanwhile."""

    published: int = 0
    skipped: int = 0
    stale: tuple[int, ...] = ()

    def __add__(self, other: "Told") -> "Told":
        return Told(self.published + other.published, self.skipped + other.skipped, self.stale + other.stale)
