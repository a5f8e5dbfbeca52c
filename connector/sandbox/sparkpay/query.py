"""The query language of list requests: filters, order, shape and page (vendor docs: query syntax)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from connector.sandbox.sparkpay import moments
from connector.sandbox.sparkpay.errors import Refused
from connector.sandbox.sparkpay.resources import Resource

OPERATORS = frozenset({"eq", "not", "like", "startwith", "gt", "gte", "lt", "lte"})
DEFAULT_COUNT = 100


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `value` has the type of the field, except for like and startwith, which compare text."""

    field: str
    operator: str
    value: object


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A parsed request: `groups` are joined by OR, the conditions of a group by AND."""

    groups: tuple[tuple[Condition, ...], ...] = ((),)
    sort: tuple[tuple[str, bool], ...] = ()
    fields: tuple[str, ...] | None = None
    nested: tuple[str, ...] = ()
    page: int = 1
    count: int = DEFAULT_COUNT


def parameters(query: str) -> dict[str, str]:
    """Decode query parameters; `+` is a space. Refuses a name that occurs twice."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in found:
            raise Refused(400, f"The parameter '{name}' occurs more than once.", violation=True)
        found[name] = value
    return found


def parse_list(resource: Resource, given: Mapping[str, str], zone: ZoneInfo, max_count: int) -> ListQuery:
    """Everything that a list request may carry. Raises Refused(400) for what the resource does not know."""
    filters = {
        name: value for name, value in given.items() if name not in {"page", "count", "sort", "fields", "expand"}
    }
    shown, nested = parse_shape(resource, given)
    return ListQuery(
        groups=_groups(resource, filters, zone),
        sort=parse_sort(resource, given.get("sort", "")),
        fields=shown,
        nested=nested,
        page=_positive("page", given.get("page", "1")),
        count=min(_positive("count", given.get("count", str(DEFAULT_COUNT))), max_count),
    )


def parse_shape(resource: Resource, given: Mapping[str, str]) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """`fields` and `expand`: the plain fields to show (None = all) and the nested collections to fill."""
    expanded = names(given.get("expand", ""))
    for name in expanded:
        if name not in resource.nested:
            raise Refused(400, f"'{resource.name}' has no nested resource '{name}'.", violation=True)
    if not given.get("fields"):
        return None, expanded
    wanted = names(given["fields"])
    for name in wanted:
        if name not in resource.defaults and name not in resource.nested:
            raise Refused(400, f"'{resource.name}' has no field '{name}'.", violation=True)
    plain = tuple(name for name in wanted if name in resource.defaults)
    return plain, tuple(dict.fromkeys((*(name for name in wanted if name in resource.nested), *expanded)))


def parse_sort(resource: Resource, text: str) -> tuple[tuple[str, bool], ...]:
    """`sort`: pairs of field and whether it is descending."""
    order = tuple((name.removeprefix("-"), name.startswith("-")) for name in names(text))
    for name, _ in order:
        if name not in resource.defaults:
            raise Refused(400, f"'{resource.name}' cannot be sorted by '{name}'.", violation=True)
    return order


def only(given: Mapping[str, str], *allowed: str) -> None:
    """Refuses parameters that the read form does not have."""
    for name in given:
        if name not in allowed:
            raise Refused(400, f"The parameter '{name}' is not known here.", violation=True)


def names(text: str) -> tuple[str, ...]:
    """Return the parts of a comma list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _positive(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise Refused(400, f"'{name}' must be a positive number, not '{text}'.", violation=True)
    return int(text)


def _groups(resource: Resource, filters: Mapping[str, str], zone: ZoneInfo) -> tuple[tuple[Condition, ...], ...]:
    """AND binds tighter than OR, there are no parentheses: so the flat chain falls apart at each OR."""
    chain: list[tuple[bool, Condition]] = []
    first_says_or = False
    for position, (name, text) in enumerate(filters.items()):
        if name not in resource.defaults:
            raise Refused(400, f"'{resource.name}' has no field '{name}' to filter on.", violation=True)
        if name in resource.unfilterable:
            raise Refused(500, f"Conversion failed when filtering on '{name}'.", violation=True)
        starts_with_or = text.startswith("OR ")
        first_says_or |= starts_with_or and position == 0
        joined_by_or = starts_with_or or (position == 1 and first_says_or)
        for part, (or_before, comparison) in enumerate(_comparisons(text.removeprefix("OR "))):
            join = or_before if part else joined_by_or
            chain.append((join, _condition(resource, name, comparison, zone)))
    groups: list[list[Condition]] = [[]]
    for number, (join, condition) in enumerate(chain):
        if join and number:
            groups.append([])
        groups[-1].append(condition)
    return tuple(tuple(group) for group in groups)


def _comparisons(text: str) -> Sequence[tuple[bool, str]]:
    """Split `gt:1 AND lte:5 OR eq:9`; each part with whether OR stands before it."""
    return [
        (bool(number) and not position, comparison)
        for number, alternative in enumerate(text.split(" OR "))
        for position, comparison in enumerate(alternative.split(" AND "))
    ]


def _condition(resource: Resource, name: str, text: str, zone: ZoneInfo) -> Condition:
    operator, colon, value = text.partition(":")
    if not colon or operator not in OPERATORS:
        operator, value = "eq", text
    if operator in {"like", "startwith"}:
        return Condition(name, operator, value)
    kind = "integer" if name == resource.id_name else resource.types[name]
    return Condition(name, operator, _typed(name, kind, value, zone))


def _typed(name: str, kind: str, text: str, zone: ZoneInfo) -> object:
    """Return the value of a filter in the field's type. A time without offset is ambiguous: a violation."""
    try:
        if kind in {"integer", "number"}:
            return _finite(text)
        if kind == "boolean":
            return {"true": True, "false": False}[text.lower()]
        if kind == "date":
            return _instant(text, zone)
    except (InvalidOperation, ValueError, KeyError):
        raise Refused(400, f"'{text}' is no value for '{name}' ({kind}).", violation=True) from None
    return text


def _finite(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


def _instant(text: str, zone: ZoneInfo) -> datetime:
    if not moments.names_its_zone(text):
        raise ValueError(text)
    return moments.parse(text, zone)
