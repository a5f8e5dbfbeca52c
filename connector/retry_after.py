"""The `Retry-After` header in both of its forms."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

Fallback = TypeVar("Fallback", bound=float | None)
LONGEST_SECONDS = 3600.0  # whoever says longer is asked again after an hour


def retry_after_seconds(
    value: str | None, date: str | None, *, default: Fallback, now: datetime | None = None
) -> float | Fallback:
    """Seconds to wait, from 0 to an hour; `default` where the header is absent or cannot be read.

    `value` is a number of seconds or an HTTP date. A date is measured against the answer's own `Date` header
    (`date`), so that clocks which differ do not matter, and against `now` (aware) where that is missing.
    """
    if value is None:
        return default
    try:
        seconds = float(value)
    except ValueError:
        until, since = _moment(value), _moment(date) or now
        if until is None or since is None:
            return default
        seconds = (until - since).total_seconds()
    return min(max(0.0, seconds), LONGEST_SECONDS) if math.isfinite(seconds) else default


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
