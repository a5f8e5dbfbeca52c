"""JSON written with numbers digit for digit as they came: `Decimal`, never a float."""

import json
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

Row = dict[str, Any]
"""One JSON object of the simulated site; its shape is checked when it comes in."""


def write_json(value: object) -> bytes:
    """The body of an answer in UTF-8; a `Decimal` is written as the number it is."""
    return _text(value).encode("utf-8")


def decimals_as_text(value: object) -> object:
    """A copy that any JSON writer can take: numbers with a fraction become text."""
    match value:
        case Decimal():
            return str(value)
        case dict():
            return {name: decimals_as_text(item) for name, item in value.items()}
        case list() | tuple():
            return [decimals_as_text(item) for item in value]
        case _:
            return value


def _text(value: object) -> str:
    match value:
        case str():
            return encode_basestring(value)
        case Decimal():
            return str(value)
        case dict():
            return "{" + ",".join(f"{encode_basestring(str(name))}:{_text(item)}" for name, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_text, value)) + "]"
        case _:
            return json.dumps(value, allow_nan=False)
