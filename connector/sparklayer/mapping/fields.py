"""Reading SparkLayer rows whose full shape is not published: what is not as expected counts as absent."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from contracts.text import clean

Row = Mapping[str, Any]


def part(row: Row, name: str) -> Row:
    """An object within a row; empty where it is none."""
    found = row.get(name)
    return found if isinstance(found, Mapping) else {}


def rows(row: Row, name: str) -> list[Row]:
    """The objects of an array within a row."""
    found = row.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def text(value: object) -> str | None:
    """Trimmed; none where nothing is left or it is no text."""
    return clean(value) if isinstance(value, str) else None


def texts(row: Row, name: str) -> tuple[str, ...] | None:
    """The texts of an array; none where the row has no array of that name."""
    found = row.get(name)
    return tuple(one for value in found if (one := text(value)) is not None) if isinstance(found, list) else None


def number(value: object) -> Decimal | None:
    """An exact number, from a JSON number or from text."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def whole(value: object) -> int | None:
    """A number without a fraction."""
    found = number(value)
    return int(found) if found is not None and found == found.to_integral_value() else None


def amount(value: object) -> Decimal | None:
    """Of `{"number": "15.99", "currency": "gbp"}`, or of a plain number."""
    return number(value.get("number") if isinstance(value, Mapping) else value)


def flag(value: object) -> bool | None:
    """True or false; none for anything else."""
    return value if isinstance(value, bool) else None


def moment(value: object) -> datetime | None:
    """A date and time in UTC; one without an offset is taken as UTC (vendor docs: dates end in Z)."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
