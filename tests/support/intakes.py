"""Running intakes in tests: a sink that remembers, a way to wait for it, what the group has committed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from connector.bus.dead_letters import DeadLetterOffice, Refusal
from connector.bus.incoming import Incoming
from connector.bus.intake import Intake
from connector.bus.intake_policy import IntakePolicy
from connector.bus.letter_reader import LetterReader, StoredLetter
from connector.bus.publisher import Publisher
from connector.clock import SystemClock
from connector.settings import Settings
from contracts.entities import Stock, StockLevel
from contracts.events import Event, changed, entity_name
from contracts.topics import TopicNames

QUICK = IntakePolicy(first_delay=0.05, longest_delay=0.2, watch_seconds=0.05, session_seconds=6.0, drain_seconds=4.0)


class RecordingSink:
    """Keeps what it is given; `refuse` may answer for single events, `fault` may fail a whole batch."""

    def __init__(
        self,
        refuse: Callable[[Incoming], Refusal | None] = lambda _: None,
        fault: Callable[[], Exception | None] = lambda: None,
    ) -> None:
        self.taken: list[Incoming] = []
        self.batches = 0
        self.attempts = 0
        self._refuse = refuse
        self._fault = fault

    async def take(self, batch: list[Incoming]) -> Sequence[Refusal | None]:
        self.attempts += 1
        if (error := self._fault()) is not None:
            raise error
        answers = [self._refuse(incoming) for incoming in batch]
        self.taken.extend(i for i, answer in zip(batch, answers, strict=True) if answer is None)
        self.batches += 1
        return answers

    def ids(self) -> list[str]:
        return [incoming.event.id for incoming in self.taken]


@asynccontextmanager
async def publishing(settings: Settings) -> AsyncIterator[Publisher]:
    async with Publisher.connected(settings, SystemClock()) as publisher:
        yield publisher


@asynccontextmanager
async def running(
    settings: Settings, sink: object, publisher: object, side: str = "sparklayer", policy: IntakePolicy = QUICK
) -> AsyncIterator[Intake]:
    clock = SystemClock()
    office = DeadLetterOffice(publisher, TopicNames(settings.topic_prefix), clock)  # type: ignore[arg-type]
    intake = Intake(settings, side, sink=sink, letters=office, clock=clock, policy=policy)  # type: ignore[arg-type]
    task = asyncio.create_task(intake.run())
    try:
        yield intake
    finally:
        intake.stop()
        await task


async def until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something that a broker and other tasks have to do first."""
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0.02)


def stock(sku: str, level: int = 1, *, id: str | None = None, connection: str = "acme") -> Event:  # noqa: A002
    return changed(
        Stock(sku=sku, levels=(StockLevel(location="default", level=level),)),
        connection=connection,
        source="erp",
        id=id,
    )


def topic_of(settings: Settings, event: Event) -> str:
    return TopicNames(settings.topic_prefix).of(entity_name(event))


async def letters_of(settings: Settings) -> list[StoredLetter]:
    reader = LetterReader(settings)
    return [letter async for letter in reader.read(reader.topics())]


async def committed(settings: Settings, topic: str, side: str = "sparklayer") -> dict[int, int]:
    """Offset by partition, where the group has committed one."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=TopicNames(settings.topic_prefix).group(side),
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        found = {}
        for number in range(settings.topic_partitions):
            offset = await consumer.committed(TopicPartition(topic, number))
            if offset is not None:
                found[number] = int(offset)
        return found
    finally:
        await consumer.stop()
