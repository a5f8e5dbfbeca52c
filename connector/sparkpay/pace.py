"""When to look at a resource again: soon while it changes, seldom while it does not."""

from collections.abc import Iterable
from dataclasses import dataclass

from connector.settings import ConnectionSettings

_WIDER = 2.0
_CATALOGUE_PART = 0.8
"""Of the share for idle polling; the rest is for reference data, which hardly ever changes."""


@dataclass(slots=True)
class Pace:
    """The rhythm of one resource, in seconds.

    `tight` is the pause while it changes; each look that finds nothing doubles it up to `idle`.
    """

    tight: float
    idle: float
    pause: float = 0.0
    due: float = 0.0

    def looked(self, now: float, *, found: bool) -> None:
        """A look at `now` (monotonic) is over."""
        self.pause = self.tight if found or not self.pause else min(self.pause * _WIDER, max(self.idle, self.tight))
        self.due = now + self.pause


def paces(
    settings: ConnectionSettings, tight: float, catalogue: Iterable[str], reference: Iterable[str]
) -> dict[str, Pace]:
    """A pace for each resource. All idle looks together stay within `poll.idle_share` of the store's budget.

    Where that share allows more looks than one per `poll.slowest_seconds`, products and what belongs to them use it.
    """
    poll = settings.poll
    calls = poll.idle_share * settings.sparkpay.limit / settings.sparkpay.window_seconds
    goods, slow = list(catalogue), list(reference)
    goods_pause = len(goods) / (calls * _CATALOGUE_PART)
    slow_pause = max(poll.slowest_seconds, len(slow) / (calls * (1 - _CATALOGUE_PART)))
    found = {name: Pace(tight, goods_pause) for name in goods}
    return found | {name: Pace(tight, slow_pause) for name in slow}
