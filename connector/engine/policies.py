"""The numbers of the engine, each with its reason."""

import random
from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after the nth failure in a row; with jitter, so that rows that failed together part ways."""

    first_seconds: float = 1.0
    factor: float = 2.0
    longest_seconds: float = 60.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        if self.first_seconds <= 0 or self.factor < 1 or self.longest_seconds < self.first_seconds:
            raise ValueError(f"not a back-off policy: {self}")

    def delay(self, failures: int, rng: random.Random) -> float:
        """Seconds to wait after `failures` (1, 2, ...) failures in a row."""
        plain = min(self.longest_seconds, self.first_seconds * self.factor ** (max(1, failures) - 1))
        return plain * (1 + self.jitter * (2 * rng.random() - 1))


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When so many of the last rows were refused, the fault is not the rows'.

    Exists so that a revoked scope or a bad release does not pour the backlog into the dead letters.
    """

    window: int = 100
    ratio: float = 0.8


@dataclass(slots=True)
class Breaker:
    """Remembers the last outcomes of one connection and side; judged only when the window is full."""

    policy: BreakerPolicy = field(default_factory=BreakerPolicy)
    _recent: deque[bool] = field(default_factory=deque)

    def record(self, *, refused: bool) -> None:
        """One more row was closed, by a refusal or otherwise."""
        self._recent.append(refused)
        if len(self._recent) > self.policy.window:
            self._recent.popleft()

    def reset(self) -> None:
        """The fault was mended: count anew."""
        self._recent.clear()

    def open_if_refused(self, more: int) -> bool:
        """Whether `more` refusals on top would make it open."""
        if len(self._recent) + more < self.policy.window:
            return False
        recent = list(self._recent)[-(self.policy.window - more) :] if more < self.policy.window else []
        return sum(recent) + min(more, self.policy.window) >= self.policy.ratio * self.policy.window


PROBES = Backoff(first_seconds=30.0, factor=2.0, longest_seconds=1800.0)
HALF_OPEN = 3  # rows in a row that a side must get applied, one at a time, before it works at full width again
_RELAPSE_SECONDS = 600.0


@dataclass(slots=True)
class Probing:
    """When a side that paused itself tries again: ever more slowly, also when it pauses again soon after a probe.

    A token that may read but not write passes every probe and fails at the first row; that must not go on every
    thirty seconds for ever.
    """

    rng: random.Random
    backoff: Backoff = PROBES
    relapses: int = 0
    ended_at: float | None = None  # monotonic

    def first(self, now: float) -> float:
        """Seconds until the first probe of a new pause."""
        soon = self.ended_at is not None and now - self.ended_at < _RELAPSE_SECONDS
        self.relapses = self.relapses + 1 if soon else 0
        return self.backoff.delay(1 + self.relapses, self.rng)

    def next(self, failed: int) -> float:
        """Seconds until the next probe, after so many that failed."""
        return self.backoff.delay(1 + failed + self.relapses, self.rng)

    def ended(self, now: float) -> None:
        """A probe ended the pause."""
        self.ended_at = now


@dataclass(slots=True)
class TargetHealth:
    """Whether a platform is ill: failures in a row that were the platform's own fault.

    While it is ill one row at a time is tried, after a growing pause: a probe, not a storm.
    """

    backoff: Backoff
    rng: random.Random
    ill_after: int = 3
    failures: int = 0
    successes: int = 0
    hold_until: float = 0.0  # monotonic seconds

    @property
    def ill(self) -> bool:
        """Whether only a probe should be sent."""
        return self.failures >= self.ill_after

    def succeeded(self) -> None:
        """A call worked."""
        self.successes += 1
        self.failures = 0
        self.hold_until = 0.0

    def failed(self, now: float, retry_after: float | None) -> float:
        """A call failed by the platform's fault; gives the seconds that everybody waits."""
        self.failures += 1
        wait = retry_after if retry_after is not None else self.backoff.delay(self.failures, self.rng)
        self.hold_until = max(self.hold_until, now + wait)
        return wait
