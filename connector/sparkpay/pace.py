"""When to look at a resource again: soon while it changes, seldom while it does not."""

from collections.abc import Iterable, Mapping

from connector.clock import Clock
from connector.pace import Pace, ahead_of_others
from connector.settings import ConnectionSettings

_REFERENCE_PART = 0.2
"""At most this part of the share for idle polling goes to reference data, which hardly ever changes."""


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
    settings: ConnectionSettings,
    tight: float,
    catalogue: Mapping[str, int],
    reference: Iterable[str],
    *,
    connection: str,
) -> dict[str, Pace]:
    """A pace for each resource; those of several connections that begin together are spread."""
    return {
        name: Pace(tight, idle, ahead_of_others(connection, name))
        for name, idle in idle_pauses(settings, catalogue, reference).items()
    }


def sweep_seconds(settings: ConnectionSettings, calls: int) -> float:
    """How long a sweep of so many calls takes within `poll.sweep_share`."""
    return calls / (settings.poll.sweep_share * calls_per_second(settings))


class SweepPause:
    """The rest after each stretch of a sweep, which all sweeps of a store share: together they keep to the share."""

    def __init__(self, settings: ConnectionSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._until = 0.0

    def spent(self, calls: int) -> None:
        """So many calls were made just now."""
        self._until = self._clock.monotonic() + sweep_seconds(self._settings, calls)

    def left(self) -> float:
        """Seconds until the next stretch may begin."""
        return max(0.0, self._until - self._clock.monotonic())


def calls_per_second(settings: ConnectionSettings) -> float:
    """What the store's plan allows."""
    return settings.sparkpay.limit / settings.sparkpay.window_seconds
