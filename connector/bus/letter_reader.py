"""Reading dead-letter topics as they are now: bounded, without a group, nothing is committed."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from connector.bus.reach import reaching
from connector.bus.record import HeaderList
from connector.bus.security import client_options
from connector.bus.topics import administration, existing
from connector.errors import UserFault
from connector.settings import Settings
from contracts.dead_letters import Letter, letter_id, parse_letter_id, read
from contracts.topics import SIDES, TopicNames

_AT_ONCE = 2000
_PATIENCE_MS = 1000
_SECONDS_WITHOUT_PROGRESS = 30.0


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """One record of a dead-letter topic; `letter` is none where its headers are not PayLayer's."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    letter: Letter | None
    key: bytes | None
    value: bytes | None
    headers: HeaderList

    @property
    def id(self) -> str:
        """How the commands name it."""
        return letter_id(self.topic, self.partition, self.offset)


class LetterReader:
    """Reads what was there when a read began: whatever arrives meanwhile, such as its own replays, is for the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = TopicNames(settings.topic_prefix)

    def topics(self, *, side: str | None = None, entity: str | None = None) -> list[str]:
        """The dead-letter topics of a side, an entity kind, or all. Raises `UserFault` for an unknown kind."""
        try:
            sources = self._names.all_sources() if entity is None else [self._names.of(entity)]
        except KeyError as error:
            raise UserFault(f"there is no entity kind {entity!r}") from error
        sides = SIDES if side is None else (side,)
        return [self._names.dead_letters(source, each) for source in sources for each in sides]

    async def read(
        self, topics: Sequence[str], *, since: datetime | None = None, until: datetime | None = None
    ) -> AsyncIterator[StoredLetter]:
        """Every letter of these topics, in order within a partition; times are those of the letters' arrival.

        Raises `Unavailable`; a topic that does not exist holds nothing.
        """
        async with self._consumer() as consumer:
            ends = await self._snapshot(consumer, topics)
            await self._seek(consumer, list(ends), since)
            async for record in self._records(consumer, ends):
                letter = _stored(record)
                if (since is None or letter.timestamp >= since) and (until is None or letter.timestamp < until):
                    yield letter

    async def find(self, ids: Iterable[str]) -> dict[str, StoredLetter]:
        """The letters of these ids; those that are gone are missing in the answer.

        Raises `UserFault` for a text that is no id, or of a topic that holds no letters of ours; `Unavailable`.
        """
        wanted: dict[TopicPartition, set[int]] = {}
        for text in ids:
            topic, partition, offset = self._parsed(text)
            wanted.setdefault(TopicPartition(topic, partition), set()).add(offset)
        found: dict[str, StoredLetter] = {}
        if not wanted:
            return found
        async with self._consumer() as consumer:
            ends = await self._snapshot(consumer, sorted({partition.topic for partition in wanted}))
            for partition, offsets in wanted.items():
                first = (await consumer.beginning_offsets([partition])).get(partition, 0) if partition in ends else 0
                for offset in sorted(offsets):
                    if partition not in ends or not first <= offset < ends[partition]:
                        continue
                    consumer.seek(partition, offset)
                    async for record in self._records(consumer, {partition: offset + 1}):
                        if record.offset == offset:
                            letter = _stored(record)
                            found[letter.id] = letter
        return found

    async def one(self, letter: str) -> StoredLetter | None:
        """One letter by id; none when it is gone. Raises as `find` does."""
        return (await self.find([letter])).get(letter)

    def _parsed(self, text: str) -> tuple[str, int, int]:
        try:
            topic, partition, offset = parse_letter_id(text)
        except ValueError as error:
            raise UserFault(str(error)) from error
        if topic not in self.topics():
            raise UserFault(f"{text!r} names the topic {topic}, which holds no dead letters of this deployment")
        return topic, partition, offset

    @contextlib.asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **client_options(self._settings),
            client_id="paylayer-letters",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 * 1024 * 1024,  # a letter has up to 2 MiB
        )
        try:
            async with reaching(self._settings, "reading dead letters"):
                await consumer.start()
            yield consumer
        finally:
            await consumer.stop()

    async def _snapshot(self, consumer: AIOKafkaConsumer, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Assign all partitions of those topics that exist; their end offsets bound the read."""
        async with administration(self._settings) as admin, reaching(self._settings, "listing the topics"):
            there = await existing(admin)  # asking the consumer for a topic by name may create it
        partitions = [TopicPartition(topic, number) for topic in topics for number in range(there.get(topic, 0))]
        if not partitions:
            return {}
        async with reaching(self._settings, "reading dead letters"):
            consumer.assign(partitions)
            return dict(await consumer.end_offsets(partitions))

    async def _seek(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], since: datetime | None
    ) -> None:
        if not partitions:
            return
        async with reaching(self._settings, "looking for the first dead letter"):
            await consumer.seek_to_beginning(*partitions)
            if since is None:
                return
            moment = int(since.timestamp() * 1000)
            # None means "nothing so late" on a broker and "I do not know" on the embedded one: there the filter works.
            for partition, found in (await consumer.offsets_for_times(dict.fromkeys(partitions, moment))).items():
                if found is not None:
                    consumer.seek(partition, found.offset)

    async def _records(
        self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]
    ) -> AsyncIterator[ConsumerRecord]:
        """Up to the ends. The position decides, not the last record's offset: behind it may lie only markers."""
        left = set(ends)
        while True:
            async with reaching(self._settings, "reading dead letters", _SECONDS_WITHOUT_PROGRESS):
                left = {partition for partition in left if await consumer.position(partition) < ends[partition]}
                if not left:
                    return
                polled: dict[TopicPartition, list[ConsumerRecord]] = {}
                while not polled and left:
                    polled = await consumer.getmany(*left, timeout_ms=_PATIENCE_MS, max_records=_AT_ONCE)
                    left = {partition for partition in left if await consumer.position(partition) < ends[partition]}
            for partition, records in polled.items():
                for record in records:
                    if record.offset < ends[partition]:
                        yield record


def _stored(record: ConsumerRecord) -> StoredLetter:
    try:
        letter = read(record.headers)
    except ValueError:
        letter = None
    return StoredLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        letter=letter,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )
