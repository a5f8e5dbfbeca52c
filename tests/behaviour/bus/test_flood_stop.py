"""A flood of unreadable records stops its partition where that is set, keeps the rest, and goes on when released."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connector.bus.dead_letters import DeadLetterOffice
from connector.bus.flood import FloodPolicy
from connector.bus.intake import Intake
from connector.clock import SystemClock
from connector.ports import Priority
from connector.settings import Settings
from contracts.events import encode
from contracts.topics import TopicNames
from tests.support.intakes import QUICK, RecordingSink, committed, letters_of, publishing, stock, topic_of, until


@asynccontextmanager
async def running_intake(intake: Intake) -> AsyncIterator[None]:
    task = asyncio.create_task(intake.run())
    try:
        yield
    finally:
        intake.stop()
        await task


class Noted:
    """Stops in memory."""

    def __init__(self) -> None:
        self.stops: dict[tuple[str, int], str] = {}

    async def stopped(self, side: str, topic: str, partition: int, reason: str) -> None:
        assert side == "sparklayer"
        self.stops[topic, partition] = reason

    async def still(self, side: str) -> set[tuple[str, int]]:
        assert side == "sparklayer"
        return set(self.stops)


async def test_a_flood_stops_its_partition_only_and_goes_on_when_released(bus_settings: Settings) -> None:
    topic, sink, noted = topic_of(bus_settings, stock("A")), RecordingSink(), Noted()
    policy = dataclasses.replace(QUICK, flood=FloodPolicy(in_a_row=5))
    async with publishing(bus_settings) as publisher:
        for _ in range(12):
            await publisher.send_record(topic, b"bad", b"junk", [], partition=1)
        behind, elsewhere = stock("behind"), stock("elsewhere")
        for event, partition in ((behind, 1), (elsewhere, 2)):
            key, value, headers = encode(event)
            await publisher.send_record(topic, key, value, headers, partition=partition)
        office = DeadLetterOffice(publisher, TopicNames(bus_settings.topic_prefix), SystemClock())
        intake = Intake(
            bus_settings, "sparklayer", sink=sink, letters=office, clock=SystemClock(), policy=policy, stops=noted
        )
        async with running_intake(intake):
            await until(lambda: bool(noted.stops) and elsewhere.id in sink.ids())
            assert "more than 5 records in a row" in noted.stops[topic, 1]
            assert len(await letters_of(bus_settings)) == 5
            assert (await committed(bus_settings, topic))[1] == 5
            assert intake.health().live()
            assert not intake.health().ready()
            noted.stops.clear()
            await until(lambda: intake.health().counts.get("refused") == 10)
            await until(lambda: bool(noted.stops))
            noted.stops.clear()
            await until(lambda: intake.health().counts.get("refused") == 12 and behind.id in sink.ids())
            await until(lambda: intake.health().ready())
    assert len(await letters_of(bus_settings)) == 12
    assert (await committed(bus_settings, topic))[1] == 13


async def test_poison_among_good_records_stops_nothing_by_default(bus_settings: Settings) -> None:
    topic, sink = topic_of(bus_settings, stock("A")), RecordingSink()
    async with publishing(bus_settings) as publisher:
        for _ in range(50):
            await publisher.send_record(topic, b"bad", b"junk", [], partition=1)
        last = stock("last")
        await publisher.publish([last], Priority.LIVE)
        office = DeadLetterOffice(publisher, TopicNames(bus_settings.topic_prefix), SystemClock())
        intake = Intake(bus_settings, "sparklayer", sink=sink, letters=office, clock=SystemClock(), policy=QUICK)
        async with running_intake(intake):
            await until(lambda: intake.health().counts.get("refused") == 50 and last.id in sink.ids())
            await until(lambda: intake.health().ready())
