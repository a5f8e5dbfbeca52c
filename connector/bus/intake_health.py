"""Whether the intake moves: progress of the consumer itself, not a reachable broker."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from connector.clock import Clock


@dataclass(frozen=True, slots=True)
class IntakeHealth:
    """A moment's view. Ages are in seconds; lag is highwater minus position, none before the first fetch."""

    running: bool
    last_tick_age: float
    oldest_unfinished_age: float
    assigned: int
    lag: Mapping[tuple[str, int], int | None]
    held: int
    failing: str | None
    counts: Mapping[str, int]

    def live(self, silent_for: float = 30.0, stuck_for: float = 300.0) -> bool:
        """Whether the consumer moves; false asks for a restart. A waiting sink is not dead: `stuck_for` is long."""
        return self.running and self.last_tick_age < silent_for and self.oldest_unfinished_age < stuck_for

    def ready(self) -> bool:
        """Whether it has partitions and nothing stops them."""
        return self.running and self.assigned > 0 and self.failing is None

    def total_lag(self) -> int:
        """Records that wait, over all partitions."""
        return sum(lag or 0 for lag in self.lag.values())


@dataclass(slots=True)
class Pulse:
    """What the intake notes down while it works."""

    clock: Clock
    counts: Counter[str] = field(default_factory=Counter)
    lag: dict[tuple[str, int], int | None] = field(default_factory=dict)
    failing: dict[TopicPartition, str] = field(default_factory=dict)
    _ticked: float | None = None
    _open_since: dict[TopicPartition, float] = field(default_factory=dict)

    def tick(self) -> None:
        """The loop came by."""
        self._ticked = self.clock.monotonic()

    def silent_for(self) -> float:
        """Seconds since the loop came by; 0 before its first time."""
        return 0.0 if self._ticked is None else self.clock.monotonic() - self._ticked

    def opened(self, partition: TopicPartition) -> None:
        """A record of it is in hand, or came back to hand."""
        self._open_since.setdefault(partition, self.clock.monotonic())

    def finished(self, partition: TopicPartition) -> None:
        """Everything of it that was in hand is done."""
        self._open_since.pop(partition, None)
        self.failing.pop(partition, None)

    def failed(self, partition: TopicPartition, reason: str) -> None:
        """It stays where it is, for this reason."""
        self.failing[partition] = reason

    def stopped(self, partition: TopicPartition, reason: str) -> None:
        """It stands still until somebody acts: not ready, but nothing that a restart would mend."""
        self._open_since.pop(partition, None)
        self.failing[partition] = reason

    def forget(self) -> None:
        """The partitions went away."""
        self._open_since.clear()
        self.failing.clear()
        self.lag.clear()

    def report(self, *, running: bool, assigned: int, held: int) -> IntakeHealth:
        """The view of this moment."""
        now = self.clock.monotonic()
        return IntakeHealth(
            running=running,
            last_tick_age=self.silent_for(),
            oldest_unfinished_age=max((now - since for since in self._open_since.values()), default=0.0),
            assigned=assigned,
            lag=dict(self.lag),
            held=held,
            failing=next(iter(self.failing.values()), None),
            counts=dict(self.counts),
        )
