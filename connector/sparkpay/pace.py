"""When to look at a resource again: soon while it changes, seldom while it does not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connector.settings import ConnectionSettings

_WIDER = 2.0
_REFERENCE_PART = 0.2
"""At most this part of the share for idle polling goes to reference data, which hardly ever changes."""


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


def idle_pauses(
    settings: ConnectionSettings, catalogue: Mapping[str, int], reference: Iterable[str]
) -> dict[str, float]:
    """Seconds between two looks at each resource while nothing changes: what a change takes to be seen at the most.

    All looks together stay within `poll.idle_share` of the store's budget. Reference data takes a look each
    `poll.slowest_seconds`, or as many as its part allows; `catalogue` says how often each of the others is looked at
    in comparison, and they share the rest.
    """
    poll = settings.poll
    calls = poll.idle_share * calls_per_second(settings)
    slow = list(reference)
    slow_pause = max(poll.slowest_seconds, len(slow) / (calls * _REFERENCE_PART))
    rest = calls - len(slow) / slow_pause
    weights = sum(catalogue.values())
    goods = {name: weights / (rest * weight) for name, weight in catalogue.items()}
    return goods | dict.fromkeys(slow, slow_pause)


def paces(
    settings: ConnectionSettings, tight: float, catalogue: Mapping[str, int], reference: Iterable[str]
) -> dict[str, Pace]:
    """A pace for each resource."""
    return {name: Pace(tight, idle) for name, idle in idle_pauses(settings, catalogue, reference).items()}


def sweep_seconds(settings: ConnectionSettings, calls: int) -> float:
    """How long a sweep of so many calls takes within `poll.sweep_share`."""
    return calls / (settings.poll.sweep_share * calls_per_second(settings))


def calls_per_second(settings: ConnectionSettings) -> float:
    """What the store's plan allows."""
    return settings.sparkpay.limit / settings.sparkpay.window_seconds
