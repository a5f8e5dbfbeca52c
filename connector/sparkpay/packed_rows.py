"""Rows that wait for their turn, kept small.

A page of a thousand rows is a megabyte as text and up to eight as objects, and a walk over the catalogue holds pages of
several resources. So rows are packed as soon as they were read, and unpacked a few at a time when they are used.
"""

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from connector.sparkpay.bundle import Row

_TOGETHER = 50


class _Parts:
    """The bytes; the part that was used last stays unpacked, because rows are mostly used in order."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._packed = [pickle.dumps(rows[at : at + _TOGETHER]) for at in range(0, len(rows), _TOGETHER)]
        self._at = -1
        self._open: Sequence[Row] = ()

    def row(self, number: int) -> Row:
        part, place = divmod(number, _TOGETHER)
        if part != self._at:
            self._open = pickle.loads(self._packed[part])  # noqa: S301 (made above, never left the process)
            self._at = part
        return self._open[place]


@dataclass(frozen=True, slots=True, eq=False)
class PackedRows(Sequence[Row]):
    """A sequence of rows, made with `packed`. A slice is a view of the same bytes."""

    _parts: _Parts
    _span: range

    def __len__(self) -> int:
        return len(self._span)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> "PackedRows": ...

    def __getitem__(self, index: int | slice) -> "Row | PackedRows":
        if isinstance(index, slice):
            return PackedRows(self._parts, self._span[index])
        return self._parts.row(self._span[index])

    def __iter__(self) -> Iterator[Row]:
        return map(self._parts.row, self._span)


def packed(rows: Sequence[Row]) -> PackedRows:
    """The same rows in little room; what is taken out of it are new rows, equal to these."""
    return PackedRows(_Parts(rows), range(len(rows)))
