"""The fixed window that the calls to a store share (vendor docs: rate limits)."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connector.sandbox.exchange import http_date
from connector.sandbox.sparkpay.policy import SandboxPolicy


@dataclass(frozen=True, slots=True)
class Taken:
    """What a call found: whether it may pass, the counter after it, and when the window ends (seconds, epoch)."""

    allowed: bool
    used: int
    limit: int
    resets_at: float

    @property
    def header(self) -> str:
        """The value of X-AC-Call-Limit."""
        return f"{self.used}/{self.limit}"


class RateWindow:
    """Counts calls per window. Remembers the windows that had calls, at most `kept`."""

    def __init__(self, kept: int = 10_000) -> None:
        self._windows: deque[list[float]] = deque(maxlen=kept)
        self._refusals = 0

    def peek(self, policy: SandboxPolicy, now: datetime) -> Taken:
        """Return the state without taking a call."""
        start, used = self._current(policy, now)
        return Taken(used < policy.limit, used, policy.limit, start + policy.window_seconds)

    def take(self, policy: SandboxPolicy, now: datetime) -> Taken:
        """Take one call out of the window; a refused call leaves the counter at the limit."""
        start, used = self._current(policy, now)
        resets_at = start + policy.window_seconds
        if used >= policy.limit:
            return Taken(False, policy.limit, policy.limit, resets_at)
        if not used:
            self._windows.append([start, 0])
        self._windows[-1][1] = used + 1
        return Taken(True, used + 1, policy.limit, resets_at)

    def retry_after(self, taken: Taken, now: datetime, ahead: timedelta) -> str:
        """Return the value of Retry-After, by turns in seconds and as an HTTP date; both are seen in the field.

        The date is one of the platform's clock, which is `ahead` of `now`.
        """
        self._refusals += 1
        if self._refusals % 2:
            return str(max(1, math.ceil(taken.resets_at - now.timestamp())))
        return http_date(datetime.fromtimestamp(math.ceil(taken.resets_at), UTC) + ahead)

    def report(self) -> list[dict[str, float]]:
        """Start (seconds since the epoch) and calls of each window, in the order of time."""
        return [{"start": start, "used": int(used)} for start, used in self._windows]

    def _current(self, policy: SandboxPolicy, now: datetime) -> tuple[float, int]:
        length, phase = policy.window_seconds, policy.window_phase
        start = math.floor((now.timestamp() - phase) / length) * length + phase
        last = self._windows[-1] if self._windows else None
        return start, int(last[1]) if last is not None and last[0] == start else 0
