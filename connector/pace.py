"""When to look at something again: soon while it changes, seldom while it does not."""

from dataclasses import dataclass

_WIDER = 2.0


@dataclass(slots=True)
class Pace:
    """The rhythm of one resource, in seconds.

    `tight` is the pause while it changes; each look that finds nothing doubles it up to `idle`, where it begins.
    """

    tight: float
    idle: float
    pause: float = 0.0
    due: float = 0.0

    def looked(self, now: float, *, found: bool, slack: float = 1.0) -> None:
        """A look at `now` (monotonic) is over; `slack` stretches `idle` where changes are announced."""
        widest = max(self.idle * slack, self.tight)
        self.pause = self.tight if found else min((self.pause or widest) * _WIDER, widest)
        self.due = now + self.pause
