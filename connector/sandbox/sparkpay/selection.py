"""Finds the rows of a list query: one sorted view narrows them down, the rest is compared row by row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne
from zoneinfo import ZoneInfo

from connector.sandbox.sparkpay.moments import local_text
from connector.sandbox.sparkpay.query import Condition, ListQuery
from connector.sandbox.sparkpay.table import Row, SortedView, Table, sort_key

_COMPARISONS = {"eq": eq, "not": ne, "gt": gt, "gte": ge, "lt": lt, "lte": le}
_RANGED = frozenset(_COMPARISONS) - {"not"}


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page and how many rows match in all."""

    rows: list[Row]
    total: int


def select(table: Table, query: ListQuery, zone: ZoneInfo) -> Page:
    """Return the page that the query asks for."""
    start = (query.page - 1) * query.count
    stop = start + query.count
    if len(query.groups) > 1:
        kept = [row for row in table if any(_matches(table, row, group, zone) for group in query.groups)]
        return Page(ordered(table, kept, query.sort)[start:stop], len(kept))

    conditions = query.groups[0]
    field, (low, high) = _narrowest(table, conditions, query.sort)
    rest = [c for c in conditions if c.field != field or c.operator not in _RANGED]
    single_value = any(c.field == field and c.operator == "eq" for c in conditions)
    if single_value and field != "id" and low < high:
        low, high = _narrow_by_id(table.view(field), low, high, rest)
        rest = [c for c in rest if c.field != "id" or c.operator not in _RANGED]
    entries = table.view(field).entries
    direction = _direction(field, query.sort, single_value=single_value)
    if not rest and direction is not None:
        if direction:
            chosen = entries[max(low, high - stop) : max(low, high - start)][::-1]
        else:
            chosen = entries[low + start : min(high, low + stop)]
        return Page(table.at(chosen), high - low)
    kept = [row for row in table.at(entries[low:high]) if _matches(table, row, rest, zone)]
    return Page(ordered(table, kept, query.sort)[start:stop], len(kept))


def ordered(table: Table, rows: list[Row], sort: Sequence[tuple[str, bool]]) -> list[Row]:
    """Return the rows in the asked order; without one, and among equals, by id."""
    rows = sorted(rows, key=lambda row: row["id"])
    for field, descending in reversed(sort):
        rows.sort(key=lambda row: sort_key(table.value(row, field)), reverse=descending)
    return rows


def _narrowest(
    table: Table, conditions: Sequence[Condition], sort: Sequence[tuple[str, bool]]
) -> tuple[str, tuple[int, int]]:
    """Return the field whose view leaves the fewest rows; among equals the one that gives the order as well."""
    preferred = sort[0][0] if sort else "id"
    candidates = {c.field for c in conditions if c.operator in _RANGED} | {preferred}
    spans = {field: _span(table, field, conditions) for field in candidates}
    return min(spans.items(), key=lambda item: (item[1][1] - item[1][0], item[0] != preferred))


def _span(table: Table, field: str, conditions: Sequence[Condition]) -> tuple[int, int]:
    view = table.view(field)
    ranged = [c for c in conditions if c.field == field and c.operator in _RANGED]
    low, high = 0, len(view.entries)
    for condition in ranged:
        low = max(low, view.first_like(condition.value))
        match condition.operator:
            case "eq":
                low, high = max(low, view.before(condition.value)), min(high, view.after(condition.value))
            case "gt":
                low = max(low, view.after(condition.value))
            case "gte":
                low = max(low, view.before(condition.value))
            case "lt":
                high = min(high, view.before(condition.value))
            case _:
                high = min(high, view.after(condition.value))
    return low, max(low, high)


def _narrow_by_id(view: SortedView, low: int, high: int, rest: Sequence[Condition]) -> tuple[int, int]:
    """Apply conditions on id within the entries of one value, which are in the order of their ids.

    A mass update leaves thousands of rows with one timestamp; walking them by id must not cost more with every page.
    """
    rank, value, _ = view.entries[low]
    key = None if rank == 0 else value
    for condition in (c for c in rest if c.field == "id" and c.operator in _RANGED):
        if condition.operator in {"eq", "gte"}:
            low = max(low, view.before_id(key, condition.value))
        if condition.operator in {"eq", "lte"}:
            high = min(high, view.after_id(key, condition.value))
        if condition.operator == "gt":
            low = max(low, view.after_id(key, condition.value))
        if condition.operator == "lt":
            high = min(high, view.before_id(key, condition.value))
    return low, max(low, high)


def _direction(field: str, sort: Sequence[tuple[str, bool]], *, single_value: bool) -> bool | None:
    """Whether the view's own order answers the sort: False = as it is, True = backwards, None = no."""
    wanted = list(sort) or [("id", False)]
    if wanted[0][0] == field:
        descending = wanted[0][1]
        return descending if field == "id" or wanted[1:] in ([], [("id", descending)]) else None
    # Entries of one value are ordered by id.
    return wanted[0][1] if single_value and wanted[0][0] == "id" else None


def _matches(table: Table, row: Row, conditions: Sequence[Condition], zone: ZoneInfo) -> bool:
    return all(_holds(table.value(row, condition.field), condition, zone) for condition in conditions)


def _holds(value: object, condition: Condition, zone: ZoneInfo) -> bool:
    """Compare as SQL does: null matches nothing, text is compared without regard to case."""
    if value is None:
        return False
    wanted, operator = condition.value, condition.operator
    if operator in {"like", "startwith"}:
        pattern = _wildcards(str(wanted))
        text = _text(value, zone)
        return (pattern.search(text) if operator == "like" else pattern.match(text)) is not None
    (rank, mine), (wanted_rank, other) = sort_key(value), sort_key(wanted)
    if rank != wanted_rank:
        # "" in a date equals and precedes nothing.
        return operator == "not"
    holds: bool = _COMPARISONS[operator](mine, other)
    return holds


def _text(value: object, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return local_text(value, zone)
    return format(value, "f") if isinstance(value, Decimal) else str(value)


@lru_cache(maxsize=256)
def _wildcards(text: str) -> re.Pattern[str]:
    """`%`, `_` and `[...]` act as in a SQL LIKE pattern."""
    pattern = ""
    for part in re.findall(r"\[[^\]]+\]|.", text, re.DOTALL):
        match part:
            case "%":
                pattern += ".*"
            case "_":
                pattern += "."
            case _ if len(part) > 1:
                pattern += "[" + part[1:-1].replace("\\", r"\\") + "]"
            case _:
                pattern += re.escape(part)
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)
