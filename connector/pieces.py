"""Large batches in small pieces, so that whoever has one row is not held up by whoever has a thousand."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

PIECE = 15


def pieces(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items in order, a few milliseconds' work at a time."""
    return (items[start : start + PIECE] for start in range(0, len(items), PIECE))


async def in_pieces(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items one by one, with everybody else's turn after each piece."""
    for number, item in enumerate(items, 1):
        yield item
        if number % PIECE == 0:
            await asyncio.sleep(0)
