"""Who writes next where only one may write at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class WriterQueue:
    """One at a time, first come, first served; but the urgent ones come before all others that wait."""

    def __init__(self) -> None:
        self._taken = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def one(self, *, urgent: bool = False) -> AsyncGenerator[None, None]:
        """The block is a turn; it begins when the turns before it have ended."""
        await self._begin(self._urgent if urgent else self._others)
        try:
            yield
        finally:
            self._next()

    async def _begin(self, queue: deque[asyncio.Future[None]]) -> None:
        if not self._taken:
            self._taken = True
            return
        place = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # it was this one's turn already
                self._next()
            raise

    def _next(self) -> None:
        """Hand the turn on; it is free only where nobody waits, so nobody who comes now can be faster."""
        for queue in (self._urgent, self._others):
            while queue:
                place = queue.popleft()
                if not place.cancelled():
                    place.set_result(None)
                    return
        self._taken = False
