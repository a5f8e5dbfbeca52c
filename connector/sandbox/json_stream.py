"""Large JSON in pieces, so that a sandbox with thousands of rows serves calls while it shows them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from starlette.responses import StreamingResponse

_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Members:
    """A JSON object whose members are worked out as they are read, and read once."""

    pairs: Iterable[tuple[str, object]]


def streamed(value: object, *, depth: int, plain: Callable[[object], object]) -> StreamingResponse:
    """Answer with a JSON value that is worked out bit by bit; other tasks run between the pieces.

    The outer `depth` levels must be mappings, Members or iterables (an iterator is read once, as it is sent), and what
    is in them must not change meanwhile. `plain` turns what JSON does not know into what it knows.
    """
    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain)
    return StreamingResponse(_pieces(_tokens(value, depth, encoder)), media_type="application/json")


async def _pieces(tokens: Iterator[str]) -> AsyncIterator[bytes]:
    held: list[str] = []
    size = 0
    for token in tokens:
        held.append(token)
        size += len(token)
        if size >= _PIECE:
            yield "".join(held).encode()
            # Sending waits only when the connection is slow; the others get their turn here.
            await asyncio.sleep(0)
            held, size = [], 0
    yield "".join(held).encode()


def _tokens(value: object, depth: int, encoder: json.JSONEncoder) -> Iterator[str]:
    if not depth:
        yield encoder.encode(value)
    elif isinstance(value, Mapping | Members):
        yield "{"
        for at, (name, item) in enumerate(value.pairs if isinstance(value, Members) else value.items()):
            yield ("," if at else "") + encoder.encode(str(name)) + ":"
            yield from _tokens(item, depth - 1, encoder)
        yield "}"
    elif isinstance(value, Iterable):
        yield "["
        for at, item in enumerate(value):
            yield "," if at else ""
            yield from _tokens(item, depth - 1, encoder)
        yield "]"
    else:
        raise TypeError(f"{value!r} has no parts to stream")
