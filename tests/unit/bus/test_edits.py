import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.bus.edits import editable_text, edited, next_id
from connector.bus.letter_reader import StoredLetter
from connector.errors import UserFault
from contracts.dead_letters import Letter, headers_of
from contracts.entities import Stock, StockLevel
from contracts.events import CONTENT_TYPE, Event, changed, decode, encode, version_of

_NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
_ORIGINAL = changed(
    Stock(sku="A/1", levels=(StockLevel(level=1),)), connection="acme", source="erp", time=_NOW, id="abc"
)
_REASON = Letter("paylayer.stock", 2, 7, "sparklayer", "apply", "Refused", "no", _NOW)


def _letter(key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]) -> StoredLetter:
    return StoredLetter("paylayer.stock.sparklayer.dlt", 2, 3, _NOW, _REASON, key, value, headers_of(_REASON, headers))


def _stored(event: Event) -> StoredLetter:
    key, value, headers = encode(event)
    return _letter(key, value, [*headers, ("trace", b"\xff")])


def _text(change: Callable[[dict[str, Any]], object] = lambda _: None) -> str:
    body = json.loads(encode(_ORIGINAL)[1])
    change(body)
    return json.dumps(body)


def test_an_edit_is_just_newer_than_what_was_refused() -> None:
    made = edited(_stored(_ORIGINAL), _text(lambda b: b["data"]["levels"][0].update(level=9)), 1)
    event = decode(made.key, made.value, made.headers)
    assert event.data.levels[0].level == 9  # type: ignore[union-attr]
    assert event.id == "abc~1"
    assert version_of(_ORIGINAL) < version_of(event)
    assert made.key == b"acme/A/1"
    assert made.headers == [("content-type", CONTENT_TYPE.encode()), ("trace", b"\xff")]


@given(st.integers(1, 60), st.text("abc~0123456789-", min_size=1, max_size=40))
def test_later_edits_sort_behind_earlier_ones(number: int, old: str) -> None:
    assert old < next_id(old, number) < next_id(old, number + 1)
    assert next_id(old, number) < next_id(next_id(old, number), 1)


def test_an_id_without_room_is_told() -> None:
    with pytest.raises(UserFault, match="edited too often"):
        next_id("x" * 199, 1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda b: b.update(type="paylayer.stock.deleted.v1", data={"key": "A/1"}), "keeps the type"),
        (lambda b: b.update(time="2026-11-22T10:00:01Z"), "keeps the time"),
        (lambda b: b.update(connection="other"), "keeps the connection"),
        (lambda b: b["data"].update(sku="B"), "keeps the key"),
        (lambda b: b.pop("data"), "no event of PayLayer: data"),
        (lambda b: b["data"]["levels"][0].update(level="many"), "no event of PayLayer: .*level"),
        (lambda b: b["data"]["levels"][0].update(level=float("nan")), "NaN"),
    ],
)
def test_what_an_edit_may_not_change(change: Callable[[dict[str, Any]], object], told: str) -> None:
    with pytest.raises(UserFault, match=told):
        edited(_stored(_ORIGINAL), _text(change), 1)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 100_000])
def test_text_that_is_no_event_at_all(text: str) -> None:
    with pytest.raises(UserFault, match="edited text"):
        edited(_stored(_ORIGINAL), text, 1)


def test_the_same_time_in_another_form_is_the_same_time() -> None:
    made = edited(_stored(_ORIGINAL), _text(lambda b: b.update(time="2026-11-22T12:00:00+02:00")), 2)
    assert version_of(decode(made.key, made.value, made.headers)) > version_of(_ORIGINAL)


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"<stock/>", b'{"specversion":"1.0"}'])
def test_an_unreadable_original_takes_any_whole_event_under_its_own_key(value: bytes | None) -> None:
    letter = _letter(b"whatever", value, [("content-type", b"application/xml")])
    made = edited(letter, _text(), 1)
    event = decode(made.key, made.value, made.headers)
    assert event == _ORIGINAL  # its own id: there was no older version
    assert made.headers == [("content-type", CONTENT_TYPE.encode())]
    with pytest.raises(UserFault):
        edited(letter, '{"sku": "A"}', 1)


def test_a_wrong_key_is_mended_by_the_event_itself() -> None:
    _, value, headers = encode(_ORIGINAL)
    made = edited(_letter(b"acme/other", value, list(headers)), _text(), 1)
    assert made.key == b"acme/A/1"


def test_a_record_in_binary_mode_becomes_a_structured_one() -> None:
    body = json.loads(encode(_ORIGINAL)[1])
    data = json.dumps(body.pop("data")).encode()
    attributes: list[tuple[str, bytes | None]] = [(f"ce_{name}", str(value).encode()) for name, value in body.items()]
    letter = _letter(b"acme/A/1", data, [*attributes, ("content-type", b"application/json")])
    text = editable_text(letter)
    assert json.loads(text)["id"] == "abc"
    made = edited(letter, text.replace('"level": 1', '"level": 4'), 1)
    event = decode(made.key, made.value, made.headers)
    assert (event.id, event.data.levels[0].level) == ("abc~1", 4)  # type: ignore[union-attr]
    assert made.headers == [("content-type", CONTENT_TYPE.encode())]


def test_what_a_person_gets_to_edit() -> None:
    assert json.loads(editable_text(_stored(_ORIGINAL)))["data"]["sku"] == "A/1"
    assert editable_text(_letter(None, b"not {json \xff", [])) == "not {json \\xff"
    assert editable_text(_letter(None, None, [])) == ""
