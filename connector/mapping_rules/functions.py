"""What expressions can call: text, numbers and conditions, nothing that loops or reaches outside."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException, DivisionByZero, InvalidOperation, Overflow

from contracts.values import plain

Value = str | Decimal | bool | None
LONGEST_TEXT = 10_000
_LARGEST = 30  # digits before the point
_MOST_PLACES = 10
EXACT = Context(prec=40, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow])


class NoValue(ValueError):
    """An expression that has no value for this entity; the text says why."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function, how many values it takes, and how it is written."""

    work: Callable[..., Value]
    least: int
    most: int
    usage: str


def is_blank(value: Value) -> bool:
    """Nothing, or text without a letter."""
    return value is None or (isinstance(value, str) and not value.strip())


def text(value: Value) -> str:
    """As text: blank is empty, numbers are as short as possible."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain(value)
        case str():
            return value


def short(value: str) -> str:
    """Raises `NoValue` for text that no field could hold."""
    if len(value) > LONGEST_TEXT:
        raise NoValue(f"the text grows over {LONGEST_TEXT} characters")
    return value


def number(value: Value) -> Decimal | None:
    """As a number: text may be one, blank is none. Raises `NoValue`."""
    if isinstance(value, bool):
        raise NoValue("true and false are no numbers")
    if isinstance(value, Decimal) or value is None:
        return value
    stripped = value.strip()
    if not stripped:
        return None
    if not stripped.isascii() or not stripped.lstrip("-").replace(".", "", 1).isdigit():
        raise NoValue(f"{value[:50]!r} is no number")
    try:
        return sane(Decimal(stripped))
    except DecimalException as error:
        raise NoValue(f"{value[:50]!r} is no number") from error


def sane(value: Decimal) -> Decimal:
    """Raises `NoValue` for a number that no field could hold."""
    if not value.is_finite() or (value and value.adjusted() > _LARGEST):
        raise NoValue("the number grows too large")
    return value


def truth(value: Value) -> bool:
    """Whether a condition holds; anything that is not blank counts as true."""
    return value if isinstance(value, bool) else not is_blank(value)


def same(one: Value, other: Value) -> bool:
    """Equal as numbers where both are, else as text; blank equals blank."""
    if isinstance(one, Decimal) or isinstance(other, Decimal):
        try:
            return number(one) == number(other)
        except NoValue:
            return False
    return text(one) == text(other)


def _rounded(value: Value, places: Value = None) -> Value:
    exact, digits = number(value), number(places)
    if exact is None:
        return None
    digits = Decimal(0) if digits is None else digits
    if digits != digits.to_integral_value() or not 0 <= digits <= _MOST_PLACES:
        raise NoValue(f"round takes 0 to {_MOST_PLACES} places")
    return exact.quantize(Decimal(1).scaleb(-int(digits)), context=EXACT)


def _cut(value: Value, length: Value) -> Value:
    most = number(length)
    if most is None or most != most.to_integral_value() or most < 0:
        raise NoValue("cut takes a whole number of characters")
    return text(value)[: min(int(most), LONGEST_TEXT)]


def _mapped(value: Value, *pairs: Value) -> Value:
    """A value by another; an odd last one stands for all that is not named, otherwise it stays what it is."""
    for known, becomes in zip(pairs[::2], pairs[1::2], strict=False):
        if same(value, known):
            return becomes
    return pairs[-1] if len(pairs) % 2 else value


def _first(*values: Value) -> Value:
    return next((value for value in values if not is_blank(value)), None)


FUNCTIONS: dict[str, Function] = {
    "upper": Function(lambda value: short(text(value).upper()), 1, 1, "upper(text)"),
    "lower": Function(lambda value: short(text(value).lower()), 1, 1, "lower(text)"),
    "strip": Function(lambda value: text(value).strip(), 1, 1, "strip(text)"),
    "cut": Function(_cut, 2, 2, "cut(text, characters)"),
    "replace": Function(
        lambda value, old, new: short(text(value).replace(text(old), text(new)) if text(old) else text(value)),
        3, 3, "replace(text, what, by)",
    ),
    "concat": Function(lambda *parts: short("".join(map(text, parts))), 1, 50, "concat(text, ...)"),
    "text": Function(text, 1, 1, "text(value)"),
    "number": Function(number, 1, 1, "number(text)"),
    "round": Function(_rounded, 1, 2, "round(number, places)"),
    "map": Function(_mapped, 3, 401, 'map(value, "A", "1", "B", "2", otherwise)'),
    "first": Function(_first, 1, 50, "first(value, ...)"),
    "blank": Function(is_blank, 1, 1, "blank(value)"),
    "contains": Function(lambda value, part: text(part) in text(value), 2, 2, "contains(text, part)"),
    "starts": Function(lambda value, part: text(value).startswith(text(part)), 2, 2, "starts(text, part)"),
    "if": Function(lambda *_: None, 3, 3, "if(condition, value, otherwise)"),
}  # fmt: skip
"""`if` is evaluated by the parser's node, because only one of its branches counts."""
