from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connector.bus.dead_letters import Refusal
from connector.bus.incoming import Incoming, Skipped, read_record
from connector.bus.record import StoredRecord
from connector.ports import Priority
from contracts.entities import Stock
from contracts.events import CONTENT_TYPE, changed, encode
from contracts.topics import TopicNames

_NAMES = TopicNames("p")
_KEY, _VALUE, _HEADERS = encode(changed(Stock(sku="A"), connection="acme", source="erp"))


def _read(*extra: tuple[str, bytes | None], value: bytes | None = _VALUE, topic: str = "p.stock") -> object:
    return read_record(StoredRecord(topic, 0, 0, _KEY, value, [*_HEADERS, *extra]), "sparklayer", _NAMES)


def test_marks_are_read() -> None:
    taken = _read(("paylayer-priority", b"sync"), ("paylayer-replay", b"r1"), ("paylayer-target", b"sparklayer"))
    assert isinstance(taken, Incoming)
    assert (taken.priority, taken.replay, taken.event.data.key) == (Priority.SYNC, "r1", "A")


def test_an_unreadable_priority_costs_nothing() -> None:
    for value in (b"urgent", b"\xff", None):
        taken = _read(("paylayer-priority", value))
        assert isinstance(taken, Incoming)
        assert taken.priority is Priority.LIVE


def test_a_replay_mark_that_no_database_takes_is_no_mark() -> None:
    for value in (b"a\0b", b"\xff", None):
        taken = _read(("paylayer-replay", value))
        assert isinstance(taken, Incoming)
        assert taken.replay is None


def test_what_is_skipped() -> None:
    assert _read(value=None) is Skipped.TOMBSTONE
    assert _read(("paylayer-target", b"sparkpay")) is Skipped.OTHER_SIDE
    assert _read(("paylayer-target", b"sparkpay"), value=b"junk") is Skipped.OTHER_SIDE


def test_a_target_that_no_side_has_is_refused_by_both_instead_of_skipped_by_both() -> None:
    for headers in ([b"sparklayr"], [b"\xff"], [None], [b"sparkpay", b"sparklayer"]):
        refused = _read(*(("paylayer-target", value) for value in headers))
        assert isinstance(refused, Refusal)
        assert refused.code == "target"


def test_an_event_on_the_wrong_topic_is_refused() -> None:
    refused = _read(topic="p.prices")
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.entity) == ("wrong_topic", "price")


_HEADER = st.tuples(
    st.sampled_from(["content-type", "ce_specversion", "ce_type", "ce_id", "ce_time", "paylayer-target", "x"]),
    st.none() | st.binary(max_size=9) | st.sampled_from([b"1.0", b"paylayer.stock.changed.v1", CONTENT_TYPE.encode()]),
)


@given(st.none() | st.binary(max_size=30), st.none() | st.binary(max_size=200), st.lists(_HEADER, max_size=8))
def test_no_record_makes_reading_raise(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    answer = read_record(StoredRecord("p.stock", 0, 0, key, value, headers), "sparklayer", _NAMES)
    assert isinstance(answer, Incoming | Skipped | Refusal)


def test_a_time_far_ahead_is_refused_because_it_would_make_everything_else_out_of_date() -> None:
    time = datetime(2026, 11, 22, tzinfo=UTC)
    key, value, headers = encode(changed(Stock(sku="A"), connection="acme", source="erp", time=time))
    record = StoredRecord("p.stock", 0, 0, key, value, headers)
    assert isinstance(read_record(record, "sparklayer", _NAMES, time - timedelta(hours=23)), Incoming)
    refused = read_record(record, "sparklayer", _NAMES, time - timedelta(hours=25))
    assert isinstance(refused, Refusal)
    assert refused.code == "time_ahead"
    assert "check the publisher's clock" in refused.message
