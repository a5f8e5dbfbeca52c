"""A dead letter gives back the original record and the reason, whatever either held."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from contract_strategies import moments, raw_headers, texts
from hypothesis import given
from hypothesis import strategies as st

from contracts import Letter, headers_of, letter_id, parse_letter_id, read, without_reason
from contracts.dead_letters import HEADERS

LETTER = Letter(
    topic="paylayer.prices",
    partition=0,
    offset=0,
    side="sparklayer",
    stage="apply",
    error_class="Refused",
    message="price is too high",
    failed_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
    status=422,
    code="invalid",
    details=({"property": "price", "message": "too high"},),
    connection="acme",
    entity="price",
    key="A-1/ø",
    attempts=3,
)
letters = st.builds(
    Letter,
    topic=st.from_regex(r"[a-z.]{1,30}", fullmatch=True),
    partition=st.integers(0, 100),
    offset=st.integers(0, 2**62),
    side=st.sampled_from(["sparklayer", "sparkpay"]),
    stage=st.sampled_from(["intake", "apply"]),
    error_class=texts,
    message=texts,
    failed_at=moments,
    status=st.none() | st.integers(100, 599),
    code=st.none() | texts.filter(bool),
    details=st.lists(st.dictionaries(texts, texts, max_size=2), max_size=3),
    connection=st.none() | texts,
    entity=st.none() | texts,
    key=st.none() | texts,
    attempts=st.integers(1, 1000),
)


def same(found: Letter, letter: Letter) -> bool:
    return replace(found, details=()) == replace(letter, details=()) and list(found.details) == list(letter.details)


def test_the_names_that_kafka_connect_uses() -> None:
    assert [name for name, _ in headers_of(LETTER, [])] == [name for name, _, _ in HEADERS]
    assert dict(headers_of(LETTER, []))["__connect.errors.connector.name"] == b"paylayer.apply-to-sparklayer"


@given(letters, raw_headers)
def test_reason_and_original_come_back(letter: Letter, original: list[tuple[str, bytes | None]]) -> None:
    headers = headers_of(letter, original)
    assert headers[: len(original)] == original
    assert same(read(headers), letter)
    assert without_reason(headers) == original


@given(letters, letters, raw_headers)
def test_a_letter_of_a_letter_keeps_the_first_reason_as_it_was(
    first: Letter, second: Letter, original: list[tuple[str, bytes | None]]
) -> None:
    inner = headers_of(first, original)
    outer = headers_of(second, inner)
    assert same(read(outer), second)
    assert without_reason(outer) == inner


def test_headers_that_a_tool_added_later_stay() -> None:
    headers = [*headers_of(LETTER, [("trace", b"1")]), ("mirror.origin", b"eu"), ("paylayer-target", b"sparklayer")]
    assert without_reason(headers) == [("trace", b"1"), ("mirror.origin", b"eu"), ("paylayer-target", b"sparklayer")]


def test_headers_without_reason_are_untouched_and_no_letter() -> None:
    headers = [("content-type", b"application/json"), ("x", None)]
    assert without_reason(headers) == headers
    with pytest.raises(ValueError, match="no dead letter"):
        read(headers)


def test_optional_reasons_are_left_out() -> None:
    bare = replace(LETTER, status=None, code=None, details=(), connection=None, entity=None, key=None)
    names = {name for name, _ in headers_of(bare, [])}
    assert names == {name for name, _, needed in HEADERS if needed}
    assert same(read(headers_of(bare, [])), bare)


def test_long_texts_are_cut_and_the_record_stays_sendable() -> None:
    details = [{"property": f"rows.{index}", "message": "x" * 100} for index in range(5000)]
    long = replace(LETTER, message="m" * 100_000, details=details)
    headers = headers_of(long, [])
    found = read(headers)
    assert found.message == "m" * 2000
    assert 1 <= len(found.details) < 5000
    assert list(found.details) == details[: len(found.details)]
    assert sum(len(value or b"") for _, value in headers) < 100_000


def test_a_single_endless_detail_is_left_out() -> None:
    assert read(headers_of(replace(LETTER, details=[{"message": "x" * 50_000}]), [])).details == []


def test_half_a_surrogate_pair_in_a_platforms_answer_is_no_obstacle() -> None:
    assert (
        read(headers_of(replace(LETTER, message="\ud800!", details=[{"message": "\udfff"}]), [])).message == "\\ud800!"
    )


def test_offset_nought_is_an_offset() -> None:
    found = read(headers_of(LETTER, []))
    assert (found.partition, found.offset) == (0, 0)


@given(st.from_regex(r"[a-zA-Z0-9._-]{1,60}", fullmatch=True), st.integers(0, 10**4), st.integers(0, 2**62))
def test_letter_ids(topic: str, partition: int, offset: int) -> None:
    assert parse_letter_id(letter_id(topic, partition, offset)) == (topic, partition, offset)


@pytest.mark.parametrize("text", ["", "topic", "topic:1", ":1:2", "topic:a:1", "topic:1:-2", "topic:1:", "topic:1:2:"])
def test_no_letter_ids(text: str) -> None:
    with pytest.raises(ValueError, match="no letter id"):
        parse_letter_id(text)
