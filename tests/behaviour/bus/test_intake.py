"""What the intake promises, on the embedded and on a real broker."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from connector.bus.dead_letters import DeadLetterOffice, Refusal
from connector.bus.incoming import Incoming
from connector.bus.intake import Intake
from connector.bus.publisher import Publisher
from connector.bus.record import HeaderList, Place
from connector.clock import SystemClock
from connector.errors import Unavailable
from connector.ports import Priority
from connector.settings import Settings
from contracts.dead_letters import without_reason
from contracts.events import encode
from contracts.topics import TopicNames
from tests.support.intakes import (
    QUICK,
    RecordingSink,
    committed,
    letters_of,
    publishing,
    running,
    stock,
    topic_of,
    until,
)

_STRUCTURED: HeaderList = [("content-type", b"application/cloudevents+json")]
_BINARY: HeaderList = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"erp"),
    ("ce_type", b"paylayer.stock.changed.v1"),
    ("ce_time", b"2026-11-22T10:00:00Z"),
    ("ce_connection", b"acme"),
]
_STOCK = b'{"sku":"P-1","levels":[{"location":"default","level":1}]}'
_GONE = b'{"key":"P-1"}'


def _envelope(data: bytes = _STOCK, *, type_: bytes = b"paylayer.stock.changed.v1", version: bytes = b"1.0") -> bytes:
    return (
        b'{"specversion":"%b","id":"1","source":"erp","type":"%b","time":"2026-11-22T10:00:00Z","connection":"acme",'
        b'"data":%b}' % (version, type_, data)
    )


KEY = b"acme/P-1"
POISON: dict[str, tuple[str, bytes | None, bytes, HeaderList]] = {
    "not JSON": ("not_json", KEY, b"{'sku': 1}", _STRUCTURED),
    "empty": ("not_json", KEY, b"", _STRUCTURED),
    "not UTF-8": ("not_utf8", KEY, b"\xff\xfe\x00{}", _STRUCTURED),
    "an array": ("not_cloudevent", KEY, b"[1,2]", _STRUCTURED),
    "NaN": ("not_json", KEY, _envelope(b'{"sku":"P-1","levels":[{"level":NaN}]}'), _STRUCTURED),
    "huge integer": ("not_json", KEY, _envelope(b'{"sku":"P-1","levels":[{"level":%b}]}' % (b"9" * 5000)), []),
    "deeply nested": ("not_json", KEY, b"[" * 200_000, _STRUCTURED),
    "wrong key": ("key_mismatch", b"acme/P-2", _envelope(), _STRUCTURED),
    "no key": ("key_mismatch", None, _envelope(), _STRUCTURED),
    "binary key": ("key_mismatch", b"\x00\xff", _envelope(), _STRUCTURED),
    "unknown type": ("unknown_type", KEY, _envelope(type_=b"paylayer.teapot.changed.v1"), _STRUCTURED),
    "next major version": ("unknown_type", KEY, _envelope(type_=b"paylayer.stock.changed.v2"), _STRUCTURED),
    "wrong specversion": ("not_cloudevent", KEY, _envelope(version=b"0.3"), _STRUCTURED),
    "wrong schema": ("schema", KEY, _envelope(b'{"sku":""}'), _STRUCTURED),
    "wrong topic": ("wrong_topic", KEY, _envelope(_GONE, type_=b"paylayer.price.deleted.v1"), []),
    "null header": ("header_null", KEY, _STOCK, [*_BINARY, ("ce_subject", None)]),
    "binary header": ("not_utf8", KEY, _STOCK, [*_BINARY, ("ce_subject", b"\xff\xfe")]),
    "repeated header": ("header_repeated", KEY, _STOCK, [*_BINARY, ("ce_id", b"2")]),
    "unknown target": ("target", KEY, _envelope(), [*_STRUCTURED, ("paylayer-target", b"sparkplug")]),
    "foreign content type": ("not_json", KEY, b"<stock sku='P-1'/>", [("content-type", b"application/xml")]),
    "a megabyte": ("not_utf8", KEY, b"\xff" + random.Random(1).randbytes(1_000_000), [("x", b"\0" * 999), ("x", None)]),
}  # fmt: skip


async def test_poison_becomes_dead_letters_and_the_rest_arrives(
    bus_settings: Settings, request: pytest.FixtureRequest
) -> None:
    poison = dict(POISON)
    topic = topic_of(bus_settings, stock("A"))
    sink = RecordingSink()
    if "real" in request.node.name:  # a compacted topic of a real broker takes no record without a key
        del poison["no key"]
    good = [stock(f"G-{number}") for number in range(len(poison))]
    odd_headers = [
        *_STRUCTURED,
        ("trace", b"\xff\x00"),
        ("trace", None),
        ("trace", b"again"),
        ("content-type", b"text/plain"),
    ]
    async with publishing(bus_settings) as publisher:
        for event, (_, key, value, headers) in zip(good, poison.values(), strict=True):
            await publisher.send_record(topic, key, value, headers)
            await publisher.publish([event], Priority.LIVE)
        odd = stock("odd")
        odd_key, odd_value, _ = encode(odd)
        await publisher.send_record(topic, odd_key, odd_value, odd_headers)
        await publisher.send_record(topic, KEY, None, [("content-type", b"application/json")])  # a tombstone
        async with running(bus_settings, sink, publisher) as intake:
            await until(
                lambda: len(sink.taken) == len(good) + 1 and intake.health().counts.get("refused") == len(poison)
            )
            await until(lambda: intake.health().lag != {} and intake.health().total_lag() == 0)
            health = intake.health()
            assert health.live()
            assert health.ready()
    assert Counter(sink.ids()) == Counter([event.id for event in [*good, odd]])
    (oddity,) = [incoming for incoming in sink.taken if incoming.event.id == odd.id]
    assert list(oddity.headers) == odd_headers
    assert health.counts["tombstone"] == 1
    letters = await letters_of(bus_settings)
    found = Counter(
        (letter.letter.code, letter.key, letter.value, tuple(without_reason(letter.headers)))
        for letter in letters
        if letter.letter
    )
    assert found == Counter((code, key, value, tuple(headers)) for code, key, value, headers in poison.values())
    for letter in letters:
        assert letter.letter is not None
        assert (letter.letter.topic, letter.letter.stage, letter.letter.side) == (topic, "intake", "sparklayer")
        assert letter.partition == letter.letter.partition
        assert letter.letter.entity == "stock"
    ends = await committed(bus_settings, topic)
    assert sum(ends.values()) == len(good) + len(poison) + 2


async def test_one_group_per_side_and_events_for_the_other_side_are_skipped(bus_settings: Settings) -> None:
    both, left, right = stock("both"), stock("left"), stock("right")
    sinks = {side: RecordingSink() for side in ("sparklayer", "sparkpay")}
    async with publishing(bus_settings) as publisher:
        await publisher.publish([both], Priority.SYNC)
        await publisher.publish([left], Priority.REPLAY, target="sparklayer")
        await publisher.publish([right], Priority.LIVE, target="sparkpay")
        async with (
            running(bus_settings, sinks["sparklayer"], publisher, "sparklayer") as one,
            running(bus_settings, sinks["sparkpay"], publisher, "sparkpay") as other,
        ):
            await until(lambda: len(sinks["sparklayer"].taken) == 2 and len(sinks["sparkpay"].taken) == 2)
            await until(lambda: one.health().counts.get("other_side") == 1 == other.health().counts.get("other_side"))
    assert set(sinks["sparklayer"].ids()) == {both.id, left.id}
    assert set(sinks["sparkpay"].ids()) == {both.id, right.id}
    priorities = {incoming.event.id: incoming.priority for sink in sinks.values() for incoming in sink.taken}
    assert priorities == {both.id: Priority.SYNC, left.id: Priority.REPLAY, right.id: Priority.LIVE}


async def test_a_sink_that_fails_loses_nothing(bus_settings: Settings) -> None:
    events = [stock(f"S-{number % 7}", number) for number in range(300)]
    topic = topic_of(bus_settings, events[0])
    broken = True
    sink = RecordingSink(fault=lambda: OSError("the database is away") if broken else None)
    async with publishing(bus_settings) as publisher:
        await publisher.publish(events, Priority.LIVE)
        async with running(bus_settings, sink, publisher) as intake:
            await until(lambda: sink.attempts >= 4)
            health = intake.health()
            assert not health.ready()
            assert "the database is away" in (health.failing or "")
            assert await committed(bus_settings, topic) == {}
            broken = False
            await until(lambda: len(sink.taken) == len(events))
            await until(lambda: intake.health().failing is None)
            assert intake.health().ready()
    assert sorted(sink.ids()) == sorted(event.id for event in events)
    by_key: dict[str, list[int]] = {}
    for incoming in sink.taken:
        by_key.setdefault(incoming.event.data.key, []).append(incoming.event.data.levels[0].level)  # type: ignore[union-attr]
    assert all(levels == sorted(levels) for levels in by_key.values())
    assert sum((await committed(bus_settings, topic)).values()) == len(events)


async def test_a_failing_sink_is_not_asked_in_a_hot_loop(bus_settings: Settings) -> None:
    sink = RecordingSink(fault=lambda: OSError("away"))
    async with publishing(bus_settings) as publisher:
        await publisher.publish([stock("A")], Priority.LIVE)
        async with running(bus_settings, sink, publisher):
            await until(lambda: sink.attempts >= 1)
            loop = asyncio.get_running_loop()
            before, since = sink.attempts, loop.time()
            await until(lambda: sink.attempts >= before + 5)
            assert loop.time() - since > 5 * QUICK.first_delay


class _BrokenBox:
    """A publisher whose dead letters for one key do not arrive while it is `broken`."""

    def __init__(self, publisher: Publisher, key: bytes) -> None:
        self._publisher = publisher
        self._key = key
        self.broken = True
        self.refused = 0

    async def send_record(
        self, topic: str, key: bytes | None, value: bytes | None, headers: HeaderList, *, partition: int | None = None
    ) -> Place:
        if self.broken and key == self._key:
            self.refused += 1
            raise Unavailable("no broker for this one")
        return await self._publisher.send_record(topic, key, value, headers, partition=partition)

    async def partitions(self, topic: str) -> set[int]:
        return await self._publisher.partitions(topic)


async def test_a_dead_letter_that_cannot_be_sent_stops_its_partition_only(bus_settings: Settings) -> None:
    topic = topic_of(bus_settings, stock("A"))
    sink = RecordingSink()
    async with publishing(bus_settings) as publisher:
        box = _BrokenBox(publisher, b"bad")
        place = await publisher.send_record(topic, b"bad", b"junk", [], partition=1)
        behind = stock("behind")
        key, value, headers = encode(behind)
        await publisher.send_record(topic, key, value, headers, partition=1)
        async with running(bus_settings, sink, box) as intake:
            await until(lambda: box.refused >= 3)
            elsewhere = stock("elsewhere")
            key, value, headers = encode(elsewhere)
            await publisher.send_record(topic, key, value, headers, partition=2)
            await until(lambda: elsewhere.id in sink.ids())
            assert place.offset not in [
                end - 1 for part, end in (await committed(bus_settings, topic)).items() if part == 1
            ]
            assert 1 not in await committed(bus_settings, topic)
            assert await letters_of(bus_settings) == []
            assert not intake.health().ready()
            box.broken = False
            await until(lambda: intake.health().counts.get("refused") == 1)
            await until(lambda: intake.health().ready())
    assert (await committed(bus_settings, topic))[1] == 2
    assert [(letter.key, letter.value) for letter in await letters_of(bus_settings)] == [(b"bad", b"junk")]
    assert behind.id in sink.ids()


async def test_what_the_sink_refuses_is_a_letter_with_its_reason(bus_settings: Settings) -> None:
    refusal = Refusal(
        "intake", "UnknownConnection", "no connection is called nobody", code="unknown_connection", connection="nobody"
    )
    sink = RecordingSink(refuse=lambda i: refusal if i.event.connection == "nobody" else None)
    stranger = stock("A", connection="nobody")
    async with publishing(bus_settings) as publisher:
        await publisher.publish([stranger, stock("A")], Priority.LIVE)
        async with running(bus_settings, sink, publisher) as intake:
            await until(lambda: len(sink.taken) == 1 and intake.health().counts.get("refused") == 1)
    (letter,) = await letters_of(bus_settings)
    key, value, _ = encode(stranger)
    assert (letter.key, letter.value) == (key, value)
    assert letter.letter is not None
    assert (letter.letter.code, letter.letter.connection, letter.letter.message) == (
        "unknown_connection", "nobody", "no connection is called nobody",
    )  # fmt: skip


def _intake(settings: Settings, publisher: Publisher) -> Intake:
    office = DeadLetterOffice(publisher, TopicNames(settings.topic_prefix), SystemClock())
    return Intake(settings, "sparklayer", sink=RecordingSink(), letters=office, clock=SystemClock(), policy=QUICK)


async def test_missing_topics_are_told(kafka: str) -> None:
    settings = Settings(kafka_bootstrap_servers=kafka, topic_prefix="nobody-made-these")
    with pytest.raises(Unavailable, match=r"nobody-made-these\.products.*paylayer topics create"):
        await _intake(settings, Publisher(settings, SystemClock())).run()


async def test_a_broker_that_is_not_there_is_told() -> None:
    settings = Settings(kafka_bootstrap_servers="127.0.0.1:1")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 .*connecting"):
        await _intake(settings, Publisher(settings, SystemClock())).run()


async def test_a_consumer_that_died_is_noticed(bus_settings: Settings) -> None:
    intake = _intake(bus_settings, Publisher(bus_settings, SystemClock()))
    run = asyncio.create_task(intake.run())
    # It has its partitions a moment before FastStream has the task that reads them.
    await until(lambda: intake.health().assigned > 0 and len(intake._subscriber.tasks) > 0)
    (reading,) = intake._subscriber.tasks
    reading.cancel()
    with pytest.raises(Unavailable, match="ended by itself"):
        async with asyncio.timeout(30):
            await run
    assert not intake.health().live()


async def test_cancellation_finishes_the_batch_in_hand_and_commits_it(bus_settings: Settings) -> None:
    event = stock("A")
    entered, may_end = asyncio.Event(), asyncio.Event()

    class SlowSink(RecordingSink):
        async def take(self, batch: list[Incoming]) -> Sequence[Refusal | None]:
            entered.set()
            await may_end.wait()
            return await super().take(batch)

    sink = SlowSink()
    async with publishing(bus_settings) as publisher:
        await publisher.publish([event], Priority.LIVE)
        office = DeadLetterOffice(publisher, TopicNames(bus_settings.topic_prefix), SystemClock())
        intake = Intake(bus_settings, "sparklayer", sink=sink, letters=office, clock=SystemClock(), policy=QUICK)
        run = asyncio.create_task(intake.run())
        async with asyncio.timeout(20):
            await entered.wait()
        run.cancel()
        asyncio.get_running_loop().call_later(0.2, may_end.set)
        with pytest.raises(asyncio.CancelledError):
            await run
    assert sink.ids() == [event.id]
    assert sum((await committed(bus_settings, topic_of(bus_settings, event))).values()) == 1
