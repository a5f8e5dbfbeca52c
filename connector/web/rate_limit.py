"""How often a stranger may try: a bucket of attempts per address, in memory, of bounded size."""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field

from connector.clock import Clock

_MOST_ADDRESSES = 10_000
_OF_ONE = 64  # bits: so much of an IPv6 address names a network, of which one person has all addresses


@dataclass(slots=True)
class RateLimit:
    """`burst` attempts at once, and one more each `seconds`."""

    clock: Clock
    burst: int
    seconds: float
    _full_at: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def allows(self, who: str) -> bool:
        """Whether one more attempt is allowed now; it is counted."""
        now, who = self.clock.monotonic(), _person(who)
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
        now, who = self.clock.monotonic(), _person(who)
        return max(now, self._full_at.get(who, now)) + self.seconds > now + self.burst * self.seconds


def _person(who: str) -> str:
    """Whom an address belongs to; what is no address stands for itself."""
    try:
        address = ipaddress.ip_address(who)
    except ValueError:
        return who
    if isinstance(address, ipaddress.IPv4Address):
        return who
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed, _OF_ONE), strict=False))
