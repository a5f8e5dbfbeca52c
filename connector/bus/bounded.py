"""Reading topics as they are now: up to where they end when the reading begins, without a group, nothing committed."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from connector.bus.reach import reaching
from connector.bus.security import client_options
from connector.bus.topics import administration, existing
from connector.settings import Settings

_AT_ONCE = 2000
_PATIENCE_MS = 1000
_SECONDS_WITHOUT_PROGRESS = 30.0
_PARTITION_BYTES, _FETCH_BYTES = 4 * 1024 * 1024, 8 * 1024 * 1024  # what is fetched ahead is held in memory


async def read_all(
    settings: Settings, topics: Sequence[str], *, what: str
) -> AsyncGenerator[list[ConsumerRecord], None]:
    """Every record of these topics in batches, in order within a partition; `what` is said in errors.

    A topic that does not exist holds nothing. Raises `Unavailable`.
    """
    async with reader(settings, what) as consumer:
        ends = await assign(settings, consumer, topics, what)
        if ends:
            async with reaching(settings, what):
                await consumer.seek_to_beginning(*ends)
            async for batch in up_to(settings, consumer, ends, what):
                yield batch


@contextlib.asynccontextmanager
async def reader(settings: Settings, what: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group, for the length of a block. Raises `Unavailable`."""
    consumer = AIOKafkaConsumer(
        **client_options(settings),
        client_id="paylayer-reader",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_PARTITION_BYTES,  # a larger record comes alone
        fetch_max_bytes=_FETCH_BYTES,
    )
    try:
        async with reaching(settings, what):
            await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def assign(
    settings: Settings, consumer: AIOKafkaConsumer, topics: Sequence[str], what: str
) -> dict[TopicPartition, int]:
    """Assign all partitions of those topics that exist; where each of them ends now. Raises `Unavailable`."""
    async with administration(settings) as admin, reaching(settings, "listing the topics"):
        there = await existing(admin)  # asking the consumer for a topic by name may create it
    partitions = [TopicPartition(topic, number) for topic in topics for number in range(there.get(topic, 0))]
    if not partitions:
        return {}
    async with reaching(settings, what):
        consumer.assign(partitions)
        return dict(await consumer.end_offsets(partitions))


async def up_to(
    settings: Settings, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], what: str
) -> AsyncGenerator[list[ConsumerRecord], None]:
    """From where the consumer stands to these ends. Raises `Unavailable`.

    The position decides, not the last record's offset: behind it may lie only markers of transactions.
    """
    left = set(ends)
    while True:
        async with reaching(settings, what, _SECONDS_WITHOUT_PROGRESS):
            left = {each for each in left if await consumer.position(each) < ends[each]}
            if not left:
                return
            polled: dict[TopicPartition, list[ConsumerRecord]] = {}
            while not polled and left:
                polled = await consumer.getmany(*left, timeout_ms=_PATIENCE_MS, max_records=_AT_ONCE)
                left = {each for each in left if await consumer.position(each) < ends[each]}
        batch = [record for each, records in polled.items() for record in records if record.offset < ends[each]]
        if batch:
            yield batch
