"""Values that no documentation promises: made from a source of chance, so that a seed makes the same ones again."""

import copy
import json
import math
import string
from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from typing import Any

TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "x\udfff",
    "\r\nX: y",
    "\x1b[31m",
    "\u202e",
    "NaN",
    "-0",
    "1e999",
    "٣",
    "null",
    "true",
    "0",
    "-1",
    "../../etc/passwd",
    "%s%n",
    "{}",
    "[]",
    "'; DROP TABLE inbox; --",
    "sl_x",
    "pp_x",
    "e\u0301" * 200,
    "🪛" * 60,
    "A" * 5000,
    "1900-01-01T00:00:00-06:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30",
    "acme/x",
    ":",
    "sku:",
    "12.50",
    "1" * 16,
    "9" * 5000,
    "0.0000000000000000001",
    "\uff11\uff12",
)
NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    2**63,
    -(2**63) - 1,
    10**30,
    10**400,
    0.1,
    -0.0,
    1e308,
    5e-324,
    math.nan,
    math.inf,
    Decimal("1E+400"),
    Decimal("1E-400"),
    Decimal("-0.00"),
    Decimal("12.50"),
)


def text(rng: Random) -> str:
    """One of the nasty ones, or any characters."""
    if rng.random() < 0.6:
        return rng.choice(TEXTS)
    if rng.random() < 0.1:  # nothing that a database could compress
        own = Random(rng.getrandbits(32))
        return "".join(own.choices(string.ascii_letters + string.digits, k=rng.choice((900, 3000, 9000))))
    return "".join(chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x3000)))) for _ in range(rng.randrange(12)))


def value(rng: Random, depth: int = 3) -> Any:
    """Any JSON value, and what Python writes as one although it is none."""
    kind = rng.randrange(8 if depth else 6)
    if kind == 0:
        return None
    if kind == 1:
        return rng.random() < 0.5
    if kind in (2, 3):
        return rng.choice(NUMBERS) if rng.random() < 0.7 else rng.randrange(-1000, 1000)
    if kind in (4, 5):
        return text(rng)
    if kind == 6:
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {text(rng): value(rng, depth - 1) for _ in range(rng.randrange(4))}


def changed(rng: Random, original: Any, changes: int | None = None) -> Any:
    """A copy with some places changed: another value, none at all, a field more, a list upside down or much longer."""
    made = copy.deepcopy(original)
    for _ in range(rng.choice((1, 1, 1, 2, 4)) if changes is None else changes):
        places = list(_places(made))
        if not places:
            return value(rng)
        holder, name = rng.choice(places)
        what = rng.randrange(9)
        if what == 0:
            del holder[name]
        elif what == 1 and isinstance(holder, dict):
            holder[text(rng)] = value(rng)
        elif what == 2 and isinstance(holder[name], list):
            holder[name] = (holder[name][::-1] * rng.choice((1, 2, 50)))[:200]
        elif what == 3 and isinstance(holder[name], str):
            holder[name] += text(rng)
        else:
            holder[name] = value(rng)
    return made


def _places(root: Any) -> Any:
    if isinstance(root, dict):
        for name in root:
            yield root, name
            yield from _places(root[name])
    elif isinstance(root, list):
        for at in range(len(root)):
            yield root, at
            yield from _places(root[at])


def written(rng: Random, content: Any) -> bytes:
    """As JSON, mostly whole; sometimes cut, spoilt, in another encoding, with a name twice, or nested without end."""
    whole = _json(content)
    return rng.choice(_DAMAGES)(rng, whole) if rng.random() < 0.15 else whole


def _json(content: Any) -> bytes:
    def exact(item: Any) -> Any:
        if isinstance(item, Decimal):
            return float(item)
        if isinstance(item, int) and not isinstance(item, bool) and abs(item) > 10**100:
            return f"<{len(hex(item))}>"
        if isinstance(item, dict):
            return {str(name): exact(each) for name, each in item.items()}
        return [exact(each) for each in item] if isinstance(item, list) else item

    found = json.dumps(exact(content))
    return found.replace(f'"<{len(hex(10**400))}>"', "1" + "0" * 400).encode()


_Damage = Callable[[Random, bytes], bytes]


def _cut(rng: Random, whole: bytes) -> bytes:
    return whole[: rng.randrange(len(whole) + 1)]


def _spoilt(rng: Random, whole: bytes) -> bytes:
    spoilt = bytearray(whole)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(spoilt) + 1)
        spoilt[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(4))
    return bytes(spoilt)


def _doubled(rng: Random, whole: bytes) -> bytes:
    """Each of its names once more, with another value before it."""
    return whole.replace(b"{", b'{"' + rng.choice((b"id", b"data", b"sku", b"type")) + b'": null, ', 1)


_DAMAGES: tuple[_Damage, ...] = (
    _cut,
    _spoilt,
    _doubled,
    lambda rng, _: rng.randbytes(rng.randrange(64)),
    lambda rng, _: b"[" * rng.choice((900, 100_000)),
    lambda rng, whole: b'{"data":' * rng.choice((500, 5000)) + whole,
    lambda _, whole: whole.decode().encode("utf-16"),
    lambda _, whole: b"\xef\xbb\xbf" + whole,
    lambda _, __: b"",
    lambda _, __: b"<html><body>502 Bad Gateway</body></html>",
    lambda _, __: b"9" * 5000,
)


def raw(rng: Random, likely: Sequence[bytes] = ()) -> bytes | None:
    """Bytes for a key or a header."""
    if likely and rng.random() < 0.5:
        return rng.choice(likely)
    if rng.random() < 0.2:
        return None
    if rng.random() < 0.5:
        return text(rng).encode("utf-8", "surrogatepass")
    return rng.randbytes(rng.randrange(20))
