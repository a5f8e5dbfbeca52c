"""One stored record per event type and version: what was written once is read for ever, and nothing of it forgotten.

These files are never renewed. A minor version adds fields, and new files beside these.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts import EVENTS, decode, encode

FOLDER = Path(__file__).parents[2] / "golden"
GOLDEN = sorted(path.stem for path in FOLDER.glob("*.json"))


def record(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def within(part: Any, whole: Any) -> bool:
    """Whether all of `part` stands in `whole`; objects may have got more fields since."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and within(value, whole[name]) for name, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(within, part, whole))
    return type(part) is type(whole) and bool(part == whole)


def test_every_event_type_has_a_golden_record() -> None:
    assert set(GOLDEN) >= set(EVENTS)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_records_are_read(name: str) -> None:
    stored = record(name)
    headers = [(header, value.encode()) for header, value in stored["headers"]]
    event = decode(stored["key"].encode(), json.dumps(stored["value"]).encode(), headers)
    assert event.type == (name if name in EVENTS else stored["is"])
    key, value, _ = encode(event)
    assert key == stored["key"].encode()
    assert within(stored.get("known", stored["value"]), json.loads(value))
