"""A deployment in which tests refuse events, and see what replays of the letters put on the topics."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connector.app.core import Core
from connector.app.letters import FoundLetter, LetterFilter, LetterOffice
from connector.app.replays import ReplayOffice
from connector.bus.dead_letters import DeadLetterOffice, Refusal
from connector.bus.letter_reader import LetterReader, StoredLetter
from connector.bus.producer import Outgoing
from connector.bus.publisher import Publisher
from connector.bus.record import Place, StoredRecord
from connector.bus.replay import replayed_from
from connector.errors import Unavailable
from connector.ports import Priority
from connector.state.inbox import Arrival
from contracts.dead_letters import letter_id
from contracts.entities import Stock, StockLevel
from contracts.events import Event, changed, encode, entity_name
from contracts.topics import TopicNames

SIDE = "sparklayer"
START = datetime(2026, 1, 1, tzinfo=UTC)
ALL = LetterFilter(side=SIDE)


def stock(sku: str, version: int = 0, level: int = 1) -> Event:
    """The state of a SKU; a higher version is newer."""
    return changed(
        Stock(sku=sku, levels=(StockLevel(level=level),)),
        connection="acme",
        source="erp",
        time=START + timedelta(seconds=version),
    )


@dataclass
class LetterDesk:
    core: Core
    publisher: Publisher
    folder: Path
    refused: int = field(default=0)

    @property
    def names(self) -> TopicNames:
        return TopicNames(self.core.settings.topic_prefix)

    @property
    def office(self) -> LetterOffice:
        return LetterOffice(self.core)

    @property
    def replays(self) -> ReplayOffice:
        return ReplayOffice(self.core)

    async def refuse(
        self, events: Sequence[Event], code: str = "duplicate", headers: Sequence[tuple[str, bytes | None]] = ()
    ) -> list[str]:
        """Put events away as a side that says no does; the ids of their letters."""
        office = DeadLetterOffice(self.publisher, self.names, self.core.clock)
        places = []
        for event in events:
            key, value, own = encode(event)
            number = sum(key) % self.core.settings.topic_partitions
            record = StoredRecord(self.names.of(entity_name(event)), number, self.refused, key, value, [*own, *headers])
            why = Refusal(
                "apply", "Refused", f"{event.data.key}: no", 409, code, connection=event.connection,
                entity=entity_name(event), key=event.data.key,
            )  # fmt: skip
            places.append(await office.refuse(record, SIDE, why))
            self.refused += 1
        return [letter_id(place.topic, place.partition, place.offset) for place in places]

    async def refuse_many(self, count: int, code: str = "duplicate") -> None:
        """The same for so many SKUs, at once."""
        box = _Basket(self.publisher)
        office = DeadLetterOffice(box, self.names, self.core.clock)
        for number in range(count):
            event = stock(f"{code}-{number:05}")
            key, value, own = encode(event)
            record = StoredRecord(
                self.names.of("stock"), number % self.core.settings.topic_partitions, number, key, value, own
            )
            why = Refusal("apply", "Refused", "no", 409, code, connection="acme", entity="stock", key=event.data.key)
            await office.refuse(record, SIDE, why)
        await self.publisher.send_records(box.records)

    async def want(self, event: Event) -> None:
        """The inbox has been told of this state."""
        key, value, headers = encode(event)
        arrived = Arrival(
            connection=event.connection, side=SIDE, entity=entity_name(event), key=event.data.key,
            version_time=event.time, event_id=event.id, deleted=False, priority=int(Priority.LIVE),
            topic=self.names.of(entity_name(event)), partition=0, offset=0, record_key=key, value=value,
            headers=headers,
        )  # fmt: skip
        await self.core.inbox.put([arrived])

    async def letters(self, chosen: LetterFilter = ALL) -> list[FoundLetter]:
        return [found async for found in self.office.search(chosen)]

    async def fates(self, chosen: LetterFilter = ALL) -> dict[str, str]:
        return {found.id: found.state for found in await self.letters(chosen)}

    async def sent(self, entity: str = "stock") -> list[StoredLetter]:
        """What lies on a source topic, in order per partition."""
        return [record async for record in LetterReader(self.core.settings).read([self.names.of(entity)])]

    async def sent_ids(self) -> list[str]:
        """Which letters were sent again, as often as they were."""
        return sorted(str(replayed_from(record)) for record in await self.sent())


@dataclass
class _Basket:
    """Collects letters to post them together."""

    publisher: Publisher
    records: list[Outgoing] = field(default_factory=list)

    async def send_record(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
        *,
        partition: int | None = None,
    ) -> Place:
        self.records.append(Outgoing(topic, key, value, headers, partition))
        return Place(topic, partition or 0, -1)

    async def partitions(self, topic: str) -> set[int]:
        return await self.publisher.partitions(topic)


@dataclass
class Failing:
    """A publisher that stops to answer after so many slices."""

    publisher: Publisher
    after: int
    slices: list[int] = field(default_factory=list)

    async def send_records(self, records: Sequence[Outgoing]) -> list[Place]:
        if len(self.slices) == self.after:
            raise Unavailable("no broker")
        self.slices.append(len(records))
        return await self.publisher.send_records(records)

    async def partitions(self, topic: str) -> set[int]:
        return await self.publisher.partitions(topic)
