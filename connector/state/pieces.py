"""Large batches in small pieces, so that whoever has one row is not held up by whoever has a thousand."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

PIECE = 40


def pieces(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items in order, a few milliseconds' work at a time."""
    return (items[start : start + PIECE] for start in range(0, len(items), PIECE))
