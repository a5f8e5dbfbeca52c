"""Whether an answer that was asked for afresh is an old one from the server's cache all the same."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from connector.clock import Clock

_ROUNDING = timedelta(seconds=1)  # both headers have whole seconds, rounded down
_DISTRUST_SECONDS = 600.0


class Freshness:
    """Compares an answer's `Last-Modified` with its own `Date`: an answer that was made before it was asked for is old.

    That GET answers carry both is documented, what `Last-Modified` says of an answer that was not cached is not
    (vendor docs: README). So whoever gets an old answer asks again; one that stays old shows that the header means
    something else on this store, and for ten minutes nobody looks at it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looks_again_at = clock.monotonic()

    def is_old(self, headers: Mapping[str, str], seconds: float) -> bool:
        """Whether the answer, which came `seconds` after it was asked for, was made before that."""
        made, left = _moment(headers.get("Last-Modified")), _moment(headers.get("Date"))
        if made is None or left is None or self._clock.monotonic() < self._looks_again_at:
            return False
        return made <= left - timedelta(seconds=seconds) - _ROUNDING

    def stays_old(self) -> None:
        """The same answer came again and again."""
        self._looks_again_at = self._clock.monotonic() + _DISTRUST_SECONDS


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
