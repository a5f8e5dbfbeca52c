"""The rate limit that the vendor does not publish: off unless a policy sets it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import cycle

from connector.sandbox.exchange import http_date
from connector.sandbox.sparklayer.policy import SitePolicy


class RateLimit:
    """A bucket that holds one second's worth of calls and refills steadily by the site's own clock."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._level = 0.0
        self._seen = clock()
        self._forms = cycle(("seconds", "date"))

    def refuses(self, policy: SitePolicy) -> str | None:
        """None lets the call pass; else the value of `Retry-After`."""
        rate = policy.rate_per_second
        now = self._clock()
        if rate is None:
            return None
        self._level = max(0.0, self._level - max(0.0, (now - self._seen).total_seconds()) * rate)
        self._seen = now
        if self._level + 1 > max(1.0, rate):
            return self.retry_after(policy)
        self._level += 1
        return None

    def retry_after(self, policy: SitePolicy) -> str:
        """The header's value in the form that the policy asks for."""
        form = next(self._forms) if policy.retry_after_form == "alternate" else policy.retry_after_form
        if form == "seconds":
            return str(policy.retry_after_seconds)
        # A whole second up: the date form has no fraction, and being early would be refused again.
        moment = self._clock() + timedelta(seconds=policy.retry_after_seconds + 1)
        return http_date(moment)
