"""Waiting for more rows before a bulk call: one full call is cheaper than many small ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connector.clock import Clock
from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.state.inbox import BACKLOG_BOUND, Inbox, Row
from handlers.outcome import Handler

GROWING_SECONDS = 0.1


@dataclass(slots=True)
class Gathering:
    """How long the rows of one connection and side linger; `is_applied` says whether some of a kind are in hand."""

    connection: str
    side: str
    settings: ConnectionSettings
    inbox: Inbox
    clock: Clock
    is_applied: Callable[[str], bool]
    _hold: dict[str, float] = field(default_factory=dict)  # kind: until when (monotonic) nothing is looked for
    _lingering: dict[str, int] = field(default_factory=dict)  # kind: rows that were due at the last look

    async def held(self, entity: str, limit: int) -> float:
        """Seconds until rows that linger are worth another look; what came meanwhile may be live, and waits less."""
        now = self.clock.monotonic()
        hold = self._hold.get(entity, now)
        if hold <= now:
            return 0.0
        backlog = (await self.inbox.backlog(self.connection, self.side, [entity])).get(entity)
        if backlog is not None and backlog.due >= min(limit, BACKLOG_BOUND):
            return 0.0
        self._hold[entity] = min(hold, now + self.settings.apply.linger_seconds)
        return self._hold[entity] - now

    async def linger(self, handler: Handler, rows: Sequence[Row]) -> float:
        """How long a call that these do not fill should still wait for more; 0 = they have waited long enough.

        While rows keep coming in it waits a little longer, up to twice as long.
        """
        seconds = await self._seconds(handler, rows)
        if seconds > 0:
            self._hold[handler.entity] = self.clock.monotonic() + seconds
        return seconds

    def done(self, entity: str) -> None:
        """The rows of a kind are taken up."""
        self._lingering.pop(entity, None)

    async def _seconds(self, handler: Handler, rows: Sequence[Row]) -> float:
        if not handler.after:
            return 0.0
        growing = len(rows) > self._lingering.get(handler.entity, len(rows))
        self._lingering[handler.entity] = len(rows)
        now = self.clock.now()
        live = self.settings.apply.linger_seconds
        patient = self.settings.apply.sync_linger_seconds if await self._more_is_coming(handler) else live
        ready = min(
            (row.due_at or row.received_at) + timedelta(seconds=patient if row.priority == Priority.SYNC else live)
            for row in rows
        )
        left = (ready - now).total_seconds()
        if left <= 0 and growing and left > -live:
            return min(GROWING_SECONDS, live + left)
        return max(0.0, left)

    async def _more_is_coming(self, handler: Handler) -> bool:
        """Whether rows that this kind waits for are still being applied."""
        if any(self.is_applied(name) for name in handler.after):
            return True
        backlog = await self.inbox.backlog(self.connection, self.side, handler.after)
        return any(name in backlog and backlog[name].due > 0 for name in handler.after)
