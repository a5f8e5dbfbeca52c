"""How many syncs of a process may begin at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connector.clock import Clock

PLACES = 4
SECONDS = 30.0


class SyncPlaces:
    """A few places; who finds none free waits its turn.

    The first sync of a connection reads its whole catalogue, in pages of megabytes: two hundred of them at once, as
    after an installation, would hold up what everybody else's live changes need. A place is kept for half a minute at
    the most, because a sync that takes longer waits for its store's call limit and not for us: slow stores hold up
    nobody.
    """

    def __init__(self, clock: Clock, count: int = PLACES, seconds: float = SECONDS) -> None:
        self._clock = clock
        self._seconds = seconds
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for a place and hold it for the length of the block, or until its time is over."""
        await self._free.acquire()
        over = asyncio.create_task(self._clock.sleep(self._seconds))
        over.add_done_callback(lambda _: self._free.release())
        try:
            yield
        finally:
            over.cancel()
