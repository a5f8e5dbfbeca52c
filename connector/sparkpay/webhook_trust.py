"""Which resources announce their changes by webhooks, so that polling them may be slack."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from connector.clock import Clock

SLACKABLE = frozenset({"customers", "orders"})
"""Not products: their rows carry the stock of plain products, which no event tells (vendor docs: webhooks)."""

_LATELY = timedelta(hours=24)
_LATE_SECONDS = 30.0  # a webhook may come after the poll that found the same change
_DISTRUST_SECONDS = 3600.0
_REMEMBER_SECONDS = 900.0  # longer than a poll shows a change again
_PRUNE_ABOVE = 10_000


class WebhookTrust:
    """Compares what webhooks announced with what polls found. One that is missed narrows the poll again for an hour."""

    def __init__(self, clock: Clock, slack: float) -> None:
        """`slack`: how many times the pause of a resource that announces its changes may be the usual one."""
        self._clock = clock
        self._slack = slack
        self._arrived: Mapping[str, datetime] = {}
        self._announced: dict[tuple[str, int], float] = {}
        self._suspects: dict[tuple[str, int], float] = {}
        self._distrusted_until: dict[str, float] = {}

    def arrivals(self, arrived: Mapping[str, datetime]) -> None:
        """By resource, when the latest webhook came."""
        self._arrived = arrived

    def announced(self, resource: str, numbers: Iterable[int]) -> None:
        """Webhooks named these rows."""
        now = self._clock.monotonic()
        for number in numbers:
            self._announced[resource, number] = now
            self._suspects.pop((resource, number), None)
        if len(self._announced) > _PRUNE_ABOVE:
            oldest = now - _REMEMBER_SECONDS
            self._announced = {row: at for row, at in self._announced.items() if at >= oldest}

    def polled(self, resource: str, numbers: Iterable[int]) -> None:
        """A poll found these rows changed."""
        if resource not in self._arrived:
            return
        now = self._clock.monotonic()
        for number in numbers:
            if self._announced.get((resource, number), -_REMEMBER_SECONDS) < now - _REMEMBER_SECONDS:
                self._suspects.setdefault((resource, number), now)

    def factor(self, resource: str) -> float:
        """By how much the pause between two polls of an idle resource may be stretched; 1 where nothing is known."""
        now = self._clock.monotonic()
        missed = [row for row, at in self._suspects.items() if at <= now - _LATE_SECONDS]
        for row in missed:
            self._distrusted_until[row[0]] = now + _DISTRUST_SECONDS
            del self._suspects[row]
        arrived = self._arrived.get(resource)
        if resource not in SLACKABLE or arrived is None or arrived < self._clock.now() - _LATELY:
            return 1.0
        return 1.0 if now < self._distrusted_until.get(resource, now) else self._slack
