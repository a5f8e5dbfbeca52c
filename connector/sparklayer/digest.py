"""A short digest of a row: whether it is the very row that was seen before."""

import hashlib

from connector.sparklayer.mapping.fields import Row
from connector.sparklayer.wire import encode

_BYTES = 8


def row_digest(row: Row) -> bytes:
    """Of everything in it, times included."""
    return hashlib.blake2b(encode(row), digest_size=_BYTES).digest()
