"""Health means progress: a hung intake is seen, an idle one and one whose broker is away are not taken for it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from connector.bus.dead_letters import DeadLetterOffice, Refusal
from connector.bus.incoming import Incoming
from connector.bus.intake import Intake
from connector.clock import SystemClock
from connector.ports import Priority
from connector.settings import Settings
from contracts.topics import TopicNames
from tests.support.intakes import QUICK, RecordingSink, publishing, stock, until
from tests.support.tcp_proxy import tcp_proxy


class ShiftedClock(SystemClock):
    """The machine's time, moved on by a test."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class HangingSink(RecordingSink):
    """A database that takes the batch and never answers, until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = asyncio.Event()

    async def take(self, batch: list[Incoming]) -> Sequence[Refusal | None]:
        self.attempts += 1
        await self.answer.wait()
        return await super().take(batch)


def _intake(settings: Settings, sink: Any, publisher: Any, clock: ShiftedClock) -> Intake:
    office = DeadLetterOffice(publisher, TopicNames(settings.topic_prefix), clock)
    return Intake(settings, "sparklayer", sink=sink, letters=office, clock=clock, policy=QUICK)


async def _looks() -> None:
    """The watch has come by with the clock as it is now."""
    await asyncio.sleep(QUICK.watch_seconds * 4 + QUICK.answer_seconds * 1.5)


async def test_a_database_that_hangs_is_seen_and_an_idle_intake_is_not(bus_settings: Settings) -> None:
    clock, sink = ShiftedClock(), HangingSink()
    async with publishing(bus_settings) as publisher:
        intake = _intake(bus_settings, sink, publisher, clock)
        run = asyncio.create_task(intake.run())
        await until(lambda: intake.health().assigned > 0, 40)
        clock.ahead += 3600
        await _looks()
        assert intake.health().live(), "nothing to do for an hour"
        await publisher.publish([stock("A")], Priority.LIVE)
        await until(lambda: sink.attempts == 1, 40)
        clock.ahead += 200
        await _looks()
        assert intake.health().live(), "a slow database is not a dead intake"
        clock.ahead += 120
        await _looks()
        assert not intake.health().live()
        sink.answer.set()
        await until(lambda: len(sink.taken) == 1 and intake.health().live())
        intake.stop()
        await run


@pytest.mark.kafka
async def test_a_consumer_that_hangs_is_seen_unless_it_is_the_broker_that_is_away(
    real_bus_settings: Settings,
) -> None:
    clock, sink = ShiftedClock(), RecordingSink()
    async with (
        tcp_proxy(real_bus_settings.kafka_bootstrap_servers) as proxy,
        publishing(real_bus_settings) as publisher,
    ):
        through = {"kafka_bootstrap_servers": f"127.0.0.1:{proxy.port}"}
        intake = _intake(real_bus_settings.model_copy(update=through), sink, publisher, clock)
        run = asyncio.create_task(intake.run())
        await until(lambda: intake.health().assigned > 0, 60)
        consumer = intake._subscriber.consumer
        assert consumer is not None
        takes, hangs = consumer.getmany, asyncio.Event()

        async def hanging(*parts: Any, **options: Any) -> Any:
            await hangs.wait()
            return await takes(*parts, **options)

        consumer.getmany = hanging
        await asyncio.sleep(0.5)  # the call that was under way
        await publisher.publish([stock(f"A-{number}") for number in range(100)], Priority.LIVE)
        await until(lambda: intake.health().total_lag() > 0, 60)
        clock.ahead += 25
        await _looks()
        assert intake.health().live(), "it may just be slow"
        clock.ahead += 10
        await _looks()
        assert not intake.health().live()

        proxy.deaf = True
        clock.ahead += 60
        await _looks()
        assert intake.health().live(), "nobody could move while the broker is away"
        proxy.hang_up()
        proxy.deaf = False
        hangs.set()
        await until(lambda: len(sink.taken) == 100, 60)
        assert intake.health().live()
        intake.stop()
        await run
