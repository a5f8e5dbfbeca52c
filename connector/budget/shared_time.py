"""The time of the database, read off this process's own monotonic clock between two transactions."""

from dataclasses import dataclass


@dataclass(slots=True)
class SharedTime:
    """How far the shared clock is ahead of the monotonic one: the most that was not contradicted yet.

    The latest possible time is the safe one: a reply seems to have come no earlier than it did.
    """

    ahead: float | None = None

    def learn(self, before: float, shared: float, after: float) -> None:
        """The shared clock said `shared` at some moment between two of the monotonic clock."""
        least, most = shared - after, shared - before
        if self.ahead is None or not least <= self.ahead <= most:
            self.ahead = most

    def at(self, monotonic: float, otherwise: float) -> float:
        """That moment on the shared clock, at the latest; `otherwise` while nothing is known."""
        return otherwise if self.ahead is None else monotonic + self.ahead
