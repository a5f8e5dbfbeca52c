"""Whose turn it is among calls that wait, in this process and in others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from connector.ports import Priority

PATIENCE = 3.0  # periods after which a call that still waits goes before all but interactive ones; one each window
LAST_PATIENCE = 6.0  # periods after which it goes before those as well


@dataclass(frozen=True, slots=True)
class Claim:
    """A call that waits, since a moment (seconds since the epoch, on the clock that all processes share)."""

    priority: Priority
    since: float


@dataclass(frozen=True, slots=True)
class Demand:
    """What one process waits for. Nobody believes it any longer than `until`: the process may have died."""

    until: float
    claims: tuple[Claim, ...]

    def dump(self) -> dict[str, Any]:
        """As JSON; what `load` reads."""
        return {"until": self.until, "claims": [[int(claim.priority), claim.since] for claim in self.claims]}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        """What `dump` made."""
        return cls(stored["until"], tuple(Claim(Priority(priority), since) for priority, since in stored["claims"]))


@dataclass(frozen=True, slots=True)
class Turns:
    """The order among the calls that wait: the most urgent first, then the oldest; and one that has waited too long."""

    favoured: Claim | None = None
    before_all: bool = False

    @classmethod
    def among(cls, claims: Sequence[Claim], now: float, period: float) -> Self:
        """The order in which somebody may be favoured; `Turns()` is the one in which nobody is."""
        longest = min(claims, key=lambda claim: claim.since, default=None)
        if longest is None or now - longest.since < PATIENCE * period:
            return cls()
        return cls(longest, now - longest.since >= LAST_PATIENCE * period)

    def place(self, claim: Claim) -> tuple[float, float]:
        """What to sort by."""
        if claim is not self.favoured:
            return float(claim.priority), claim.since
        return Priority.INTERACTIVE + (-0.5 if self.before_all else 0.5), claim.since

    def ahead_of(self, mine: Claim, others: Sequence[Claim]) -> int:
        """How many of the others come before mine."""
        return sum(self.place(other) < self.place(mine) for other in others)
