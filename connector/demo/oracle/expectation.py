"""An expected value: what it is in words, and whether a found value is one that the rules allow."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_CLOSE = Decimal("0.0001")
_PLACES = 4


@dataclass(frozen=True, slots=True)
class Expected:
    """`text` is for people; `allows` decides."""

    text: str
    allows: Callable[[object], bool]


def exactly(*values: object) -> Expected:
    """One of these values; numbers are equal by value, whatever their form (`12`, `"12.00"`)."""
    return Expected(
        " or ".join(shown(value) for value in values), lambda found: any(same(found, one) for one in values)
    )


def near(value: Decimal, tolerance: Decimal) -> Expected:
    """A number that may have been rounded."""

    def allows(found: object) -> bool:
        held = as_number(found)
        return held is not None and abs(held - value) <= tolerance

    return Expected(shown(value), allows)


def beginning_of(text: str, longest: int) -> Expected:
    """The text, or where it is too long nearly all of what fits: how far a cut keeps characters whole is left open."""
    if len(text) <= longest:
        return exactly(text)
    shortest = longest * 3 // 4

    def allows(found: object) -> bool:
        return isinstance(found, str) and shortest <= len(found) <= longest and text.startswith(found)

    return Expected(f"{text[:longest]} (cut)", allows)


def same(found: object, expected: object) -> bool:
    """Equal, with numbers compared by value."""
    if isinstance(expected, tuple) and isinstance(found, tuple):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, Decimal | int) and not isinstance(expected, bool):
        return as_number(found) == expected
    return found == expected


def same_price(found: Decimal, exact: Decimal) -> bool:
    """Equal to 4 decimals. How a price with more of them is rounded is not laid down: up and down are both right."""
    exponent = exact.normalize().as_tuple().exponent
    fits = isinstance(exponent, int) and -exponent <= _PLACES
    return found == exact if fits else abs(found - exact) < _CLOSE


def as_number(value: object) -> Decimal | None:
    """A number or its text as Decimal, else None."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


def shown(value: object) -> str:
    """A value for people."""
    match value:
        case None:
            return "none"
        case Decimal():
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case tuple():
            return ", ".join(shown(item) for item in value) if value else "none"
        case _:
            return str(value)
