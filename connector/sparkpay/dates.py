"""Times as Spark Pay writes and reads them."""

import re
from datetime import UTC, datetime, tzinfo

_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:[T ](?P<clock>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<zone>Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
_LAST_YEAR_OF_SENTINELS = 1900  # 0001-01-01 and 1900-01-01 stand for "not set" (vendor docs: microstores)


def moment(value: object, zone: tzinfo = UTC) -> datetime | None:
    """The UTC time of a field; none for null, an empty text and the dates that mean "not set".

    0 to 9 fraction digits are read, what is finer than a microsecond is cut. A text without an offset is a time of
    `zone`, the store's own. Raises `ValueError` for anything else.
    """
    if value is None or value == "":
        return None
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no time as Spark Pay writes it")
    clock = found["clock"] or "00:00"
    fraction = (found["fraction"] or "").ljust(6, "0")[:6]
    offset = (found["zone"] or "").upper().replace("Z", "+00:00")
    parsed = datetime.fromisoformat(
        f"{found['day']}T{clock if clock.count(':') > 1 else clock + ':00'}.{fraction}{offset}"
    )
    if parsed.year <= _LAST_YEAR_OF_SENTINELS:
        return None
    try:
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{value!r} lies beyond all time") from error


def utc_text(at: datetime) -> str:
    """For filters and bodies: UTC with `Z` and milliseconds rounded down, the only form without traps.

    An offset would need an escaped plus sign, a time without one is ambiguous (vendor docs: datetimes).
    """
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
