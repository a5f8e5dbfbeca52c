"""Exact money, UTC moments, versions, ids, topics."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from contract_strategies import amounts, events, moments, products
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts import (
    EVENTS,
    KINDS,
    SIDES,
    Amount,
    Event,
    Instant,
    Product,
    Stock,
    TopicNames,
    Version,
    changed,
    deleted,
    entity_name,
    event_id,
    header,
    is_deletion,
    plan,
    utc_text,
    version_of,
)
from contracts.values import plain

AMOUNT: TypeAdapter[Decimal] = TypeAdapter(Amount)
INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("12.50", "12.5"),
        ("100", "100"),
        ("0.00", "0"),
        ("-0.0", "0"),
        ("1E+3", "1000"),
        ("-7.10", "-7.1"),
        ("0.0001", "0.0001"),
    ],
)
def test_plain_decimal(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@given(amounts)
def test_equal_amounts_have_one_text(amount: Decimal) -> None:
    text = plain(amount)
    assert Decimal(text) == amount
    assert plain(Decimal(f"{amount:f}") * Decimal("1.000")) == text
    assert AMOUNT.validate_python(text) == amount


@pytest.mark.parametrize(
    "value", [1, 1.5, True, None, "1.", ".5", " 1", "1 ", "+1", "0x1", "1\n", Decimal("NaN"), [], b"1"]
)
def test_what_is_no_amount(value: object) -> None:
    with pytest.raises(ValidationError):
        AMOUNT.validate_python(value)


@given(moments)
def test_moments_are_utc_and_keep_their_microseconds(moment: datetime) -> None:
    found = INSTANT.validate_python(moment.isoformat())
    assert found == moment
    assert found.tzinfo is UTC
    assert INSTANT.validate_python(utc_text(moment)) == moment


@given(moments, moments)
def test_text_sorts_as_time_does(one: datetime, other: datetime) -> None:
    assert (utc_text(one) < utc_text(other)) == (one < other)


def test_early_years_keep_four_digits() -> None:
    assert utc_text(datetime(33, 4, 3, tzinfo=UTC)) == "0033-04-03T00:00:00.000000Z"


def test_a_newer_time_wins_and_the_id_decides_a_tie() -> None:
    later = NOON + timedelta(microseconds=1)
    assert Version(NOON, "b") < Version(later, "a") < Version(later, "b")
    versions = [Version(later, "a"), Version(NOON, "z"), Version(NOON, "a")]
    assert sorted(versions) == list(reversed(versions))


def test_the_version_is_the_same_in_every_zone() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))
    one, other = (changed(Stock(sku="A"), connection="acme", source="erp", time=time) for time in (NOON, there))
    assert version_of(one) == version_of(other)


def test_an_edited_letter_comes_right_after_the_original() -> None:
    assert Version(NOON, "abc") < Version(NOON, "abc~1") < Version(NOON, "abc~2") < Version(NOON, "abd")


@given(products, moments)
def test_the_same_observation_has_the_same_id(product: Product, time: datetime) -> None:
    one, other = (changed(product, connection="acme", source="sparkpay", time=time) for _ in range(2))
    assert one == other
    assert changed(product, connection="other", source="sparkpay", time=time).id != one.id
    assert changed(product, connection="acme", source="erp", time=time).id != one.id


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_facts_are_not_run_together(facts: list[str]) -> None:
    assert event_id("ab", "c") != event_id("a", "bc")
    assert event_id(facts[0]) != event_id(facts[1])


@given(events())
def test_what_an_event_says_about_itself(event: Event) -> None:
    assert entity_name(event) in KINDS
    assert is_deletion(event) == event.type.endswith(".deleted.v1")
    assert event.subject == event.data.key


def test_unknown_kinds_cannot_be_deleted() -> None:
    with pytest.raises(KeyError):
        deleted("unicorn", "1", connection="acme", source="erp")


def test_headers_are_read_as_text_or_not_at_all() -> None:
    headers = [("a", None), ("a", b"first"), ("a", b"second"), ("b", b"\xff")]
    assert [header(headers, name) for name in "abc"] == ["first", None, None]


def test_every_kind_has_both_event_types() -> None:
    assert set(EVENTS) == {f"paylayer.{kind}.{what}.v1" for kind in KINDS for what in ("changed", "deleted")}


def test_topic_names() -> None:
    names = TopicNames()
    assert names.all_sources() == [
        "paylayer.products",
        "paylayer.prices",
        "paylayer.stock",
        "paylayer.customers",
        "paylayer.customer-groups",
        "paylayer.orders",
        "paylayer.shipping-methods",
        "paylayer.stock-locations",
        "paylayer.settings",
    ]
    assert names.dead_letters(names.of("price"), "sparklayer") == "paylayer.prices.sparklayer.dlt"
    assert names.group("sparkpay") == "paylayer.apply-to-sparkpay"
    assert [names.entity_of(topic) for topic in names.all_sources()] == list(KINDS)
    assert names.entity_of("paylayer.prices.sparklayer.dlt") is None
    with pytest.raises(KeyError):
        names.of("unicorn")


def test_two_prefixes_never_meet() -> None:
    one, other = ({topic.name for topic in plan(TopicNames(prefix))} for prefix in ("paylayer", "paylayer-test"))
    assert not one & other


def test_dead_letter_topics_have_the_partitions_of_their_source_and_room_for_the_reason() -> None:
    topics = {topic.name: topic for topic in plan(TopicNames(), partitions=7)}
    assert len(topics) == len(KINDS) * (1 + len(SIDES))
    for name, topic in topics.items():
        assert topic.partitions == 7
        if name.endswith(".dlt"):
            assert topic.config["cleanup.policy"] == "delete"
            assert int(topic.config["max.message.bytes"]) >= 2 * 1024 * 1024
        else:
            assert topic.config["cleanup.policy"] == "compact"
