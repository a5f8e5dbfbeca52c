"""Reading dead-letter topics as they are now: bounded, without a group, nothing is committed."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from connector.bus.bounded import assign, reader, up_to
from connector.bus.reach import reaching
from connector.bus.record import HeaderList
from connector.errors import UserFault
from connector.settings import Settings
from contracts.dead_letters import Letter, letter_id, parse_letter_id, read
from contracts.topics import SIDES, TopicNames

_WHAT = "reading dead letters"


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

    async def ends(self, topics: Sequence[str]) -> dict[str, dict[int, int]]:
        """Where each partition of these topics ends now. Raises `Unavailable`."""
        async with reader(self._settings, _WHAT) as consumer:
            return _as_known(await assign(self._settings, consumer, topics, _WHAT))

    async def read(
        self,
        topics: Sequence[str],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        ends: Mapping[str, Mapping[int, int]] | None = None,
    ) -> AsyncGenerator[StoredLetter, None]:
        """Every letter of these topics, in order within a partition; times are those of the letters' arrival.

        It ends at `ends`, or where the topics end when it begins. Raises `Unavailable`; a topic that does not exist
        holds nothing.
        """
        async with reader(self._settings, _WHAT) as consumer:
            found = await assign(self._settings, consumer, topics, _WHAT)
            ends = _as_known(found) if ends is None else ends
            bounds = {each: min(end, ends.get(each.topic, {}).get(each.partition, 0)) for each, end in found.items()}
            await self._seek(consumer, list(bounds), since)
            async for record in self._records(consumer, bounds):
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
        async with reader(self._settings, _WHAT) as consumer:
            ends = await assign(self._settings, consumer, sorted({partition.topic for partition in wanted}), _WHAT)
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

    async def behind(self, letter: StoredLetter) -> AsyncGenerator[StoredLetter, None]:
        """The letters that came into its partition after it. Raises `Unavailable`."""
        async with reader(self._settings, _WHAT) as consumer:
            partition = TopicPartition(letter.topic, letter.partition)
            ends = await assign(self._settings, consumer, [letter.topic], _WHAT)
            if letter.offset + 1 >= ends.get(partition, 0):
                return
            consumer.seek(partition, letter.offset + 1)
            async for record in self._records(consumer, {partition: ends[partition]}):
                yield _stored(record)

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
        self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
    ) -> AsyncIterator[ConsumerRecord]:
        async for batch in up_to(self._settings, consumer, ends, _WHAT):
            for record in batch:
                yield record


def _as_known(ends: Mapping[TopicPartition, int]) -> dict[str, dict[int, int]]:
    known: dict[str, dict[int, int]] = {}
    for partition, end in ends.items():
        known.setdefault(partition.topic, {})[partition.partition] = end
    return known


def letter_of(headers: HeaderList) -> Letter | None:
    """The reason in these headers; none where they are not PayLayer's."""
    try:
        return read(headers)
    except ValueError:
        return None


def _stored(record: ConsumerRecord) -> StoredLetter:
    return StoredLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        letter=letter_of(record.headers),
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )
