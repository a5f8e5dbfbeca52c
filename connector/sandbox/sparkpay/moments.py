"""Times as the platform keeps and shows them.

Stored times are aware UTC datetimes, coarser than the clock: ticks of 1/300 s as a SQL Server `datetime` has them, or
whole seconds. Answers show store-local time with the offset of that day and as few fraction digits as possible; the
answer to a write shows the unrounded time with seven.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

RESOLUTIONS = ("tick", "second")
_HAS_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)


def stored(moment: datetime, resolution: str) -> datetime:
    """Return the moment as the database keeps it: UTC, rounded to the resolution ("tick" or "second")."""
    whole = moment.astimezone(UTC).replace(microsecond=0)
    if resolution == "second":
        return whole
    ticks = round(moment.microsecond * 300 / 1_000_000)
    return whole + timedelta(milliseconds=round(ticks * 1000 / 300))


@lru_cache(maxsize=8192)
def local_text(moment: datetime, zone: ZoneInfo) -> str:
    """Store-local ISO 8601 with offset and 0 to 6 fraction digits, no trailing zeros."""
    local = moment.astimezone(zone)
    fraction = f".{local.microsecond:06d}".rstrip("0").rstrip(".")
    text = local.replace(microsecond=0).isoformat()
    return f"{text[:19]}{fraction}{text[19:]}"


def written_text(moment: datetime, zone: ZoneInfo, last_digit: int) -> str:
    """Store-local ISO 8601 with seven fraction digits, as the answer to a write shows it."""
    text = moment.astimezone(zone).isoformat(timespec="microseconds")
    return f"{text[:26]}{last_digit}{text[26:]}"


def parse(text: str, zone: ZoneInfo) -> datetime:
    """ISO 8601 text to UTC; a text without offset is taken as store-local. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def names_its_zone(text: str) -> bool:
    """Whether the text ends in `Z` or an offset, so that it is one instant and no guess."""
    return _HAS_ZONE.search(text) is not None
