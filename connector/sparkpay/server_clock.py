"""What time it is on the platform's server, learned from the `Date` of its answers."""

from collections import deque
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from connector.clock import Clock

_SAMPLES = 64


class ServerClock:
    """A lower bound of the server's time that never goes back.

    `Date` has whole seconds, rounded down, and is older than the moment it arrives: so at any arrival the server is at
    least there. The best of the recent answers is kept; a cursor taken from it is never later than the truth. Until
    the first answer it is the own clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offsets: deque[timedelta] = deque(maxlen=_SAMPLES)
        self._latest: datetime | None = None

    def learn(self, date: str | None) -> None:
        """Take the `Date` header of an answer that has just arrived; anything unreadable is ignored."""
        if not date:
            return
        try:
            said = parsedate_to_datetime(date)
        except ValueError:
            return
        if said.tzinfo is not None:
            self._offsets.append(said - self._local(self._clock.monotonic()))

    def at(self, monotonic: float) -> datetime:
        """The server's time at a reading of the clock's `monotonic`, UTC."""
        if not self._offsets:
            return self._clock.now() - timedelta(seconds=self._clock.monotonic() - monotonic)
        return self._local(monotonic) + max(self._offsets)

    def now(self) -> datetime:
        """The server's time now; never earlier than an answer given before."""
        now = self.at(self._clock.monotonic())
        if self._latest is None or now > self._latest:
            self._latest = now
        return self._latest

    def _local(self, monotonic: float) -> datetime:
        """The own clock's wall time for a monotonic reading; steps of the wall clock cancel out in the offset."""
        return _EPOCH + timedelta(seconds=monotonic)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
