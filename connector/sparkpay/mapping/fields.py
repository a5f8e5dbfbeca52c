"""Reading single fields of Spark Pay rows, whose empty forms are null, "", 0 and absence alike.

Vendor docs: money has up to four decimals, some flags are 0/1, references are 0 for "none", dates carry the store's
own offset and may be "" or the sentinel year 1900.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from connector.sparkpay.mapping.faults import MappingFault
from contracts.text import clean

_LARGEST = 10**15
_DIGITS = 15
_TRUE = frozenset({"1", "true", "yes", "y"})
_FALSE = frozenset({"", "0", "false", "no", "n"})
_NOT_SET_YEAR = 1900


def text(row: Mapping[str, Any], name: str) -> str | None:
    """Text on one line, or none. A number is read as its digits. Raises `MappingFault` for anything nested."""
    value = row.get(name)
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int | Decimal):
        return str(value)
    raise MappingFault("field_unreadable", f"{name} should be text, it is {type(value).__name__}", name)


def number(row: Mapping[str, Any], name: str) -> Decimal | None:
    """An exact number below 10^15, or none. Raises `MappingFault` for what is no number or too large."""
    value = row.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str | int | float | Decimal):
        raise MappingFault("field_unreadable", f"{name} should be a number, it is {type(value).__name__}", name)
    try:
        exact = value if isinstance(value, Decimal) else Decimal(int(value) if isinstance(value, bool) else str(value))
    except (InvalidOperation, ValueError) as error:
        raise MappingFault("field_unreadable", f"{name} is no number: {str(value)[:40]!r}", name) from error
    if not exact.is_finite() or exact.adjusted() > _DIGITS or abs(exact) >= _LARGEST:
        raise MappingFault("number_out_of_range", f"{name} is out of range: {str(value)[:40]}", name)
    return exact


def rounded(value: Decimal, places: int) -> Decimal:
    """Half up to that many decimals; what has fewer keeps its digits."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent <= places:
        return value
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def whole(row: Mapping[str, Any], name: str) -> int | None:
    """A whole number, fractions rounded down, or none."""
    value = row.get(name)
    if type(value) is int and -_LARGEST < value < _LARGEST:  # nearly always
        return value
    exact = number(row, name)
    return None if exact is None else int(exact.to_integral_value(rounding=ROUND_FLOOR))


def reference(row: Mapping[str, Any], name: str) -> int | None:
    """The id of another row; 0, "" and null mean none."""
    return whole(row, name) or None


def identity(row: Mapping[str, Any], what: str) -> int:
    """A row's own `id`. Raises `MappingFault` where it is missing."""
    found = reference(row, "id")
    if found is None:
        raise MappingFault("id_missing", f"a row of {what} has no id", what)
    return found


def flag(row: Mapping[str, Any], name: str) -> bool:
    """True for true, 1 and their text; false for false, 0, "" and null. Raises `MappingFault` for other words."""
    value = row.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise MappingFault("field_unreadable", f"{name} should be true or false, it is {value[:40]!r}", name)
    return number(row, name) != 0


def moment(row: Mapping[str, Any], name: str, zone: ZoneInfo) -> datetime | None:
    """An instant in UTC, or none; a time without an offset is the store's own. Raises `MappingFault` for no date."""
    local = _date_time(row, name, zone)
    if local is None:
        return None
    try:
        return local.astimezone(UTC)
    except OverflowError as error:
        raise MappingFault("date_unreadable", f"{name} is out of range: {row[name]!r}", name) from error


def day(row: Mapping[str, Any], name: str, zone: ZoneInfo) -> date | None:
    """A calendar day: as written where it carries the store's offset, in the store's zone where it is given in UTC."""
    local = _date_time(row, name, zone)
    if local is None:
        return None
    if local.utcoffset():
        return local.date()
    try:
        return local.astimezone(zone).date()
    except OverflowError as error:
        raise MappingFault("date_unreadable", f"{name} is out of range: {row[name]!r}", name) from error


def _date_time(row: Mapping[str, Any], name: str, zone: ZoneInfo) -> datetime | None:
    value = row.get(name)
    if value is None or value == 0 or (isinstance(value, str) and not value.strip()):
        return None
    try:
        parsed = datetime.fromisoformat(str(value).strip())
    except ValueError as error:
        raise MappingFault("date_unreadable", f"{name} is no date: {str(value)[:40]!r}", name) from error
    if parsed.year <= _NOT_SET_YEAR:
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=zone)
