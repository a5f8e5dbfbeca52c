"""What an answer of Spark Pay says, read without trusting it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]

_LONGEST_NUMBER = 18
_LONGEST_SHOWN = 100


class UnreadableAnswer(ValueError):
    """The body is no JSON: HTML from a proxy, or cut off."""


class StrangeAnswer(ValueError):
    """The body is JSON of a shape that nobody can read."""


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one list answer.

    `total` counts all matches of the query and is none where the answer does not say; `started` is when the request
    left, by the server's clock; `order` grows with every request that the client starts.
    """

    rows: Sequence[Row]
    total: int | None
    has_next: bool
    started: datetime
    order: int

    @property
    def complete(self) -> bool:
        """Whether nothing that matched is missing; fewer rows than asked for prove nothing, pages may be capped."""
        if not self.rows:
            return True
        return len(self.rows) >= self.total if self.total is not None else not self.has_next


def parse(body: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    """JSON with exact numbers: decimals never pass through a float. Raises `UnreadableAnswer`."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswer("the body is no JSON") from error


def rows_of(body: object) -> tuple[list[Row], int | None, bool]:
    """Rows, total and whether there is another page. Raises `StrangeAnswer`.

    The array's name differs from the resource's name for several resources, so the one array counts, whatever it is
    called. No array is an empty list where `total_count` is 0.
    """
    if not isinstance(body, dict):
        raise StrangeAnswer(f"a list was asked for and a JSON {type(body).__name__} came")
    total = _number(body.get("total_count"))
    arrays = [name for name, value in body.items() if isinstance(value, list)]
    if len(arrays) > 1:
        raise StrangeAnswer(f"a list with several arrays: {shown(sorted(arrays))}")
    if not arrays:
        if total == 0:
            return [], 0, False
        raise StrangeAnswer(f"a list without an array, total_count {shown(body.get('total_count'))}")
    rows = body[arrays[0]]
    if not all(isinstance(row, dict) for row in rows):
        raise StrangeAnswer(f"the array {shown(arrays[0])} holds something else than objects")
    return rows, total, bool(body.get("next_page"))


def row_of(body: object) -> Row:
    """One object. Raises `StrangeAnswer`."""
    if not isinstance(body, dict):
        raise StrangeAnswer(f"one object was asked for and a JSON {type(body).__name__} came")
    return body


def shown(value: object) -> str:
    """A value as a message may show it: its beginning."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def call_limit(header: str | None) -> tuple[int | None, int | None]:
    """Used and allowed calls of `X-AC-Call-Limit: 12/50`; none for each that cannot be read."""
    used, _, allowed = (header or "").partition("/")
    return _number(used.strip()), _number(allowed.strip())


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) <= _LONGEST_NUMBER else None


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no JSON number")
