"""What is written is what is read, in both CloudEvents modes."""

import json
from decimal import Decimal

from contract_strategies import events, names, stocks
from hypothesis import given
from hypothesis import strategies as st

from contracts import Event, Price, PriceList, PriceRow, Stock, changed, decode, encode, kafka_key
from contracts.events import CONTENT_TYPE


def binary(event: Event) -> tuple[bytes, bytes, list[tuple[str, bytes | None]]]:
    """The same event in binary mode, as another service would send it."""
    key, value, _ = encode(event)
    body = json.loads(value)
    data = body.pop("data")
    body.pop("datacontenttype")
    headers: list[tuple[str, bytes | None]] = [("content-type", b"application/json; charset=utf-8")]
    return key, json.dumps(data).encode(), headers + [(f"ce_{name}", text.encode()) for name, text in body.items()]


@given(events())
def test_a_structured_event_comes_back_equal(event: Event) -> None:
    key, value, headers = encode(event)
    assert headers == [("content-type", CONTENT_TYPE.encode())]
    assert decode(key, value, headers) == event
    assert decode(key, value) == event  # a service that sends no headers at all is understood


@given(events())
def test_a_binary_event_comes_back_equal(event: Event) -> None:
    assert decode(*binary(event)) == event


@given(events())
def test_encoding_is_stable(event: Event) -> None:
    key, value, _ = encode(event)
    assert encode(decode(key, value))[:2] == (key, value)


@given(events())
def test_the_key_is_connection_and_entity_key(event: Event) -> None:
    assert (
        encode(event)[0]
        == kafka_key(event.connection, event.data.key)
        == f"{event.connection}/{event.data.key}".encode()
    )


def test_a_structured_content_type_wins_over_stray_headers() -> None:
    key, value, headers = encode(changed(Stock(sku="A"), connection="acme", source="erp"))
    stray = [*headers, ("ce_specversion", b"1.0"), ("ce_type", b"paylayer.stock.changed.v1")]
    assert decode(key, value, stray).data == Stock(sku="A")


def test_money_is_text_on_the_wire_and_exact() -> None:
    rows = (PriceRow(amount=Decimal("0.1")), PriceRow(from_quantity=5, amount=Decimal("12345678901234.0000000001")))
    price = Price(sku="A", currency="EUR", lists=(PriceList(list="base", rows=rows),))
    key, value, _ = encode(changed(price, connection="acme", source="erp"))
    assert [row["amount"] for row in json.loads(value)["data"]["lists"][0]["rows"]] == [
        "0.1",
        "12345678901234.0000000001",
    ]
    assert decode(key, value).data == price


@given(stocks, st.dictionaries(names.map(lambda name: f"new_{name}"), st.integers(), max_size=3))
def test_fields_of_a_newer_minor_version_are_ignored(stock: Stock, news: dict[str, int]) -> None:
    event = changed(stock, connection="acme", source="erp")
    key, value, _ = encode(event)
    body = json.loads(value)
    body |= news
    body["data"] |= news
    body["data"]["levels"] = [level | news for level in body["data"]["levels"]]
    text = json.dumps(body).encode()
    assert decode(key, text) == event
