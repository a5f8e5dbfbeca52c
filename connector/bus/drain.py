"""Letting the batch in hand finish before its partitions go to another member."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from aiokafka import ConsumerRebalanceListener, TopicPartition


class Drain(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Holds a rebalance up, for `limit` seconds at most, while `busy` is taken.

    Without it a new member starts on records that the old one is still working on: done twice at the same moment, and
    older states written after newer ones. The limit has to stay below the group's rebalance timeout, or the member is
    thrown out.
    """

    def __init__(self, limit: float, forget: Callable[[], None]) -> None:
        self.busy = asyncio.Lock()
        self.revoking = asyncio.Event()
        self._limit = limit
        self._forget = forget

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        """Called before partitions are given up; `revoking` tells the batch to hurry."""
        self.revoking.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limit), self.busy:
                pass
        self._forget()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        """Called when the new partitions are known."""
        self.revoking.clear()
