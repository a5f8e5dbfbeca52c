"""Exact numbers of rows, as often as they are worth it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from connector.clock import Clock
from connector.state.inbox import Counts, Inbox

_TIMES = 20


@dataclass(frozen=True, slots=True)
class _Count:
    found: Mapping[tuple[str, str, str], Counts]
    good_until: float


class Census:
    """The inbox, counted anew when the last count is twenty times as old as it took to make.

    Counting reads every row: milliseconds for a small inbox, seconds for a million rows. However often a dashboard or
    a scraper asks, at most a twentieth of the time goes into it; a small inbox is counted each time.
    """

    def __init__(self, inbox: Inbox, clock: Clock) -> None:
        self._inbox = inbox
        self._clock = clock
        self._counting = asyncio.Lock()
        self._known: dict[str | None, _Count] = {}

    async def counts(self, connection: str | None = None) -> Mapping[tuple[str, str, str], Counts]:
        """By (connection, side, entity), of all connections or of one."""
        async with self._counting:
            began = self._clock.monotonic()
            known = self._known.get(connection)
            if known is not None and began < known.good_until:
                return known.found
            found = await self._inbox.counts(connection)
            ended = self._clock.monotonic()
            self._known[connection] = _Count(found, ended + _TIMES * (ended - began))
            return found
