"""Records that are no events: every one is refused with a stable code, and nothing else is ever raised."""

import json
from typing import Any

import pytest
from contract_strategies import json_values, raw_headers
from hypothesis import given
from hypothesis import strategies as st

from contracts import PriceChanged, ProductDeleted, Unreadable, decode

KEY = b"acme/A-1"
STOCK: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "erp",
    "type": "paylayer.stock.changed.v1",
    "time": "2026-11-22T10:00:00Z",
    "connection": "acme",
    "data": {"sku": "A-1", "levels": [{"level": 5}]},
}
PRICE_ROW = {"amount": "1.50"}
CE = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"erp"),
    ("ce_type", b"paylayer.stock.changed.v1"),
    ("ce_time", b"2026-11-22T10:00:00Z"),
    ("ce_connection", b"acme"),
]


def stock(**changes: object) -> bytes:
    return json.dumps({**STOCK, **changes}).encode()


def price(amount: object) -> bytes:
    data = {"sku": "A-1", "currency": "EUR", "lists": [{"list": "base", "rows": [{"amount": amount}]}]}
    return stock(type="paylayer.price.changed.v1", data=data)


STRUCTURED = [
    pytest.param("not_json", KEY, b"", id="empty"),
    pytest.param("not_json", KEY, b"{", id="cut off"),
    pytest.param("not_json", KEY, b"{'a': 1}", id="no JSON quotes"),
    pytest.param("not_json", KEY, b'{"a": NaN}', id="NaN"),
    pytest.param("not_json", KEY, b'{"a": -Infinity}', id="infinity"),
    pytest.param("not_json", KEY, b'{"a": ' + b"1" * 5000 + b"}", id="a number of 5,000 digits"),
    pytest.param("not_json", KEY, b"[" * 100_000, id="nested without end"),
    pytest.param("not_json", KEY, b"\xef\xbb\xbf{}", id="byte order mark"),
    pytest.param("not_json", KEY, stock(x=[[]]).replace(b"[[]]", b"[" * 700 + b"]" * 700), id="nested deeply"),
    pytest.param(
        "not_json", KEY, stock(x={}).replace(b"{}", b'{"x":' * 700 + b"1" + b"}" * 700), id="objects in objects"
    ),
    pytest.param("name_repeated", KEY, stock().replace(b'"id"', b'"id": "0", "id"', 1), id="two ids"),
    pytest.param("name_repeated", KEY, stock().replace(b'"level":', b'"level"  : 4, "level"\t:', 1), id="two levels"),
    pytest.param("not_utf8", KEY, b"\xff\xfe\x00", id="binary"),
    pytest.param("not_utf8", KEY, json.dumps(STOCK).encode("utf-16"), id="UTF-16"),
    pytest.param("not_cloudevent", KEY, b"42", id="a number"),
    pytest.param("not_cloudevent", KEY, b"[]", id="an array"),
    pytest.param("not_cloudevent", KEY, b"null", id="null"),
    pytest.param("not_cloudevent", KEY, b"{}", id="no attributes"),
    pytest.param("not_cloudevent", KEY, stock(specversion="0.3"), id="an older specification"),
    pytest.param("not_cloudevent", KEY, stock(specversion=1.0), id="version as a number"),
    pytest.param("not_text", KEY, stock(data={"sku": "A\0"}), id="NUL character"),
    pytest.param("not_text", KEY, stock(data={"sku": "A-1", "refs": {"\ud800": "1"}}), id="half a surrogate pair"),
    pytest.param("unknown_type", KEY, stock(type="paylayer.stock.changed.v2"), id="next major version"),
    pytest.param("unknown_type", KEY, stock(type="com.example.thing"), id="somebody else's type"),
    pytest.param("unknown_type", KEY, stock(type=["paylayer.stock.changed.v1"]), id="type as an array"),
    pytest.param("schema", KEY, stock(id=""), id="empty id"),
    pytest.param("schema", KEY, stock(time="2026-11-22T10:00:00"), id="time without zone"),
    pytest.param("schema", KEY, stock(time="yesterday"), id="time in words"),
    pytest.param("schema", KEY, stock(time=1_795_000_000), id="time as a number"),
    pytest.param("schema", KEY, stock(time="1795000000"), id="time as digits"),
    pytest.param("schema", KEY, stock(time="0001-01-01T00:00:00+14:00"), id="time before the calendar begins"),
    pytest.param("schema", KEY, stock(time="2026-13-22T10:00:00Z"), id="month 13"),
    pytest.param("schema", KEY, stock(connection="Acme Ltd"), id="connection is no slug"),
    pytest.param("schema", KEY, stock(connection="acme/A"), id="slash in the connection"),
    pytest.param("schema", KEY, stock(datacontenttype="text/xml"), id="other content"),
    pytest.param("schema", KEY, stock(data=None), id="no data"),
    pytest.param("schema", KEY, stock(data={}), id="no SKU"),
    pytest.param("schema", KEY, stock(data={"sku": ""}), id="empty SKU"),
    pytest.param("schema", KEY, stock(data={"sku": 1}), id="SKU as a number"),
    pytest.param("schema", KEY, stock(data={"sku": "A-1", "levels": [{"level": 1.5}]}), id="half a piece"),
    pytest.param("schema", KEY, stock().replace(b"5}", b"1e400}"), id="level without end"),
    pytest.param("schema", KEY, price(12.5), id="money as a number"),
    pytest.param("schema", KEY, price(12), id="money as an integer"),
    pytest.param("schema", KEY, price("1e3"), id="money with an exponent"),
    pytest.param("schema", KEY, price("12,50"), id="money with a comma"),
    pytest.param("schema", KEY, price("١٢"), id="money in other digits"),
    pytest.param("schema", KEY, price("NaN"), id="money that is not a number"),
    pytest.param("schema", KEY, price("1" * 16), id="money beyond reason"),
    pytest.param("schema", KEY, price(""), id="empty money"),
    pytest.param(
        "key_too_long", b"acme/" + b"K" * 1020, stock(data={"sku": "K" * 1020}), id="key that no index can hold"
    ),
    pytest.param("key_mismatch", None, stock(), id="no key"),
    pytest.param("key_mismatch", b"", stock(), id="empty key"),
    pytest.param("key_mismatch", b"A-1", stock(), id="key without connection"),
    pytest.param("key_mismatch", b"acme/a-1", stock(), id="key in other case"),
    pytest.param("key_mismatch", b"\xff\xfe", stock(), id="binary key"),
]


