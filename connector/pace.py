"""When to look at something again: soon while it changes, seldom while it does not."""

from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

_WIDER = 2.0
_MOST_AHEAD = 0.75


@dataclass(slots=True)
class Pace:
    """The rhythm of one resource, in seconds.

    `tight` is the pause while it changes; each look that finds nothing doubles it up to `idle`, where it begins. The
    very first pause is shorter by the part `ahead`, so that those who begin together do not go on together.
    """

    tight: float
    idle: float
    ahead: float = 0.0
    pause: float = 0.0
    due: float = 0.0

    def begin_later(self, now: float, *, slack: float = 1.0) -> None:
        """There is nothing to look for before the first pause is over; `slack` stretches `idle`."""
        self.pause = max(self.idle * slack, self.tight)
        self.due = now + self.pause * (1 - self.ahead)

    def looked(self, now: float, *, found: bool, slack: float = 1.0) -> None:
        """A look at `now` (monotonic) is over; `slack` stretches `idle`."""
        if not self.pause and not found:
            self.begin_later(now, slack=slack)
            return
        widest = max(self.idle * slack, self.tight)
        self.pause = self.tight if found else min((self.pause or widest) * _WIDER, widest)
        self.due = now + self.pause


def ahead_of_others(connection: str, name: str) -> float:
    """A part for `Pace.ahead`, another one for each connection and resource, and the same at each start."""
    return _MOST_AHEAD * crc32(f"{connection}/{name}".encode()) / 2**32


class IdleLooks:
    """What all readers of this process do while nothing changes: together at most so many looks a second.

    Each of them keeps to a part of its own store's budget; hundreds of them would fill the process with answers that
    say "nothing", and changes would have to wait behind those.
    """

    def __init__(self, at_most: float) -> None:
        self._at_most = at_most
        self._planned: dict[object, float] = {}

    def join(self, reader: object, paces: Iterable[Pace]) -> None:
        """A reader begins to look, at these paces."""
        self._planned[reader] = sum(1 / pace.idle for pace in paces)

    def leave(self, reader: object) -> None:
        """It looks no more; harmless where it does not."""
        self._planned.pop(reader, None)

    @property
    def slack(self) -> float:
        """How many times longer everybody's idle pauses have to be."""
        return max(1.0, sum(self._planned.values()) / self._at_most)
