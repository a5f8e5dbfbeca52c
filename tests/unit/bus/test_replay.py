from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from connector.bus.edits import Edited
from connector.bus.letter_reader import StoredLetter
from connector.bus.record import HeaderList, Place
from connector.bus.replay import ReplayOutcome, Selected, replay, replayed
from connector.errors import Unavailable, UserFault
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
    def __init__(self, fails_at: int) -> None:
        self.sent: list[HeaderList] = []
        self._fails_at = fails_at

    async def send_record(
        self, topic: str, key: bytes | None, value: bytes | None, headers: HeaderList, *, partition: int | None = None
    ) -> Place:
        del key, value, partition
        if len(self.sent) == self._fails_at:
            raise Unavailable("no broker")
        self.sent.append(headers)
        return Place(topic, 0, len(self.sent))


async def _all(count: int) -> AsyncIterator[Selected]:
    for number in range(count):
        yield Selected(_letter(number))


async def test_it_stops_at_the_first_that_cannot_be_sent() -> None:
    sender, told = _Sender(2), []

    async def sent(selected: Selected, place: Place) -> None:
        told.append((selected.letter.offset, place.offset))

    outcome = await replay(_all(5), "r", sender, sent=sent)
    assert outcome == ReplayOutcome(2, "paylayer.stock.sparklayer.dlt:1:2", "no broker")
    assert told == [(0, 1), (1, 2)]
