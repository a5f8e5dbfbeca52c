"""Rows to JSON text, with exact digits: money never passes through a float."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from connector.sandbox.sparkpay.moments import local_text

_LAYOUTS_KEPT = 256
_quote = json.encoder.encode_basestring


class Raw(str):
    """Text that is JSON already."""

    __slots__ = ()


def encode(value: object, zone: ZoneInfo) -> str:  # noqa: C901, PLR0911 - one line per JSON type
    """One value as JSON text; datetimes become store-local text. Raises TypeError for a float: money is Decimal."""
    match value:
        case None:
            return "null"
        case True:
            return "true"
        case False:
            return "false"
        case Raw():
            return value
        case str():
            return _quote(value)
        case int():
            return str(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            return f'"{local_text(value, zone)}"'
        case Mapping():
            return "{" + ",".join(f"{_quote(str(key))}:{encode(item, zone)}" for key, item in value.items()) + "}"
        case Iterable():
            return "[" + ",".join(encode(item, zone) for item in value) + "]"
        case _:
            raise TypeError(f"{value!r} has no exact form in JSON")


class RowWriter:
    """Writes the rows of one resource fast.

    A row holds only what differs from the defaults, so the text of an untouched row is prepared once and a row merely
    replaces its own fields in it.
    """

    def __init__(self, defaults: Mapping[str, object], zone: ZoneInfo) -> None:
        self._zone = zone
        self._defaults = defaults
        self._layouts: dict[tuple[str, ...] | None, tuple[list[str], dict[str, int]]] = {}

    def write(
        self,
        row: Mapping[str, object],
        fields: tuple[str, ...] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> Raw:
        """Return the row as a JSON object: all fields, or the named ones; `extra` overrides and adds."""
        base, places = self._layout(fields)
        parts = base.copy()
        zone = self._zone
        for name, value in row.items():
            place = places.get(name)
            if place is not None:
                parts[place] = f'"{name}":{encode(value, zone)}'
        for name, value in (extra or {}).items():
            text = f'"{name}":{encode(value, zone)}'
            place = places.get(name)
            if place is None:
                parts.append(text)
            else:
                parts[place] = text
        return Raw("{" + ",".join(parts) + "}")

    def _layout(self, fields: tuple[str, ...] | None) -> tuple[list[str], dict[str, int]]:
        if (layout := self._layouts.get(fields)) is None:
            names = tuple(self._defaults) if fields is None else tuple(dict.fromkeys(fields))
            base = [f'"{name}":{encode(self._defaults[name], self._zone)}' for name in names]
            layout = (base, {name: place for place, name in enumerate(names)})
            if len(self._layouts) < _LAYOUTS_KEPT:
                self._layouts[fields] = layout
        return layout
