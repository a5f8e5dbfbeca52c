from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.bus.edits import Edited
from connector.bus.letter_reader import StoredLetter
from connector.bus.producer import Outgoing, RecordTooLarge
from connector.bus.record import Place
from connector.bus.replay import Selected, replayed, replayed_from, send
from connector.errors import UserFault
from contracts.dead_letters import Letter, headers_of

_NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def _letter(offset: int, side: str = "sparklayer") -> StoredLetter:
    reason = Letter("paylayer.stock", 1, offset, side, "apply", "Refused", "no", _NOW)
    original: list[tuple[str, bytes | None]] = [
        ("h", b"\xff"),
        ("h", None),
        ("paylayer-replay", b"old"),
        ("paylayer-priority", b"sync"),
    ]
    return StoredLetter(
        "paylayer.stock.sparklayer.dlt", 1, offset, _NOW, reason, b"k", b"v", headers_of(reason, original)
    )


def test_the_original_goes_back_marked_and_without_its_reason() -> None:
    record = replayed(Selected(_letter(5)), "r2")
    assert (record.topic, record.key, record.value) == ("paylayer.stock", b"k", b"v")
    assert list(record.headers) == [
        ("h", b"\xff"),
        ("h", None),
        ("paylayer-target", b"sparklayer"),
        ("paylayer-priority", b"replay"),
        ("paylayer-replay", b"r2"),
        ("paylayer-replayed-from", b"paylayer.stock.sparklayer.dlt:1:5"),
    ]


def test_an_edit_goes_in_its_place() -> None:
    record = replayed(Selected(_letter(5), Edited(b"k2", b"v2", [("content-type", b"x")])), "r2")
    assert (record.key, record.value, record.headers[0]) == (b"k2", b"v2", ("content-type", b"x"))


def test_what_is_no_letter_cannot_be_replayed() -> None:
    foreign = StoredLetter("paylayer.stock.sparklayer.dlt", 0, 0, _NOW, None, b"k", b"v", [])
    with pytest.raises(UserFault, match=r"sparklayer\.dlt:0:0 carries no reason"):
        replayed(Selected(foreign), "r")


class _Sender:
    """Takes slices; refuses those in which a record is `too large`."""

    def __init__(self) -> None:
        self.sent: list[bytes | None] = []

    async def send_records(self, records: Sequence[Outgoing]) -> list[Place]:
        if any(record.value == b"large" for record in records):
            raise RecordTooLarge("too large")
        self.sent += [record.value for record in records]
        return [Place(record.topic, 0, at) for at, record in enumerate(records)]


@pytest.mark.parametrize("large", [(), (0,), (6,), (2, 3), (0, 1, 2, 3, 4, 5, 6)])
async def test_what_no_topic_takes_does_not_hold_up_the_rest(large: tuple[int, ...]) -> None:
    sender = _Sender()
    values = [b"large" if number in large else b"%d" % number for number in range(7)]
    refused = await send([Outgoing("t", b"k", value) for value in values], sender)
    assert sorted(refused) == list(large)
    assert sender.sent == [value for value in values if value != b"large"]
    assert await send([], sender) == {}


def test_a_letter_that_lies_about_its_source_is_not_sent_there() -> None:
    reason = Letter("somewhere-else", 1, 5, "sparklayer", "apply", "Refused", "no", _NOW)
    letter = StoredLetter("paylayer.stock.sparklayer.dlt", 1, 5, _NOW, reason, b"k", b"v", headers_of(reason, []))
    with pytest.raises(UserFault, match="comes from somewhere-else and sparklayer, whose letters lie elsewhere"):
        replayed(Selected(letter), "r")


def test_the_description_of_a_record_is_not_sent_in_its_place() -> None:
    reason = Letter("paylayer.stock", 1, 5, "sparklayer", "intake", "Unreadable", "no", _NOW, code="too_large")
    letter = replace(_letter(5), letter=reason, value=b'{"too_large": "paylayer.stock:1:5"}')
    with pytest.raises(UserFault, match="describes a record too large"):
        replayed(Selected(letter), "r")
    assert replayed(Selected(replace(letter, value=b"an event that a platform calls too large")), "r").key == b"k"


def test_nothing_is_not_sent() -> None:
    letter = replace(_letter(5), key=None, value=None)
    with pytest.raises(UserFault, match="neither key nor value"):
        replayed(Selected(letter), "r")


def test_a_letter_names_the_one_that_it_was_replayed_from() -> None:
    assert replayed_from(_letter(5)) is None
    sent = replayed(Selected(_letter(5)), "r2")
    assert replayed_from(replace(_letter(6), headers=sent.headers)) == "paylayer.stock.sparklayer.dlt:1:5"
