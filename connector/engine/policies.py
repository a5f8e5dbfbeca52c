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

    def open_if_refused(self, more: int) -> bool:
        """Whether `more` refusals on top would make it open."""
        if len(self._recent) + more < self.policy.window:
            return False
        recent = list(self._recent)[-(self.policy.window - more) :] if more < self.policy.window else []
        return sum(recent) + min(more, self.policy.window) >= self.policy.ratio * self.policy.window

    def reset(self) -> None:
        """A person looked at it: count anew."""
        self._recent.clear()


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
