"""Whether a group has taken everything that is on its topics at this moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from connector.bus.reach import reaching
from connector.bus.security import client_options
from connector.bus.topics import administration
from connector.settings import Settings
from contracts.topics import TopicNames


class GroupLag:
    """Compares committed offsets with the ends of the source topics."""

    def __init__(self, settings: Settings, admin: AIOKafkaAdminClient, reader: AIOKafkaConsumer) -> None:
        self._settings = settings
        self._names = TopicNames(settings.topic_prefix)
        self._admin = admin
        self._reader = reader

    @classmethod
    @asynccontextmanager
    async def connected(cls, settings: Settings) -> AsyncIterator["GroupLag"]:
        """With open connections. Raises `Unavailable`."""
        reader = AIOKafkaConsumer(**client_options(settings), client_id="paylayer-lag", group_id=None)
        async with administration(settings) as admin:
            try:
                async with reaching(settings, "connecting"):
                    await reader.start()
                yield cls(settings, admin, reader)
            finally:
                await reader.stop()

    async def ends(self) -> dict[TopicPartition, int]:
        """The ends of all source topics now. Raises `Unavailable`."""
        async with reaching(self._settings, "reading the ends of the topics"):
            there = await self._admin.describe_topics(self._names.all_sources())
            parts = [
                TopicPartition(topic["topic"], part["partition"]) for topic in there for part in topic["partitions"]
            ]
            return dict(await self._reader.end_offsets(parts))

    async def caught_up(self, side: str, ends: dict[TopicPartition, int]) -> bool:
        """Whether the side's group has committed up to these ends. Raises `Unavailable`."""
        async with reaching(self._settings, "reading committed offsets"):
            committed = await self._admin.list_consumer_group_offsets(self._names.group(side), partitions=list(ends))
        return all(
            end == 0 or (partition in committed and committed[partition].offset >= end)
            for partition, end in ends.items()
        )
