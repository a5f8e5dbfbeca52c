"""What the publisher promises."""

import asyncio
import random
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import OutOfOrderSequenceNumber

from connector.bus.producer import Outgoing, Producer, RecordTooLarge, SendLimits
from connector.bus.publisher import Publisher
from connector.bus.record import HeaderList
from connector.clock import SteppedClock, SystemClock
from connector.errors import Unavailable
from connector.ports import Priority
from connector.settings import Settings
from contracts.events import decode
from tests.support.intakes import publishing, stock, topic_of


async def _records(settings: Settings, topic: str, count: int) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(settings.topic_partitions)])
        found: list[ConsumerRecord] = []
        async with asyncio.timeout(20):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found.extend(records)
        return found
    finally:
        await consumer.stop()


async def test_events_of_a_key_stay_in_order_in_one_partition(bus_settings: Settings) -> None:
    events = [stock(f"SKU-{number % 50}", number) for number in range(2000)]
    async with publishing(bus_settings) as publisher:
        for start in range(0, len(events), 400):
            await publisher.publish(events[start : start + 400], Priority.LIVE)
    records = await _records(bus_settings, topic_of(bus_settings, events[0]), len(events))
    levels: dict[bytes, list[int]] = {}
    partitions: dict[bytes, set[int]] = {}
    for record in records:
        event: Any = decode(record.key, record.value, record.headers)
        levels.setdefault(record.key, []).append(event.data.levels[0].level)
        partitions.setdefault(record.key, set()).add(record.partition)
    assert len(records) == len(events)
    assert len(levels) == 50
    assert all(seen == sorted(seen) for seen in levels.values())
    assert all(len(numbers) == 1 for numbers in partitions.values())
    assert len(set.union(*partitions.values())) == bus_settings.topic_partitions


async def test_headers_say_what_is_not_usual(bus_settings: Settings) -> None:
    live, sync = stock("A"), stock("B")
    async with publishing(bus_settings) as publisher:
        await publisher.publish([], Priority.LIVE)
        await publisher.publish([live], Priority.LIVE)
        await publisher.publish([sync], Priority.SYNC, target="sparklayer")
    records = await _records(bus_settings, topic_of(bus_settings, live), 2)
    headers = {record.key: list(record.headers) for record in records}
    content_type = ("content-type", b"application/cloudevents+json")
    assert headers == {
        b"acme/A": [content_type],
        b"acme/B": [content_type, ("paylayer-priority", b"sync"), ("paylayer-target", b"sparklayer")],
    }


async def test_a_broker_that_is_not_there_is_named() -> None:
    settings = Settings(kafka_bootstrap_servers="127.0.0.1:1")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        async with publishing(settings):
            pass


@pytest.mark.kafka
async def test_a_record_that_the_broker_refuses_does_not_spoil_what_follows(real_bus_settings: Settings) -> None:
    """It leaves a hole in the sequence numbers, after which the same producer is refused for ever."""
    topic = topic_of(real_bus_settings, stock("A"))
    large = random.Random(2).randbytes(1_500_000)
    async with publishing(real_bus_settings) as publisher:
        await publisher.send_record(topic, b"k", b"before", [], partition=0)
        with pytest.raises(RecordTooLarge, match=r"key k has 1500000 bytes.*max\.message\.bytes"):
            await publisher.send_record(topic, b"k", large, [], partition=0)
        place = await publisher.send_record(topic, b"k", b"after", [], partition=0)
        assert place.offset == 1
        assert publisher.rebuilt == 1


@pytest.mark.kafka
async def test_a_topic_that_does_not_exist_is_told(real_kafka: str) -> None:
    settings = Settings(kafka_bootstrap_servers=real_kafka, topic_prefix="nobody-made-these")
    publisher = Publisher(settings, SystemClock(), limits=SendLimits(seconds=3))
    await publisher.start()
    try:
        with pytest.raises(Unavailable, match=r"nobody-made-these\.stock.*paylayer topics create"):
            await publisher.publish([stock("A")], Priority.LIVE)
    finally:
        await publisher.stop()


async def test_a_partition_that_does_not_exist_is_told(bus_settings: Settings) -> None:
    async with publishing(bus_settings) as publisher:
        with pytest.raises(Unavailable, match="no partition 77"):
            await publisher.send_record(topic_of(bus_settings, stock("A")), b"k", b"v", [], partition=77)
        assert publisher.rebuilt == 0


@dataclass(frozen=True, slots=True)
class _Ack:
    topic: str
    partition: int
    offset: int


class _FakeProducer:
    """Acknowledges with the next of `answers`; none means: never."""

    def __init__(self, answers: list[BaseException | str | None]) -> None:
        self.answers = answers
        self.stopped = False

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        self.stopped = True

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None, headers: HeaderList, partition: int | None
    ) -> Awaitable[Any]:
        del value, key, headers, partition
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        elif answer is not None:
            future.set_result(_Ack(topic, 0, 0))
        return future

    async def partitions_for(self, topic: str) -> set[int]:
        del topic
        return {0}


def _producer(fakes: list[_FakeProducer], clock: SteppedClock) -> Producer:
    left = iter(fakes)
    limits = SendLimits(seconds=0.01, rebuild_after=60)
    return Producer(Settings(kafka_bootstrap_servers="kafka:9092"), clock, limits, lambda: next(left))


async def test_a_time_out_is_unavailable_and_a_long_one_replaces_the_producer() -> None:
    first, second, clock = _FakeProducer([None, "ok", None, None, None]), _FakeProducer(["ok"]), SteppedClock()
    producer = _producer([first, second], clock)
    record = Outgoing("t", b"k", b"v")
    with pytest.raises(Unavailable, match="kafka:9092 did not answer in time while sending"):
        await producer.send([record])
    clock.advance(59)
    assert len(await producer.send([record])) == 1  # a success ends the count
    for seconds in (0, 59, 1):
        clock.advance(seconds)
        assert producer.rebuilt == 0
        with pytest.raises(Unavailable):
            await producer.send([record])
    assert producer.rebuilt == 1
    assert first.stopped
    assert [place.topic for place in await producer.send([record])] == ["t"]


async def test_callers_with_less_patience_count_as_failures() -> None:
    first, second, clock = _FakeProducer([None, None]), _FakeProducer(["ok"]), SteppedClock()
    left = iter([first, second])
    settings = Settings(kafka_bootstrap_servers="kafka:9092")
    producer = Producer(settings, clock, SendLimits(seconds=60, rebuild_after=60), lambda: next(left))
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await producer.send([Outgoing("t", b"k", b"v")])
        assert producer.rebuilt == 0
        clock.advance(60)
    assert await producer.send([Outgoing("t", b"k", b"v")])
    assert (producer.rebuilt, first.stopped) == (1, True)


async def test_an_order_fault_replaces_the_producer_at_once() -> None:
    first, second = _FakeProducer(["ok", OutOfOrderSequenceNumber(), None]), _FakeProducer(["ok"])
    producer = _producer([first, second], SteppedClock())
    with pytest.raises(Unavailable, match="OutOfOrderSequenceNumber"):
        await producer.send([Outgoing("t", b"k", b"v")] * 3)
    assert (producer.rebuilt, first.stopped) == (1, True)
    assert await producer.send([Outgoing("t", b"k", b"v")])
