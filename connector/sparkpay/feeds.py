"""The change feeds of one part of a store, which begin together."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from connector.ports import Memory, Priority
from connector.sparkpay.change_feed import ChangeFeed
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query
from connector.sparkpay.reference import ReferenceBook


class Feeds:
    """One feed per resource, in the order in which they are looked at."""

    def __init__(
        self,
        client: SparkPayClient,
        memory: Memory,
        reference: ReferenceBook,
        queries: Mapping[str, Query],
        *,
        overlap_seconds: float,
        kind: str | None = None,
    ) -> None:
        """`kind`: positions are stored for it alone, where several kinds look at the same resources."""
        self._client = client
        self._reference = reference
        overlap = timedelta(seconds=overlap_seconds)
        prefix = "live" if kind is None else f"live:{kind}"
        self._feeds = {
            resource: ChangeFeed(client, memory, resource, query, overlap=overlap, name=f"{prefix}:{resource}")
            for resource, query in queries.items()
        }

    def __getitem__(self, resource: str) -> ChangeFeed:
        return self._feeds[resource]

    @property
    def resources(self) -> tuple[str, ...]:
        """What is watched."""
        return tuple(self._feeds)

    async def begin(self, priority: Priority = Priority.LIVE) -> datetime:
        """Watch from now on what is not watched yet; the server's time. Call it before a walk that changes follow."""
        await self._reference.current(priority)  # its answers say what time it is there
        now = self._client.server_clock.now()
        for feed in self._feeds.values():
            await feed.begin(now)
        return now

    async def is_new(self) -> bool:
        """Whether nothing of this part was ever watched."""
        for feed in self._feeds.values():
            if await feed.known():
                return False
        return True
