"""The query language of list requests (vendor docs: query syntax, common usage)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote

from connector.sparkpay.dates import utc_text

Value = str | int | Decimal | bool | datetime

_RAW = ",:._-~"
_OR = " OR "
BROKEN_FILTERS = {  # their database type is wrong (vendor docs: known issues)
    "products": frozenset({"length", "height", "width"}),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; the operator is always written, so that a value such as `like:x` stays a value."""

    operator: str
    value: Value
    joined: bool = False  # the value is a chain of comparisons

    def __str__(self) -> str:
        return f"{self.operator}:{self.value if self.joined else _text(self.value)}"


def eq(value: Value) -> Condition:
    """Equal."""
    return Condition("eq", value)


def gt(value: Value) -> Condition:
    """Greater, or later."""
    return Condition("gt", value)


def gte(value: Value) -> Condition:
    """Not smaller, or not earlier."""
    return Condition("gte", value)


def lte(value: Value) -> Condition:
    """Not greater, or not later."""
    return Condition("lte", value)


def any_of(values: Iterable[Value]) -> Condition:
    """Equal to one of them; a question with it can have no other condition, because AND binds tighter than OR.

    Raises `ValueError` for none at all, and for a value that cannot be asked for.
    """
    first, *rest = values
    return Condition("eq", _OR.join([_text(first), *(f"eq:{_text(value)}" for value in rest)]), joined=True)


def spanning(values: Iterable[int]) -> tuple[Condition, ...]:
    """From the smallest to the largest: may stand beside other conditions, and what lies between comes too."""
    numbers = sorted(values)
    return (eq(numbers[0]),) if len(numbers) == 1 else (gte(numbers[0]), lte(numbers[-1]))


@dataclass(frozen=True, slots=True)
class Query:
    """What a list request asks for; unchangeable, each method gives another one."""

    filters: tuple[tuple[str, tuple[Condition, ...]], ...] = ()
    sort: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()
    count: int | None = None

    def where(self, field: str, *conditions: Condition) -> "Query":
        """With conditions on a field, all of which must hold; they replace earlier ones on that field."""
        kept = tuple(item for item in self.filters if item[0] != field)
        return replace(self, filters=(*kept, (field, conditions)))

    def sorted_by(self, *fields: str) -> "Query":
        """In this order; a leading `-` means descending."""
        return replace(self, sort=fields)

    def only(self, *fields: str) -> "Query":
        """With these fields alone; naming a nested collection fills it."""
        return replace(self, fields=fields)

    def expanded(self, *nested: str) -> "Query":
        """With these nested collections filled."""
        return replace(self, expand=nested)

    def at_most(self, count: int) -> "Query":
        """So many rows; without it the client's page size."""
        return replace(self, count=count)


def encode(resource: str, query: Query, count: int) -> str:
    """The query string: every value escaped, so that a plus sign stays one.

    Raises `ValueError` for what cannot be asked, such as alternatives beside another condition.
    """
    parts: list[tuple[str, str]] = []
    asked = [condition for _, conditions in query.filters for condition in conditions]
    if len(asked) > 1 and any(condition.joined and _OR in str(condition.value) for condition in asked):
        raise ValueError(f"{resource}: AND binds tighter than OR, so an alternative stands alone (vendor docs)")
    for field, conditions in query.filters:
        if field in BROKEN_FILTERS.get(resource, ()):
            raise ValueError(f"{resource}.{field} does not work in filters: its database type is wrong (vendor docs)")
        parts.append((field, " AND ".join(str(condition) for condition in conditions)))
    if query.sort:
        parts.append(("sort", ",".join(query.sort)))
    parts += shape(query.fields, query.expand)
    parts.append(("count", str(count)))
    return encode_parameters(parts)


def shape(fields: Iterable[str], expand: Iterable[str]) -> list[tuple[str, str]]:
    """The parameters `fields` and `expand`, where there is anything to say."""
    named = (("fields", ",".join(fields)), ("expand", ",".join(expand)))
    return [(name, text) for name, text in named if text]


def encode_parameters(parameters: Iterable[tuple[str, str]]) -> str:
    """`a=1&b=x%20y`; commas and colons stay raw, which keeps long id lists short."""
    return "&".join(f"{quote(name, safe='')}={quote(text, safe=_RAW)}" for name, text in parameters)


def _text(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return utc_text(value)
        case Decimal():
            return f"{value:f}"
        case str() if " AND " in value or " OR " in value:
            raise ValueError(f"{value!r} cannot be asked for: AND and OR inside a value join conditions on Spark Pay")
        case _:
            return str(value)
