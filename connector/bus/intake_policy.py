"""Sizes and patience of an intake."""

from dataclasses import dataclass, field

from connector.bus.flood import FloodPolicy


@dataclass(frozen=True, slots=True)
class IntakePolicy:
    """Sizes and patience of an intake.

    `drain_seconds` stays below `session_seconds`, which is also the rebalance timeout: a member that drains longer is
    thrown out of the group and its batch is done twice.
    """

    batch: int = 500
    idle_ms: int = 50  # how long the loop looks for records, and sleeps when there are none
    fetch_wait_ms: int = 100  # how long the broker may hold an empty answer; the embedded one always holds it so long
    fetch_bytes: int = 4 * 1024 * 1024  # of one answer: a backlog must not make the process large
    first_delay: float = 0.2
    longest_delay: float = 10.0
    letter_seconds: float = 5.0  # for one dead letter; the other partitions wait meanwhile
    longest_letter_delay: float = 60.0
    session_seconds: float = 10.0
    drain_seconds: float = 6.0
    stop_seconds: float = 6.0
    watch_seconds: float = 0.5
    doubt_seconds: float = 10.0  # without a batch although records wait: is it the broker, or is it us?
    answer_seconds: float = 2.0
    start_seconds: float = 30.0
    flood: FloodPolicy = field(default_factory=FloodPolicy)

    def __post_init__(self) -> None:
        if self.drain_seconds >= self.session_seconds or self.batch < 1 or self.first_delay <= 0:
            raise ValueError(f"not an intake policy: {self}")

    def delay(self, failures: int) -> float:
        """Seconds before the next attempt, after so many failures in a row."""
        return self._grown(failures, self.longest_delay)

    def letter_delay(self, failures: int) -> float:
        """Seconds before the next attempt for a partition whose dead letter cannot be sent."""
        return self._grown(failures, self.longest_letter_delay)

    def _grown(self, failures: int, longest: float) -> float:
        return float(min(longest, self.first_delay * 2 ** min(failures - 1, 20)))
