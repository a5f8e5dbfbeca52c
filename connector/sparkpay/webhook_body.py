"""What the body of a webhook names (vendor docs: webhooks): ids of rows, never their state.

The platform signs nothing and numbers nothing, events overtake each other, and a body that shows an order may be older
than what was read since. So a body is a hint: the rows that it names are read.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

RESOURCES: Mapping[str, tuple[str, str]] = {
    "customer": ("customers", "id"),
    "order": ("orders", "id"),
    "quote": ("quotes", "id"),
    "product": ("products", "id"),
    "item": ("products", "product_id"),
    "order_payment": ("orders", "order_id"),
}
"""Top-level key of a body -> the resource and the field that names the row."""

_LARGEST = 2**63 - 1
_MOST_DIGITS = 19
_ID_AFTER = re.compile(
    rb'"(?P<key>' + "|".join(RESOURCES).encode() + rb')"\s*:\s*\{[^{}\[\]]*?"(?P<field>id|product_id|order_id)"\s*:\s*'
    rb'"?(?P<id>\d{1,19})\b'
)


def named_rows(raw: bytes) -> list[tuple[str, int]]:
    """Resource and id of each row that changed: of an order also its lines' products, whose stock it took.

    Of a body that is no JSON what can be made out. Empty where nothing is named.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return list(dict.fromkeys(_made_out(raw)))
    if not isinstance(body, dict):
        return []
    return list(dict.fromkeys(_named(body)))


def _named(body: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for key, (resource, field) in RESOURCES.items():
        value = body.get(key)
        if not isinstance(value, dict):
            continue
        if (id_ := _id(value.get(field))) is not None:
            yield resource, id_
        lines = value.get("items")
        if key == "order" and isinstance(lines, list):
            for line in lines:
                if isinstance(line, dict) and (product := _id(line.get("product_id"))) is not None:
                    yield "products", product


def _made_out(raw: bytes) -> Iterator[tuple[str, int]]:
    """The first id within each known object, before anything nested: an id too many costs one read, no more."""
    for found in _ID_AFTER.finditer(raw):
        resource, field = RESOURCES[found["key"].decode()]
        if found["field"].decode() == field and (id_ := _id(found["id"].decode())) is not None:
            yield resource, id_


def _id(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST:
        return value
    return None
