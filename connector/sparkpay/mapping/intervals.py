"""Values over time: from one boundary to the next, equal neighbours joined."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span(Generic[T]):
    """A value from a moment (none = ever since) up to, not including, another (none = for good)."""

    start: datetime | None
    end: datetime | None
    value: T


def edges(moments: Iterable[datetime | None]) -> list[tuple[datetime | None, datetime | None]]:
    """All of time, cut at each of the moments."""
    cuts = sorted({moment for moment in moments if moment is not None})
    return list(zip([None, *cuts], [*cuts, None], strict=True))


def joined(spans: Iterable[Span[T]]) -> list[Span[T]]:
    """The same values over the same time, with as few spans as possible; spans come in the order of time."""
    result: list[Span[T]] = []
    for span in spans:
        last = result[-1] if result else None
        if last is not None and last.value == span.value and last.end == span.start:
            result[-1] = Span(last.start, span.end, span.value)
        else:
            result.append(span)
    return result
