"""JSON whose numbers are exact."""

from collections.abc import Mapping
from decimal import Decimal
from json import dumps


def to_json(body: object) -> str:
    """JSON with decimals as exact numbers. Raises `TypeError` for a float: money never is one."""
    match body:
        case Decimal():
            return f"{body:f}"
        case Mapping():
            return "{" + ",".join(f"{dumps(str(name))}:{to_json(value)}" for name, value in body.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(to_json(value) for value in body) + "]"
        case None | bool() | int() | str():
            return dumps(body, ensure_ascii=False)
        case _:
            raise TypeError(f"{type(body).__name__} has no exact form in JSON")
