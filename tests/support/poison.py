"""Records that are no events or cannot be taken, each with the code under which it becomes a dead letter."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.bus.record import HeaderList

KEY = b"acme/P-1"
STRUCTURED: HeaderList = (("content-type", b"application/cloudevents+json"),)
BINARY: HeaderList = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"erp"),
    ("ce_type", b"paylayer.stock.changed.v1"),
    ("ce_time", b"2026-11-22T10:00:00Z"),
    ("ce_connection", b"acme"),
]
_DATA = b'{"sku":"P-1","levels":[{"location":"default","level":1}]}'
_FAR = (datetime.now(UTC) + timedelta(days=400)).isoformat()


@dataclass(frozen=True, slots=True)
class Poison:
    """One record; `code` none = skipped, not refused."""

    name: str
    code: str | None
    value: bytes | None
    headers: HeaderList = STRUCTURED
    key: bytes | None = KEY


def event(data: object = None, **changes: Any) -> bytes:
    envelope: Mapping[str, Any] = {
        "specversion": "1.0",
        "id": "1",
        "source": "erp",
        "type": "paylayer.stock.changed.v1",
        "time": "2026-11-22T10:00:00Z",
        "connection": "acme",
        "data": {"sku": "P-1", "levels": [{"location": "default", "level": 1}]} if data is None else data,
    }
    return json.dumps({**envelope, **changes}).encode()


def _binary(**changes: bytes | None) -> HeaderList:
    return [(name, changes.get(name, value)) for name, value in BINARY]


POISON: tuple[Poison, ...] = (
    Poison("not JSON", "not_json", b"{'sku': 1}"),
    Poison("empty", "not_json", b""),
    Poison("white space", "not_json", b"  \n"),
    Poison("a byte order mark", "not_json", b"\xef\xbb\xbf" + event()),
    Poison("NaN", "not_json", event().replace(b'"level": 1', b'"level": NaN')),
    Poison("huge integer", "not_json", event().replace(b'"level": 1', b'"level": ' + b"9" * 5000)),
    Poison("nested without end", "not_json", b"[" * 200_000),
    Poison("nested deeply", "not_json", event(x="?").replace(b'"?"', b"[" * 900 + b"]" * 900)),
    Poison("foreign content type", "not_json", b"<stock sku='P-1'/>", [("content-type", b"application/xml")]),
    Poison("not UTF-8", "not_utf8", b"\xff\xfe\x00{}"),
    Poison("UTF-16", "not_utf8", event().decode().encode("utf-16")),
    Poison("an array", "not_cloudevent", b"[1,2]"),
    Poison("wrong specversion", "not_cloudevent", event(specversion="0.3")),
    Poison("repeated name", "name_repeated", event().replace(b'"id"', b'"id": "0", "id"', 1)),
    Poison("NUL in a text", "not_text", event({"sku": "P-\0"})),
    Poison("NUL in the id", "not_text", event(id="a\0b")),
    Poison("half a surrogate pair", "not_text", event(subject="\ud83d")),
    Poison("NUL in an attribute", "not_text", _DATA, _binary(ce_id=b"a\0b")),
    Poison("unknown type", "unknown_type", event(type="paylayer.teapot.changed.v1")),
    Poison("next major version", "unknown_type", event(type="paylayer.stock.changed.v2")),
    Poison("next major version, binary", "unknown_type", _DATA, _binary(ce_type=b"paylayer.stock.changed.v2")),
    Poison("wrong schema", "schema", event({"sku": ""})),
    Poison("wrong version", "schema", event({"key": "P-1"})),
    Poison("time without zone", "schema", event(time="2026-11-22T10:00:00")),
    Poison("time beyond the calendar", "schema", event(time="99999-01-01T00:00:00Z")),
    Poison("binary without a time", "schema", _DATA, [pair for pair in BINARY if pair[0] != "ce_time"]),
    Poison("next year", "time_ahead", event(time=_FAR)),
    Poison("the end of time", "time_ahead", event(time="9999-12-31T23:59:59Z")),
    Poison("wrong key", "key_mismatch", event(), key=b"acme/P-2"),
    Poison("no key", "key_mismatch", event(), key=None),
    Poison("empty key", "key_mismatch", event(), key=b""),
    Poison("binary key", "key_mismatch", event(), key=b"\x00\xff"),
    Poison("wrong topic", "wrong_topic", event({"key": "P-1"}, type="paylayer.price.deleted.v1")),
    Poison("unknown connection", "unknown_connection", event(connection="nobody"), key=b"nobody/P-1"),
    Poison("null attribute", "header_null", _DATA, [*BINARY, ("ce_subject", None)]),
    Poison("attribute that is not UTF-8", "not_utf8", _DATA, [*BINARY, ("ce_subject", b"\xff\xfe")]),
    Poison("repeated attribute", "header_repeated", _DATA, [*BINARY, ("ce_id", b"2")]),
    Poison("unknown target", "target", event(), [*STRUCTURED, ("paylayer-target", b"sparkplug")]),
    Poison("null target", "target", event(), [*STRUCTURED, ("paylayer-target", None)]),
    Poison("odd headers", "not_json", b"{", [("x", b"\0" * 999), ("x", None), ("x", b""), ("content-type", b"\xff")]),
    Poison("a megabyte", "not_utf8", b"\xff" + random.Random(1).randbytes(1_000_000)),
    Poison("a tombstone", None, None, [("content-type", b"application/json")]),
    Poison("a tombstone with odd headers", None, None, [("ce_specversion", None), ("x", b"\xff")]),
)  # fmt: skip
