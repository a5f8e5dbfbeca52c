"""JSON to and from SparkLayer: amounts are `Decimal` and keep their digits, a float never gets in or out."""

import json
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

Row = dict[str, Any]
"""One JSON object of a reply."""


_CONSTANTS = {None: "null", True: "true", False: "false"}


def encode(value: object) -> bytes:
    """Write a body as UTF-8; raises `TypeError` for a float, `ValueError` for a number that JSON cannot hold."""
    return _text(value).encode("utf-8")


def decode(raw: bytes) -> object:
    """Read a reply; raises `ValueError` for anything that is not JSON in UTF-8, NaN and Infinity included."""
    try:
        value: object = json.loads(raw.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def _text(value: object) -> str:
    match value:
        case str():
            return encode_basestring(value)
        case Decimal():
            if not value.is_finite():
                raise ValueError(f"{value} is not a JSON number")
            return format(value, "f")
        case None | bool():
            return _CONSTANTS[value]
        case int():
            return int.__repr__(value)
        case dict() | Mapping():
            return "{" + ",".join(f"{encode_basestring(str(name))}:{_text(item)}" for name, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_text, value)) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} has no exact JSON form; amounts are Decimal")


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
