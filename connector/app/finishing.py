"""Work that is brought to its end, even where nobody waits for its result any more."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

LAST_SECONDS = 3.0
Result = TypeVar("Result")


@dataclass(slots=True)
class Finishing:
    """What a store was asked to make must not be broken off half-way: whoever asks again could have it made twice."""

    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def of(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Its result; it goes on where the caller is cancelled, for instance because he has waited long enough."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._heard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for what goes on, though not for ever."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_SECONDS)

    def _heard(self, task: asyncio.Task[Any]) -> None:
        """An error that nobody waits for any more is one that the next caller hears again."""
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()
