"""The content hash of an outgoing body: equal hash, no call."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

from contracts.values import plain


def body_hash(body: object) -> str:
    """SHA-256 in hex over canonical JSON: sorted names, numbers in their shortest form."""
    return hashlib.sha256(_text(body).encode()).hexdigest()


def _text(value: object) -> str:
    match value:
        case bool() | str() | None:
            return json.dumps(value, ensure_ascii=False)
        case int() | Decimal():
            return plain(Decimal(value))
        case Mapping():
            return "{" + ",".join(f"{_text(str(name))}:{_text(value[name])}" for name in sorted(value)) + "}"
        case Sequence():
            return "[" + ",".join(map(_text, value)) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a request body")
