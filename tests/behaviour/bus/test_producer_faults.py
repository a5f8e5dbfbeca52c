"""What a producer does when acknowledgements get lost, on a real broker: nothing is lost, nothing changes its order."""

import asyncio
from itertools import groupby

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from connector.bus.producer import Outgoing, Producer, SendLimits
from connector.clock import SteppedClock, SystemClock
from connector.errors import Unavailable
from connector.settings import Settings
from contracts.topics import TopicNames
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


def _through(settings: Settings, proxy: TcpProxy) -> Settings:
    return settings.model_copy(update={"kafka_bootstrap_servers": f"127.0.0.1:{proxy.port}"})


async def _values(settings: Settings, topic: str) -> list[int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        found: list[int] = []
        async with asyncio.timeout(30):
            while await consumer.position(partition) < end:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found.extend(int(record.value) for record in records)
        return found
    finally:
        await consumer.stop()


def _records(topic: str, numbers: range) -> list[Outgoing]:
    return [Outgoing(topic, b"key", str(number).encode(), partition=0) for number in numbers]


async def _warmed_up(settings: Settings, topic: str, numbers: range) -> None:
    """The first records, and with them a partition that has found its leader."""
    producer = Producer(settings, SystemClock(), SendLimits(seconds=60))
    await producer.send(_records(topic, numbers))
    await producer.stop()


async def test_lost_acknowledgements_lose_and_repeat_nothing(real_bus_settings: Settings) -> None:
    """The broker has the records, its answer is lost, the connection breaks: the same sequence numbers come again."""
    topic = TopicNames(real_bus_settings.topic_prefix).of("stock")
    async with tcp_proxy(real_bus_settings.kafka_bootstrap_servers) as proxy:
        producer = Producer(_through(real_bus_settings, proxy), SystemClock(), SendLimits(seconds=60))
        await producer.start()
        try:
            await producer.send(_records(topic, range(50)))
            for start in (50, 100, 150):
                proxy.deaf = True
                sending = asyncio.create_task(producer.send(_records(topic, range(start, start + 50))))
                before = proxy.swallowed
                async with asyncio.timeout(30):
                    while proxy.swallowed == before:
                        await asyncio.sleep(0.02)
                proxy.hang_up()
                proxy.deaf = False
                assert len(await sending) == 50
            assert producer.rebuilt == 0
        finally:
            await producer.stop()
    assert await _values(real_bus_settings, topic) == list(range(200))


async def test_what_is_sent_again_after_a_time_out_ends_in_the_same_order(real_bus_settings: Settings) -> None:
    """Nobody knows whether a send that timed out arrived: it is sent again, until it is acknowledged, then the next."""
    topic = TopicNames(real_bus_settings.topic_prefix).of("stock")
    clock = SteppedClock()
    limits = SendLimits(seconds=5.0, rebuild_after=3.0, stop_seconds=1.0)
    await _warmed_up(real_bus_settings, topic, range(20))
    async with tcp_proxy(real_bus_settings.kafka_bootstrap_servers) as proxy:
        producer = Producer(_through(real_bus_settings, proxy), clock, limits)
        await producer.start()
        try:
            failures = 0
            proxy.deaf = True
            while True:
                try:
                    places = await producer.send(_records(topic, range(20, 40)))
                    break
                except Unavailable:
                    failures += 1
                    clock.advance(2.0)
                    if failures == 3:
                        proxy.hang_up()
                        proxy.deaf = False
                    assert failures < 20
            assert failures >= 3
            assert producer.rebuilt >= 1, "a producer that fails for long is replaced"
            assert [place.offset for place in places] == sorted(place.offset for place in places)
            await producer.send(_records(topic, range(40, 60)))
        finally:
            await producer.stop()
    found = await _values(real_bus_settings, topic)
    assert set(found) == set(range(60))
    assert found[:20] == list(range(20))
    assert found[-20:] == list(range(40, 60)), "what came later was sent only after the acknowledgement"
    repeats = [number for number, _ in groupby(found[20:-20])]
    assert len(repeats) % 20 == 0
    assert all(repeats[start : start + 20] == list(range(20, 40)) for start in range(0, len(repeats), 20))


async def test_the_cursor_of_a_caller_moves_only_behind_acknowledgements(real_bus_settings: Settings) -> None:
    """As every producer does it: publish, then remember; ended in between it sends again, and skips nothing."""
    topic = TopicNames(real_bus_settings.topic_prefix).of("stock")
    cursor = 10
    await _warmed_up(real_bus_settings, topic, range(cursor))
    async with tcp_proxy(real_bus_settings.kafka_bootstrap_servers) as proxy:
        for life in range(4):
            producer = Producer(
                _through(real_bus_settings, proxy), SystemClock(), SendLimits(seconds=5.0, stop_seconds=0.5)
            )
            await producer.start()
            try:
                await producer.send(_records(topic, range(cursor, cursor + 10)))
                cursor += 10
                proxy.deaf = life < 3
                await producer.send(_records(topic, range(cursor, cursor + 10)))
                cursor += 10
            except Unavailable:
                pass
            finally:
                await producer.stop()
                proxy.hang_up()
                proxy.deaf = False
    found = await _values(real_bus_settings, topic)
    firsts = list(dict.fromkeys(found))
    assert firsts == list(range(cursor))