@pytest.mark.parametrize(("code", "key", "value"), STRUCTURED)
def test_structured_poison(code: str, key: bytes | None, value: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        decode(key, value)
    assert caught.value.code == code
    assert 0 < len(str(caught.value)) < 1000
    str(caught.value).encode()


@pytest.mark.parametrize(
    ("code", "headers"),
    [
        pytest.param("header_null", [*CE, ("ce_subject", None)], id="null header"),
        pytest.param("not_utf8", [*CE, ("ce_subject", b"\xff")], id="binary header"),
        pytest.param("not_text", [*CE, ("ce_subject", b"a\0b")], id="NUL in a header"),
        pytest.param("not_cloudevent", [("ce_specversion", b"2.0"), *CE[1:]], id="other specification"),
        pytest.param("unknown_type", [*CE[:3], ("ce_type", b"x"), *CE[4:]], id="unknown type"),
        pytest.param("schema", CE[:4], id="attributes missing"),
    ],
)
def test_binary_poison(code: str, headers: list[tuple[str, bytes | None]]) -> None:
    with pytest.raises(Unreadable) as caught:
        decode(KEY, b'{"sku": "A-1"}', headers)
    assert caught.value.code == code


def test_headers_of_other_tools_do_no_harm() -> None:
    event = decode(KEY, stock(), [("traceparent", None), ("x", b"\xff"), ("traceparent", b"again")])
    assert event.data.key == "A-1"


def test_details_name_every_field_that_is_wrong() -> None:
    with pytest.raises(Unreadable) as caught:
        decode(KEY, stock(id="", data={"sku": "A-1", "levels": [{"level": "many"}]}))
    assert [detail["property"] for detail in caught.value.details] == ["id", "data.levels.0.level"]
    assert str(caught.value).startswith("id: ")


def test_the_refused_input_is_not_repeated_in_the_message() -> None:
    with pytest.raises(Unreadable) as caught:
        decode(KEY, price(None).replace(b"null", b'"' + b"9" * 100_000 + b'"'))
    assert len(str(caught.value)) < 200
    assert "999" not in json.dumps(caught.value.details)


def test_escaped_backslashes_are_no_poison() -> None:
    event = decode(KEY, stock(data={"sku": "A-1", "refs": {"erp": "C:\\u0000\\ud800", "pim": "\U0001f600"}}))
    assert event.data.refs == {"erp": "C:\\u0000\\ud800", "pim": "\U0001f600"}


@given(st.none() | st.binary(max_size=40), st.binary(max_size=200), raw_headers)
def test_arbitrary_bytes_raise_nothing_but_unreadable(
    key: bytes | None, value: bytes, headers: list[tuple[str, bytes | None]]
) -> None:
    with pytest.raises(Unreadable) as caught:
        decode(key, value, headers)
    assert caught.value.code


@given(st.dictionaries(st.sampled_from([*STOCK, "subject", "dataschema"]), json_values), json_values, raw_headers)
def test_almost_events_raise_nothing_but_unreadable(
    changes: dict[str, object], data: object, headers: list[tuple[str, bytes | None]]
) -> None:
    for kind in ("stock", "price", "product"):
        body = {**STOCK, "type": f"paylayer.{kind}.changed.v1", "data": data, **changes}
        for value in (json.dumps(body), json.dumps(body["data"])):
            try:
                event = decode(KEY, value.encode(), headers)
            except Unreadable as error:
                assert error.code  # noqa: PT017 - refusing is as good as accepting here
            else:
                assert event.connection == "acme"


@given(json_values)
def test_arbitrary_entities_raise_nothing_but_unreadable(part: object) -> None:
    rows = {
        "sku": "A-1",
        "currency": "EUR",
        "key": "A-1",
        "lists": part,
        "levels": part,
        "variants": part,
        "refs": part,
    }
    for kind in ("stock", "price"):
        try:
            decode(KEY, stock(type=f"paylayer.{kind}.changed.v1", data=rows))
        except Unreadable as error:
            assert error.code in {"schema", "not_text", "not_json"}  # noqa: PT017


def test_good_neighbours_are_read() -> None:
    assert isinstance(decode(KEY, price("12.50")), PriceChanged)
    gone = stock(type="paylayer.product.deleted.v1", data={"key": "erp:7"})
    assert isinstance(decode(b"acme/erp:7", gone), ProductDeleted)


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', 'a " b": c', '":":":', '\\":'])
def test_a_text_that_looks_like_json_is_a_text(text: str) -> None:
    value = json.dumps({**STOCK, "subject": text}, indent=1).encode()
    assert decode(KEY, value).subject == text
