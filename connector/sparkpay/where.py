"""A choice of rows in Spark Pay's own query language, as people write it (vendor docs: query syntax).

`updated_at=gte:2026-01-01T00:00:00Z&item_name=like:rope OR like:twine`. The platform joins conditions as one flat chain
in which OR is the weaker, so a choice with OR is asked as several plain ones: the walk by id, which adds a condition of
its own, would otherwise lose rows.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_plus

from connector.errors import UserFault
from connector.sparkpay.query import BROKEN_FILTERS, Condition, Query, gte

OPERATORS = ("eq", "not", "like", "startwith", "gt", "gte", "lt", "lte")
_RESERVED = ("page", "count", "sort", "fields", "expand")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,60}")
_MOST_ALTERNATIVES = 20
_LONGEST = 1000
_LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+)?")
_TIMES = ("updated_at", "created_at", "ordered_at")


@dataclass(frozen=True, slots=True)
class Where:
    """Which rows of a resource: those that fit any of the alternatives, each of which is a list of conditions."""

    alternatives: tuple[tuple[tuple[str, Condition], ...], ...] = ((),)

    def queries(self, *fields: str) -> list[Query]:
        """One query for each alternative, with these fields."""
        return [_query(conditions).only(*fields) for conditions in self.alternatives]

    def since(self, moment: datetime) -> "Where":
        """Only what changed then or later. Rows that show no time of change are left out by the platform."""
        later = ("updated_at", gte(moment))
        return Where(tuple((*conditions, later) for conditions in self.alternatives))


def parse_where(text: str, resource: str) -> Where:
    """Raises `UserFault` that says which condition is wrong and what fits."""
    if len(text) > _LONGEST:
        raise UserFault(f"--where is longer than {_LONGEST} characters")
    named: list[tuple[str, list[list[Condition]]]] = []
    for part in filter(None, text.split("&")):
        name, equals, value = part.partition("=")
        name, value = name.strip(), unquote_plus(value).strip()
        if not equals or not _FIELD.fullmatch(name) or not value:
            raise UserFault(f"--where: {part!r} is no condition: write field=operator:value, such as price=gt:10")
        if name == "id":
            raise UserFault("--where: name ids with --id or --ids")
        if name in _RESERVED:
            raise UserFault(f"--where: {name} is not for choosing rows; a sync reads all that fit, in its own order")
        if name in BROKEN_FILTERS.get(resource, ()):
            raise UserFault(f"--where: {resource}.{name} does not work in queries: its type is wrong on the platform")
        if name in (before for before, _ in named):
            raise UserFault(f"--where: {name} stands twice; join its conditions: {name}=gte:1 AND lte:5")
        if value.startswith("OR "):
            raise UserFault(f"--where: {name}=OR ... joins fields by OR: run one sync for each of them")
        named.append((name, [[_condition(name, one) for one in each.split(" AND ")] for each in value.split(" OR ")]))
    return Where(tuple(_alternatives(named)))


def _alternatives(
    named: Sequence[tuple[str, list[list[Condition]]]],
) -> Iterable[tuple[tuple[str, Condition], ...]]:
    found = list(itertools.product(*(choices for _, choices in named)))
    if len(found) > _MOST_ALTERNATIVES:
        raise UserFault(f"--where means {len(found)} queries, more than {_MOST_ALTERNATIVES}: use fewer OR")
    names = [name for name, _ in named]
    for chosen in found:
        yield tuple((name, one) for name, joined in zip(names, chosen, strict=True) for one in joined)


def _condition(name: str, text: str) -> Condition:
    operator, colon, value = text.strip().partition(":")
    if not colon or operator not in OPERATORS:
        if colon and operator.isalpha() and not _LOCAL_TIME.match(text.strip()):
            raise UserFault(f"--where: {name}={text}: there is no operator {operator!r}; known: {', '.join(OPERATORS)}")
        operator, value = "eq", text.strip()
    value = value.strip()
    if not value:
        raise UserFault(f"--where: {name}={operator}: has no value")
    if name in _TIMES and _LOCAL_TIME.fullmatch(value):
        value = f"{value}T00:00:00Z" if len(value) == len("2026-01-01") else f"{value}Z"
    return Condition(operator, value)


def _query(conditions: Iterable[tuple[str, Condition]]) -> Query:
    by_field: dict[str, list[Condition]] = {}
    for name, condition in conditions:
        by_field.setdefault(name, []).append(condition)
    query = Query()
    for name, joined in by_field.items():
        query = query.where(name, *joined)
    return query
