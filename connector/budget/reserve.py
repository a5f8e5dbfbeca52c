"""What of a window is kept: for more urgent calls, and for other applications."""

import math
from dataclasses import dataclass

from connector.ports import Priority


@dataclass(frozen=True, slots=True)
class Reserve:
    """Parts of each window that are kept for more urgent calls until the window nears its end.

    A share that makes less than half a call keeps none. `release` is the part of the period before the window's end
    in which everybody may use what is left.
    """

    interactive: float = 0.04
    above_sync: float = 0.02
    courtesy: float = 0.10  # left to other applications at least, while their calls are seen
    most_courtesy: float = 0.5  # and at most, however many they make
    release: float = 0.15

    def kept(self, priority: Priority, limit: int) -> int:
        """Calls of the window that this priority leaves to more urgent ones."""
        kept = 0
        if priority > Priority.INTERACTIVE:
            kept += _whole(limit * self.interactive)
        if priority >= Priority.SYNC:
            kept += _whole(limit * self.above_sync)
        return kept

    def left_to_others(self, busiest: int, used: int, limit: int) -> int:
        """Calls of the window that other applications may still make: as in their busiest one, less those used."""
        most = max(1, _whole(limit * self.most_courtesy))
        return max(_whole(limit * self.courtesy), min(busiest + 1, most) - used)


def _whole(share: float) -> int:
    return math.floor(share + 0.5)
