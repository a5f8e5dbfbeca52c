"""One at a time per e-mail address: customers and orders both make customers, and the store takes two of one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class EmailTurns:
    """Shared by the handlers of one store; one applier works for a store at a time."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def turn(self, email: str | None) -> AsyncIterator[None]:
        """Alone with that address while the block lasts."""
        name = (email or "").strip().casefold()
        lock, waiting = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks[name]
            if waiting == 1:
                del self._locks[name]
            else:
                self._locks[name] = (lock, waiting - 1)
