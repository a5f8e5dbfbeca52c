"""Where producers put their events: acknowledged by Kafka, in order per key."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Self

from connector.bus.producer import Outgoing, Producer, RawProducer, SendLimits
from connector.bus.record import HeaderList, Place
from connector.clock import Clock
from connector.ports import Priority
from connector.settings import Settings
from contracts.events import PRIORITY, TARGET, Event, encode, entity_name
from contracts.topics import TopicNames


class Publisher:
    """`connector.ports.Outlet` on Kafka, and the raw sending that dead letters and replays need.

    A repeated `publish` of the same events is harmless: an event's id is its identity, a cancelled or timed out send
    may have arrived.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        limits: SendLimits | None = None,
        connect: Callable[[], RawProducer] | None = None,
    ) -> None:
        self._names = TopicNames(settings.topic_prefix)
        self._producer = Producer(settings, clock, limits, connect)

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, settings: Settings, clock: Clock) -> AsyncIterator[Self]:
        """A started publisher for the length of a block. Raises `Unavailable`."""
        publisher = cls(settings, clock)
        await publisher.start()
        try:
            yield publisher
        finally:
            await publisher.stop()

    @property
    def rebuilt(self) -> int:
        """How often the connection had to be replaced."""
        return self._producer.rebuilt

    async def start(self) -> None:
        """Connect. Raises `Unavailable` that names the address."""
        await self._producer.start()

    async def stop(self) -> None:
        """Flush and disconnect; a second call does nothing."""
        await self._producer.stop()

    async def publish(self, events: Sequence[Event], priority: Priority, target: str | None = None) -> None:
        """Return after Kafka has acknowledged every event. Raises `Unavailable` or `RecordTooLarge`.

        Events of one key arrive in the order given; `target` limits them to one side.
        """
        extra: list[tuple[str, bytes | None]] = []
        if priority is not Priority.LIVE:
            extra.append((PRIORITY, priority.name.lower().encode()))
        if target is not None:
            extra.append((TARGET, target.encode()))
        records = []
        for event in events:
            key, value, headers = encode(event)
            records.append(Outgoing(self._names.of(entity_name(event)), key, value, [*headers, *extra]))
        if records:
            await self._producer.send(records)

    async def send_record(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: HeaderList,
        *,
        partition: int | None = None,
    ) -> Place:
        """Send one record as it is and return where it went. Raises `Unavailable` or `RecordTooLarge`."""
        (place,) = await self._producer.send([Outgoing(topic, key, value, headers, partition)])
        return place

    async def send_records(self, records: Sequence[Outgoing]) -> list[Place]:
        """Send records as they are, pipelined; return when all are acknowledged. Raises as `send_record` does."""
        return await self._producer.send(list(records))

    async def partitions(self, topic: str) -> set[int]:
        """The partition numbers of a topic. Raises `Unavailable`."""
        return await self._producer.partitions_for(topic)
