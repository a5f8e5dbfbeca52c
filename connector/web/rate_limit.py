"""How often a stranger may try: a bucket of attempts per address, in memory, of bounded size."""

from collections import OrderedDict
from dataclasses import dataclass, field

from connector.clock import Clock

_MOST_ADDRESSES = 10_000


@dataclass(slots=True)
class RateLimit:
    """`burst` attempts at once, and one more each `seconds`."""

    clock: Clock
    burst: int
    seconds: float
    _full_at: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def allows(self, who: str) -> bool:
        """Whether one more attempt is allowed now; it is counted."""
        now = self.clock.monotonic()
        full_at = max(now, self._full_at.get(who, now))
        if full_at + self.seconds > now + self.burst * self.seconds:
            return False
        self._full_at[who] = full_at + self.seconds
        self._full_at.move_to_end(who)
        while len(self._full_at) > _MOST_ADDRESSES:
            self._full_at.popitem(last=False)
        return True

    def spent(self, who: str) -> bool:
        """Whether nothing is left; counts nothing."""
        now = self.clock.monotonic()
        return max(now, self._full_at.get(who, now)) + self.seconds > now + self.burst * self.seconds
