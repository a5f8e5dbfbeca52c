"""Field names and types per resource, from the vendor's OpenAPI file (fields.json), and the check of bodies.

fields.json holds the read model of each resource and how the bodies of POST and PUT differ from it. What the vendor's
documents say against that file is added by the declarations in resources.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, cast
from zoneinfo import ZoneInfo

from connector.sandbox.sparkpay import moments

Types = Mapping[str, str]
MONEY_DECIMALS = 4
MONEY_STEP = Decimal(1).scaleb(-MONEY_DECIMALS)
DATE_FIELDS = frozenset(
    {
        "created_at",
        "updated_at",
        "start_date",
        "end_date",
        "eta_date",
        "ordered_at",
        "order_status_last_changed_at",
        "expires_at",
        "due_date",
        "paid_at",
        "approved_at",
        "shipped_at",
        "delivery_date",
        "registered_at",
        "last_visit_at",
    }
)
_EMPTY: Mapping[str, object] = MappingProxyType(
    {"string": "", "integer": 0, "number": 0, "boolean": False, "date": None, "array": ()}
)


@dataclass(frozen=True, slots=True)
class BodyTypes:
    """What one kind of body may and must hold."""

    types: Types
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FieldTypes:
    """The three models of one resource; `create` or `update` is None where the resource cannot be written so."""

    read: Types
    create: BodyTypes | None
    update: BodyTypes | None


@cache
def _file() -> dict[str, dict[str, dict[str, object]]]:
    text = files("connector.sandbox.sparkpay").joinpath("fields.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, dict[str, object]]] = json.loads(text)
    return loaded


def _dated(types: Mapping[str, str]) -> dict[str, str]:
    return {name: "date" if name in DATE_FIELDS else kind for name, kind in types.items()}


def load(resource: str) -> FieldTypes:
    """Return the models of a resource as fields.json has them; date texts get the type `date`. Raises KeyError."""
    entry = _file()[resource]
    read = {name: str(kind) for name, kind in entry["fields"].items()}

    def body(name: str) -> BodyTypes | None:
        if (difference := entry.get(name)) is None:
            return None
        absent, types, required = (cast("Any", difference.get(part, ())) for part in ("absent", "types", "required"))
        kept = {field: kind for field, kind in read.items() if field not in absent}
        return BodyTypes(_dated(kept | dict(types or {})), frozenset(required))

    # Nested collections are no fields of the row: products.variants in the file's read model is one.
    plain = {name: kind for name, kind in read.items() if kind not in {"array", "object"}}
    return FieldTypes(_dated(plain), body("create"), body("update"))


def empty_value(kind: str) -> object:
    """Return the empty form of a type as the platform shows it: "", 0, false; null only for dates."""
    return _EMPTY[kind]


def type_problem(kind: str, value: object, zone: ZoneInfo) -> str | None:
    """Why a value of a body does not fit its type, or None when it does. Null is judged elsewhere."""
    match kind:
        case "integer":
            fits = isinstance(value, int) and not isinstance(value, bool)
        case "number":
            fits = isinstance(value, int | Decimal) and not isinstance(value, bool)
        case "boolean":
            fits = isinstance(value, bool)
        case "array":
            fits = isinstance(value, list)
        case "date":
            fits = isinstance(value, str) and (value == "" or _is_date(value, zone))
        case _:
            fits = isinstance(value, str)
    return None if fits else f"must be {kind}, got {json.dumps(value, default=str)[:60]}"


def _is_date(text: str, zone: ZoneInfo) -> bool:
    try:
        moments.parse(text, zone)
    except ValueError:
        return False
    return True


def stored_value(kind: str, value: object, zone: ZoneInfo) -> object:
    """Return a value in the form in which rows hold it.

    Numbers become int or Decimal with at most 4 decimals (SQL Server `money`), dates aware UTC datetimes ("" stays).
    Raises TypeError for a float (it has lost digits already) and for a type that the field cannot hold.
    """
    if value is None or (value == "" and kind == "date"):
        return value
    if isinstance(value, float):
        raise TypeError("a float is not exact: give a Decimal, an int or a text")
    if kind == "number" and isinstance(value, str):
        try:
            value = Decimal(value)
        except InvalidOperation as exc:
            raise TypeError(f"must be number, got {value!r:.60}") from exc
    if kind == "date":
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise TypeError("a datetime needs a time zone")
            return value.astimezone(UTC)
        return moments.parse(str(value), zone)
    if (problem := type_problem(kind, value, zone)) is not None:
        raise TypeError(problem)
    if isinstance(value, Decimal) and -value.as_tuple().exponent > MONEY_DECIMALS:  # type: ignore[operator]
        return value.quantize(MONEY_STEP)
    return value
