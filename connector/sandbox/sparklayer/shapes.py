"""What a request body may hold, as declarations: every field that is not declared is refused."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from connector.sandbox.sparklayer.problems import FieldError, invalid

INT32 = 2**31 - 1
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Shape(Protocol):
    """One kind of JSON value."""

    def errors(self, value: object, at: str) -> Iterator[FieldError]:
        """Everything that is wrong with the value found at a path of the body."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string of `shortest` to `longest` characters that does not start with an internal id's prefix."""

    longest: int | None = None
    shortest: int = 0
    choices: frozenset[str] = frozenset()
    not_prefix: str = ""
    nullable: bool = False

    def errors(self, value: object, at: str) -> Iterator[FieldError]:
        """See `Shape`."""
        if value is None and self.nullable:
            return
        if not isinstance(value, str):
            yield FieldError("invalid-type", at, "must be a string")
        elif len(value) < self.shortest:
            yield FieldError("too-short", at, f"must have at least {self.shortest} characters")
        elif self.longest is not None and len(value) > self.longest:
            yield FieldError("too-long", at, f"must have at most {self.longest} characters")
        elif self.choices and value not in self.choices:
            yield FieldError("invalid-value", at, f"must be one of {', '.join(sorted(self.choices))}")
        elif self.not_prefix and value.startswith(self.not_prefix):
            yield FieldError("invalid-value", at, f"must not start with {self.not_prefix}")


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number; `whole` asks for a 32-bit integer."""

    nullable: bool = False
    whole: bool = False

    def errors(self, value: object, at: str) -> Iterator[FieldError]:
        """See `Shape`."""
        if value is None and self.nullable:
            return
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            yield FieldError("invalid-type", at, "must be a number")
        elif self.whole and (not isinstance(value, int) or not -INT32 - 1 <= value <= INT32):
            yield FieldError("invalid-type", at, "must be a 32-bit integer")


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false, or null where allowed."""

    nullable: bool = False

    def errors(self, value: object, at: str) -> Iterator[FieldError]:
        """See `Shape`."""
        if not isinstance(value, bool) and not (value is None and self.nullable):
            yield FieldError("invalid-type", at, "must be a boolean")


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day `YYYY-MM-DD`, or null."""

    def errors(self, value: object, at: str) -> Iterator[FieldError]:
        """See `Shape`."""
        if value is None:
            return
        if not isinstance(value, str) or not _DAY.fullmatch(value) or not _is_day(value):
            yield FieldError("invalid-type", at, "must be a date like 2026-01-31")


@dataclass(frozen=True, slots=True)
class Many:
    """An array of one shape."""

    item: Shape
    nullable: bool = False

    def errors(self, value: object, at: str) -> Iterator[FieldError]:
        """See `Shape`."""
        if value is None and self.nullable:
            return
        if not isinstance(value, list):
            yield FieldError("invalid-type", at, "must be an array")
            return
        for index, item in enumerate(value):
            yield from self.item.errors(item, f"{at}[{index}]")


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with declared fields."""

    fields: Mapping[str, Shape]
    required: frozenset[str] = frozenset()
    nullable: bool = False

    def errors(self, value: object, at: str) -> Iterator[FieldError]:
        """See `Shape`."""
        if value is None and self.nullable:
            return
        if not isinstance(value, dict):
            yield FieldError("invalid-type", at, "must be an object")
            return
        for name in sorted(self.required - value.keys()):
            yield FieldError("required", _join(at, name), "is required")
        for name, item in value.items():
            shape = self.fields.get(name)
            if shape is None:
                yield FieldError("unknown-field", _join(at, name), "is not a field of this request")
            else:
                yield from shape.errors(item, _join(at, name))


@dataclass(frozen=True, slots=True)
class Anything:
    """Whatever JSON can say."""

    def errors(self, value: object, at: str) -> Iterator[FieldError]:  # noqa: ARG002 - nothing is wrong with anything
        """See `Shape`."""
        yield from ()


def demand(shape: Shape, body: object) -> None:
    """Raise the 400 that names every field of the body that is not as declared."""
    found = list(shape.errors(body, ""))
    if found:
        raise invalid(found)


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
