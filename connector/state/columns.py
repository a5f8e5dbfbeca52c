"""How values are stored so that SQLite and PostgreSQL keep exactly the same: integers for times, text for JSON."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Microseconds since the epoch, exact. Raises `ValueError` for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return (moment - EPOCH) // _MICROSECOND


def moment_of(value: int) -> datetime:
    """The aware UTC datetime of so many microseconds."""
    return EPOCH + timedelta(microseconds=value)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as microseconds since the epoch: exact, comparable, free of drivers' time zones."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:  # noqa: ARG002
        """To microseconds."""
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """From microseconds."""
        return None if value is None else moment_of(value)


class Json(TypeDecorator[Any]):
    """A JSON value as text with sorted keys, so that equal values are equal text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:  # noqa: ANN401, ARG002
        """To text; None stays SQL's null."""
        return None if value is None else json_text(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401, ARG002
        """From text."""
        return None if value is None else json.loads(value)


def json_text(value: object) -> str:
    """The text that `Json` stores."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def headers_text(headers: Sequence[tuple[str, bytes | None]]) -> str:
    """Record headers as JSON: their order, repeats, nulls and bytes survive."""
    return _headers_text(tuple(headers)) if headers else "[]"


@lru_cache(maxsize=64)  # most records of a topic carry the same
def _headers_text(headers: tuple[tuple[str, bytes | None], ...]) -> str:
    return json.dumps(
        [[name, None if value is None else base64.b64encode(value).decode("ascii")] for name, value in headers]
    )


def headers_of(text: str) -> tuple[tuple[str, bytes | None], ...]:
    """The headers that `headers_text` wrote."""
    if text == "[]":
        return ()
    return tuple((name, None if value is None else base64.b64decode(value)) for name, value in json.loads(text))
