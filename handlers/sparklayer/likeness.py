"""Whether a platform has what would be sent to it, as far as the body names it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

_MAY_HAVE_MORE = frozenset({"settings"})  # entries for customer groups that PayLayer does not serve


def difference(wanted: object, found: object, at: str = "") -> str | None:
    """The first field that is not there as wanted; none where a write would change nothing.

    Fields that the body does not name are the platform's own. Numbers are compared by value, a missing field is null.
    """
    match wanted:
        case Mapping():
            if not isinstance(found, Mapping):
                return at or "everything"
            parts = (difference(wanted[name], found.get(name), f"{at}.{name}" if at else name) for name in wanted)
            return next((part for part in parts if part is not None), None)
        case str() | bool() | None:
            alike = found == wanted or (wanted is None and found == "")
        case int() | Decimal():
            alike = _number(found) == wanted
        case Sequence():
            alike = _covers(
                wanted, found if isinstance(found, Sequence) else (), more=at.endswith(tuple(_MAY_HAVE_MORE))
            )
        case _:
            raise TypeError(f"{type(wanted).__name__} has no place in a request body")
    return None if alike else at


def plain_json(value: object) -> object:
    """A reply as any JSON writer takes it: numbers with a fraction are text, which `difference` compares by value."""
    match value:
        case Decimal():
            return str(value)
        case Mapping():
            return {str(name): plain_json(item) for name, item in value.items()}
        case list() | tuple():
            return [plain_json(item) for item in value]
        case _:
            return value


def _covers(wanted: Sequence[object], found: Sequence[object], *, more: bool) -> bool:
    """Every wanted entry is there, in whatever order, and nothing else unless there may be more."""
    left = list(found)
    for item in wanted:
        match_ = next((at for at, other in enumerate(left) if difference(item, other, "x") is None), None)
        if match_ is None:
            return False
        del left[match_]
    return more or not left


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None
