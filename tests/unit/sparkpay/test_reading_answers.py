import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.clock import SteppedClock
from connector.sparkpay.answers import Page, StrangeAnswer, UnreadableAnswer, call_limit, parse, row_of, rows_of
from connector.sparkpay.exact_json import to_json
from connector.sparkpay.server_clock import ServerClock

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("key", ["pricing", "variants", "products", "whatever"])
def test_the_one_array_counts_whatever_it_is_called(key: str) -> None:
    assert rows_of({"total_count": 3, "next_page": "http://x", key: [{"id": 1}]}) == ([{"id": 1}], 3, True)


def test_a_total_may_be_text_and_an_empty_list_may_have_no_array() -> None:
    assert rows_of({"total_count": "12", "pricing": []}) == ([], 12, False)
    assert rows_of({"total_count": 0}) == ([], 0, False)
    assert rows_of({"total_count": 0, "pricing": None}) == ([], 0, False)


@pytest.mark.parametrize(
    "body", [[], {"total_count": 4}, {"a": [], "b": []}, {"total_count": 1, "products": ["x"]}, None, {}]
)
def test_other_shapes_are_reported(body: object) -> None:
    with pytest.raises(StrangeAnswer):
        rows_of(body)


def test_one_object_is_one_object() -> None:
    assert row_of({"id": 1}) == {"id": 1}
    with pytest.raises(StrangeAnswer):
        row_of([{"id": 1}])


def test_money_keeps_its_digits_both_ways() -> None:
    assert parse(b'{"price": 29.1666, "cost": 0.0000}') == {"price": Decimal("29.1666"), "cost": Decimal("0.0000")}
    written = to_json({"price": Decimal("29.1666"), "name": "Ø", "on": True, "none": None, "list": [1]})
    assert written == '{"price":29.1666,"name":"Ø","on":true,"none":null,"list":[1]}'
    assert json.loads(written)["on"] is True
    with pytest.raises(TypeError):
        to_json({"price": 0.1})


@pytest.mark.parametrize("body", [b"<html>", b'{"a": 1', b"", b"NaN", b"\xff\xfe"])
def test_what_is_no_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        parse(body)


@pytest.mark.parametrize(
    ("header", "expected"), [("12/50", (12, 50)), (None, (None, None)), ("x", (None, None)), ("3/", (3, None))]
)
def test_the_counter_of_calls(header: str | None, expected: tuple[int | None, int | None]) -> None:
    assert call_limit(header) == expected


@pytest.mark.parametrize(
    ("rows", "total", "more", "complete"),
    [(2, 2, False, True), (2, 5, True, False), (2, 5, False, False), (2, None, False, True), (2, None, True, False)],
)
def test_a_page_is_complete_when_it_holds_all_that_matched(
    rows: int, total: int | None, more: bool, complete: bool
) -> None:
    assert Page([{"id": n} for n in range(rows)], total, more, AT, 1).complete is complete


def test_the_servers_time_is_a_lower_bound_that_never_goes_back() -> None:
    clock = SteppedClock(AT)
    server = ServerClock(clock)
    server.learn("Thu, 01 Jan 2026 00:05:00 GMT")
    assert server.now() == datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
    clock.advance(10.9)
    server.learn("Thu, 01 Jan 2026 00:05:10 GMT")  # 0.9 s rounded off: the older answer tells more
    assert server.now() == datetime(2026, 1, 1, 0, 5, 10, 900_000, tzinfo=UTC)
    before = server.now()
    for _ in range(70):  # the server's clock was set back: after enough answers the new one holds
        server.learn("Thu, 01 Jan 2026 00:01:00 GMT")
    assert server.now() == before
    clock.advance(3600)
    assert server.now() == datetime(2026, 1, 1, 1, 1, tzinfo=UTC)
    server.learn("nonsense")
    server.learn(None)
    assert server.at(clock.monotonic()) == datetime(2026, 1, 1, 1, 1, tzinfo=UTC)
