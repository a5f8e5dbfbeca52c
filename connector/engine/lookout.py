"""One look at the database for everybody in this process.

What a connection has to do is rare news: with two hundred connections that each ask for themselves, nearly all of the
answers are "nothing". So the process asks once, in three statements whose cost does not depend on the number of
connections, and wakes those that are concerned. Rows that the intake of the same process stores wake their applier at
once; a look finds what other processes stored, what became due by the clock, and what people asked for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from connector.clock import Clock
from connector.errors import PayLayerError
from connector.state.hints import HintStore
from connector.state.inbox import Inbox
from connector.state.pauses import Pause, SidePauses
from connector.state.runs import Runs

log = structlog.get_logger("paylayer.lookout")
LOOK_SECONDS = 0.2
REQUESTED = frozenset({"requested"})

Wake = Callable[[str, str, str], None]
"""Told of connection, side and entity that have rows to apply; it may be another process's work."""


@dataclass(slots=True)
class Lookout:
    """What is due, paused and asked for, never older than `LOOK_SECONDS` while the database answers."""

    inbox: Inbox
    pauses: SidePauses
    runs: Runs
    clock: Clock
    wake: Wake
    hints: HintStore | None = None  # without it nobody is told of them
    _paused: Mapping[tuple[str, str], Pause] = field(default_factory=dict)
    _hinted: dict[str, asyncio.Event] = field(default_factory=dict)
    _waiting: set[str] = field(default_factory=set)  # connections whose hints somebody waits for
    _requested: dict[tuple[str, frozenset[str]], asyncio.Event] = field(default_factory=dict)
    last_tick: float | None = None  # monotonic seconds; none before the first look

    async def run(self) -> None:
        """Look until cancelled; a database that is away is waited for."""
        away = False
        while True:
            self.last_tick = self.clock.monotonic()
            try:
                await self.look()
            except PayLayerError as error:
                if not away:
                    log.warning("database_away", error=str(error))
                away = True
            else:
                away = False
            await self.clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once. Raises what the database raises."""
        self._paused = await self.pauses.all()
        requested = await self.runs.requested()
        for (connection, states), event in self._requested.items():
            if requested.get(connection, frozenset()) & states:
                event.set()
        if self.hints is not None and self._waiting:
            for connection in self._waiting & await self.hints.waiting():
                self.hint(connection)
        now = self.clock.now()
        for connection, side, entity in await self.inbox.due_lanes(now):
            pause = self._paused.get((connection, side))
            if pause is None or (pause.probe_at is not None and pause.probe_at <= now):
                self.wake(connection, side, entity)

    def pause(self, connection: str, side: str) -> Pause | None:
        """The pause of a side at the last look."""
        return self._paused.get((connection, side))

    async def sync_requested(self, connection: str, states: frozenset[str] = REQUESTED) -> None:
        """Return at the next look that finds a sync of the connection in one of these states; one waiter for each."""
        waited_for = (connection, states)
        event = self._requested.setdefault(waited_for, asyncio.Event())
        try:
            await event.wait()
        finally:
            self._requested.pop(waited_for, None)

    async def hinted(self, connection: str) -> None:
        """Return when a row of the connection is said to have changed since the last time; one waiter for each."""
        event = self._hinted.setdefault(connection, asyncio.Event())
        self._waiting.add(connection)
        try:
            await event.wait()
        finally:
            self._waiting.discard(connection)
        event.clear()

    def when_hinted(self, connection: str, step: Callable[[], Awaitable[float]]) -> Callable[[], Awaitable[float]]:
        """A step that begins as soon as a row of the connection is said to have changed."""

        async def waiting() -> float:
            await self.hinted(connection)
            return await step()

        return waiting

    def hint(self, connection: str) -> None:
        """Something was said just now. Whoever reads what was said before goes on with it.

        What is said in another process is found by looking.
        """
        self._hinted.setdefault(connection, asyncio.Event()).set()
