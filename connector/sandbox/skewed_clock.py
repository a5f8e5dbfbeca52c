"""A platform's clock that is not the world's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta


class SkewedClock:
    """What time a platform believes it is: the true time and so many seconds, which may change at any moment."""

    def __init__(self, true: Callable[[], datetime], ahead: Callable[[], float]) -> None:
        self.true = true
        self._ahead = ahead

    @property
    def ahead(self) -> timedelta:
        """How far it is ahead of the true time; negative where it is behind."""
        return timedelta(seconds=self._ahead())

    def __call__(self) -> datetime:
        """The platform's time."""
        return self.true() + self.ahead
