"""How many calls were made, per connection and side: counted in memory, stored every second."""

import asyncio
from collections import Counter

from connector.engine.metrics import Metrics
from connector.state.usage import Usage


class CallMeter:
    """What the clients' `on_call` hooks feed."""

    def __init__(self, usage: Usage, metrics: Metrics) -> None:
        self._usage = usage
        self._metrics = metrics
        self._unsaved: Counter[tuple[str, str]] = Counter()
        self._saving = asyncio.Lock()

    def count(self, connection: str, side: str, status: int | None, seconds: float) -> None:
        """One call was made, answered or not."""
        self._unsaved[connection, side] += 1
        self._metrics.call(connection, side, status, seconds)

    async def total(self, connection: str) -> Counter[str]:
        """All calls ever made for a connection, by side, those of other processes included."""
        await self.save()
        return Counter(await self._usage.read(connection))

    async def save(self) -> None:
        """Add what was counted to the database; kept for the next time where that fails."""
        async with self._saving:
            saving, self._unsaved = self._unsaved, Counter()
            try:
                await self._usage.add(saving)
            except BaseException:
                self._unsaved.update(saving)
                raise
