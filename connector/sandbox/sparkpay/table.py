"""Rows of one resource with their sorted views.

A view is made when a field is first filtered or sorted by and kept in order from then on, so that reading by key or by
time costs a binary search and a slice, however many rows there are.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
Entry = tuple[int, Any, int]
_NO_DEFAULT = object()


def sort_key(value: object) -> tuple[int, Any]:
    """Orders as SQL Server does: nulls first, text without regard to case.

    Text ranks before other values, because a date may be "" beside real dates.
    """
    if value is None:
        return (0, 0)
    if isinstance(value, str):
        return (1, value.casefold())
    if isinstance(value, int | Decimal | datetime):
        return (2, value)
    return (1, str(value))


def same_as_default(value: object, default: object) -> bool:
    """Whether the value need not be kept. A Decimal is always kept: `0` and `0.0000` are different texts."""
    return type(value) is type(default) and value == default and not isinstance(value, Decimal)


class SortedView:
    """All (value, id) pairs of one field in order."""

    def __init__(self, pairs: Iterable[tuple[object, int]]) -> None:
        self.entries: list[Entry] = sorted((*sort_key(value), row_id) for value, row_id in pairs)

    def add(self, value: object, row_id: int) -> None:
        """Put an entry into its place."""
        insort(self.entries, (*sort_key(value), row_id))

    def discard(self, value: object, row_id: int) -> None:
        """Take an entry out."""
        entry = (*sort_key(value), row_id)
        place = bisect_left(self.entries, entry)
        if place < len(self.entries) and self.entries[place] == entry:
            del self.entries[place]

    def before(self, value: object) -> int:
        """Where the first entry of this value or a later one stands; nulls are before every value."""
        return bisect_left(self.entries, sort_key(value))

    def after(self, value: object) -> int:
        """Where the first entry of a later value stands."""
        return bisect_right(self.entries, (*sort_key(value), math.inf))

    def first_like(self, value: object) -> int:
        """Where the entries begin that can be compared with the value: no nulls, no "" among dates."""
        return bisect_left(self.entries, (sort_key(value)[0],))

    def before_id(self, value: object, row_id: object) -> int:
        """Where the entry of this value with this id or a later one stands."""
        return bisect_left(self.entries, (*sort_key(value), row_id))

    def after_id(self, value: object, row_id: object) -> int:
        """Where the entry of this value with a later id stands."""
        return bisect_right(self.entries, (*sort_key(value), row_id))


class Table:
    """The rows of one resource by id. A row holds only the values that differ from the resource's defaults."""

    def __init__(self, defaults: Mapping[str, object]) -> None:
        self.defaults = defaults
        self.removed: set[int] = set()
        self._rows: dict[int, Row] = {}
        self._views: dict[str, SortedView] = {}
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, row_id: object) -> bool:
        return row_id in self._rows

    def __iter__(self) -> Iterator[Row]:
        """Return the rows by id."""
        return (self._rows[row_id] for row_id in sorted(self._rows))

    def row(self, row_id: int) -> Row | None:
        """Find the row itself, as it is kept; None when there is none."""
        return self._rows.get(row_id)

    def value(self, row: Row, field: str) -> Any:  # noqa: ANN401 - a field may hold anything
        """Tell the value of a field, its default where the row keeps none."""
        return row[field] if field in row else self.defaults[field]

    def next_id(self) -> int:
        """Tell the id that the next new row gets."""
        return self._last_id + 1

    def add(self, row: Row) -> None:
        """Add a row that has an id."""
        row_id: int = row["id"]
        self._rows[row_id] = row
        self.removed.discard(row_id)
        self._last_id = max(self._last_id, row_id)
        for field, view in self._views.items():
            view.add(self.value(row, field), row_id)

    def change(self, row_id: int, values: Mapping[str, object]) -> Row:
        """Set the values and returns the row; views follow. Raises KeyError."""
        row = self._rows[row_id]
        for field, value in values.items():
            view = self._views.get(field)
            if view is not None:
                view.discard(self.value(row, field), row_id)
                view.add(value, row_id)
            if same_as_default(value, self.defaults.get(field, _NO_DEFAULT)):
                row.pop(field, None)
            else:
                row[field] = value
        return row

    def remove(self, row_id: int) -> None:
        """Take a row out and remember that it was there. Raises KeyError."""
        row = self._rows.pop(row_id)
        self.removed.add(row_id)
        for field, view in self._views.items():
            view.discard(self.value(row, field), row_id)

    def view(self, field: str) -> SortedView:
        """Give the sorted view of a field; made at the first use."""
        if (view := self._views.get(field)) is None:
            default = self.defaults[field]
            view = SortedView((row.get(field, default), row_id) for row_id, row in self._rows.items())
            self._views[field] = view
        return view

    def equal(self, field: str, value: object) -> list[Row]:
        """Return the rows whose field has the value, by id."""
        view = self.view(field)
        return [self._rows[entry[2]] for entry in view.entries[view.before(value) : view.after(value)]]

    def at(self, entries: Iterable[Entry]) -> list[Row]:
        """Give the rows that entries of a view stand for."""
        return [self._rows[entry[2]] for entry in entries]
