"""Digests that tell whether something is as it was."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from connector.sparkpay import product_fields
from connector.sparkpay.answers import Row
from connector.sparkpay.bundle import ProductBundle
from contracts.values import plain

_TIMES = frozenset({"updated_at", "created_at"})
DIGEST_BYTES = 8
"""Length of the short digests."""


def row_digest(row: Row) -> bytes:
    """A short digest of everything in a row, times included."""
    return _digest(_plain(row))


def fields_digest(row: Row, fields: Iterable[str]) -> bytes:
    """A short digest of some fields of a row; times are left out, see `outline_digest`."""
    return _digest(_chosen(row, fields))


def outline_digest(bundle: ProductBundle) -> bytes:
    """A short digest of a product's row, combinations and prices, the same for either way of reading them.

    Times are left out: collections show null where the resource itself has a time.
    """
    fields = [name for name in product_fields.PRODUCT if name not in product_fields.HEAVY]
    return _digest(
        [
            _chosen(bundle.product, fields),
            _all_chosen(bundle.combinations, product_fields.COMBINATION),
            _all_chosen(bundle.prices, product_fields.PRICE),
        ]
    )


def _all_chosen(rows: Iterable[Row], fields: Iterable[str]) -> list[dict[str, object]]:
    return [_chosen(row, fields) for row in sorted(rows, key=lambda row: int(row["id"]))]


def _chosen(row: Row, fields: Iterable[str]) -> dict[str, object]:
    return {name: _plain(row.get(name)) for name in fields if name not in _TIMES}


def _plain(value: object) -> object:  # noqa: PLR0911 - one line per JSON type
    """Numbers by value, so that 5 and 5.0000 are one."""
    match value:
        case Decimal():
            return plain(value)
        case bool() | None | str():
            return value
        case int():
            return str(value)
        case datetime():
            return value.isoformat()
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return repr(value)


def _digest(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()
