"""What was asked of the store, and what of it broke the vendor's description of the API."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass

from connector.sandbox import journal
from connector.sandbox.journal import Served, clipped


@dataclass(frozen=True, slots=True)
class Violation:
    """A request that breaks the vendor's description of the API."""

    n: int
    method: str
    path: str
    problem: str


class Journal(journal.Journal):
    """The last `keep` calls, the counts of all of them, and the last thousand violations."""

    def __init__(self, keep: int = 10_000) -> None:
        super().__init__(keep)
        self._violations: deque[Violation] = deque(maxlen=1000)
        self.cached_reads = 0

    @property
    def violations(self) -> list[Violation]:
        """The last thousand, oldest first."""
        return list(self._violations)

    def violation(self, method: str, path: str, problem: str) -> None:
        """Note what is wrong with the call that is being served."""
        self._violations.append(Violation(self.next_n, method, clipped(path), clipped(problem)))

    def count(self, served: Served) -> None:
        """As every journal does, and the reads from the server's cache."""
        super().count(served)
        self.cached_reads += served.cached

    def stats(self) -> dict[str, object]:
        """Counts since the start; an injected 429 is no refusal of the window."""
        return {
            **super().stats(),
            "cached_reads": self.cached_reads,
            "violations": [asdict(violation) for violation in self._violations],
        }
