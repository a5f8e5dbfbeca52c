"""Drains the inbox of one connection and side at the speed that the platform allows.

The way of a row: due -> decoded -> the kind's handler -> an outcome -> settled in one transaction. A refusal is put
into the dead-letter topic, and acknowledged there, before its row is closed. One applier per connection and side works
at a time (a lease sees to that), so no two writers meet on a key.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from connector.bus.dead_letters import DeadLetterOffice
from connector.bus.record import StoredRecord
from connector.clock import Clock
from connector.engine.metrics import Metrics
from connector.engine.policies import Backoff, Breaker, TargetHealth
from connector.engine.settling import Settled, settle
from connector.engine.tally import Tally
from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.state.claims import SideDirectory
from connector.state.inbox import BACKLOG_BOUND, Inbox, Row
from connector.state.pauses import SidePauses
from contracts.dead_letters import letter_id
from contracts.events import Unreadable, decode, is_deletion
from handlers.outcome import Applied, Context, Failed, Handler, Outcome, Rejected, Task

log = structlog.get_logger("paylayer.applier")
GROWING_SECONDS = 0.1
FINISH_SECONDS = 7.0  # of the ten that an orchestrator gives


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often an idle applier looks at the database; a wake-up from the same process comes at once."""

    shortest_seconds: float = 0.05
    longest_seconds: float = 0.5


@dataclass(slots=True)
class Applier:
    """One connection, one side."""

    connection: str
    side: str
    settings: ConnectionSettings
    handlers: Mapping[str, Handler]
    inbox: Inbox
    directory: SideDirectory
    office: DeadLetterOffice
    pauses: SidePauses
    clock: Clock
    metrics: Metrics
    tally: Tally
    rng: random.Random = field(default_factory=random.Random)
    backoff: Backoff = field(default_factory=Backoff)
    breaker: Breaker = field(default_factory=Breaker)
    cadence: Cadence = field(default_factory=Cadence)
    health: TargetHealth = field(init=False)
    _wake: dict[str, asyncio.Event] = field(init=False)
    _busy: dict[str, bool] = field(init=False)
    _successes_at_failure: dict[tuple[str, str], int] = field(default_factory=dict)
    _hold: dict[str, float] = field(default_factory=dict)
    _lingering: dict[str, int] = field(default_factory=dict)  # rows that were due at the last look
    _was_paused: bool = False
    last_tick: float = 0.0

    def __post_init__(self) -> None:
        self.health = TargetHealth(self.backoff, self.rng)
        self._wake = {name: asyncio.Event() for name in self.handlers}
        self._busy = dict.fromkeys(self.handlers, False)
        self.last_tick = self.clock.monotonic()

    def wake(self) -> None:
        """New rows are there: do not wait for the next look."""
        for event in self._wake.values():
            event.set()

    async def run(self) -> None:
        """Work until cancelled; a cancellation lets the calls in hand be answered and settled first."""
        async with asyncio.TaskGroup() as group:
            for name in self.handlers:
                group.create_task(self._drain(name), name=f"apply:{self.connection}:{self.side}:{name}")

    async def _drain(self, entity: str) -> None:
        idle = self.cadence.shortest_seconds
        while True:
            working = asyncio.create_task(self.step(entity))
            try:
                pause = await asyncio.shield(working)
            except asyncio.CancelledError:
                # What was sent should be answered and written down; what takes longer is sent again by the next one.
                await asyncio.wait([working], timeout=FINISH_SECONDS)
                working.cancel()
                await asyncio.wait([working])
                raise
            if pause == 0.0:
                idle = self.cadence.shortest_seconds
                continue
            idle = min(self.cadence.longest_seconds, idle * 2)
            await self._rest(entity, min(pause, idle))

    async def _rest(self, entity: str, seconds: float) -> None:
        waiter = asyncio.create_task(self._wake[entity].wait())
        sleeper = asyncio.create_task(self.clock.sleep(seconds))
        try:
            await asyncio.wait({waiter, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
            sleeper.cancel()
            self._wake[entity].clear()

    async def step(self, entity: str) -> float:
        """Apply one batch of a kind. Gives the seconds until there may be more to do; 0 = at once."""
        self.last_tick = self.clock.monotonic()
        if await self._paused():
            return self.cadence.longest_seconds
        wait = self.health.hold_until - self.clock.monotonic()
        if wait > 0:
            return wait
        handler = self.handlers[entity]
        limit = 1 if self.health.ill else handler.batch
        if (hold := await self._held(entity, limit)) > 0:
            return hold
        rows = await self.inbox.due(self.connection, self.side, entity, limit, self.clock.now())
        if not rows:
            return self.cadence.longest_seconds
        if len(rows) < limit and (linger := await self._linger(handler, rows)) > 0:
            self._hold[entity] = self.clock.monotonic() + linger
            return linger
        self._lingering.pop(entity, None)
        self._busy[entity] = True
        try:
            await self._apply(entity, handler, rows)
        finally:
            self._busy[entity] = False
        return 0.0

    async def _held(self, entity: str, limit: int) -> float:
        """Seconds until rows that linger are worth another look; what came meanwhile may be live, and waits less."""
        now = self.clock.monotonic()
        hold = self._hold.get(entity, now)
        if hold <= now:
            return 0.0
        backlog = (await self.inbox.backlog(self.connection, self.side)).get(entity)
        if backlog is not None and backlog.due >= min(limit, BACKLOG_BOUND):
            return 0.0
        self._hold[entity] = min(hold, now + self.settings.apply.linger_seconds)
        return self._hold[entity] - now

    async def _linger(self, handler: Handler, rows: Sequence[Row]) -> float:
        """How long a bulk call should still wait for more rows: one full call is cheaper than many small ones.

        While rows keep coming in it waits a little longer, up to twice as long.
        """
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
        if any(self._busy.get(name, False) for name in handler.after):
            return True
        backlog = await self.inbox.backlog(self.connection, self.side)
        return any(name in backlog and backlog[name].due > 0 for name in handler.after)

    async def _apply(self, entity: str, handler: Handler, rows: Sequence[Row]) -> None:
        tasks: list[Task] = []
        taken: list[Row] = []
        unreadable: list[tuple[Row, Outcome]] = []
        for row in rows:
            try:
                tasks.append(_task(row))
                taken.append(row)
            except Unreadable as error:
                unreadable.append((row, Rejected(error.code, str(error), details=error.details)))
        context = Context(settings=self.settings, skus=self.directory, now=self.clock.now())
        started = self.clock.monotonic()
        outcomes = await handler.apply(tasks, context) if tasks else []
        self.metrics.applied_batch(self.connection, self.side, entity, len(tasks), self.clock.monotonic() - started)
        await self._settle(entity, [*zip(taken, outcomes, strict=True), *unreadable])

    async def _settle(self, entity: str, results: Sequence[tuple[Row, Outcome]]) -> None:
        self._learn(results)
        refused = [outcome for _, outcome in results if isinstance(outcome, Rejected)]
        stopping = next((outcome for _, outcome in results if isinstance(outcome, Failed) and outcome.pause), None)
        if refused and self.breaker.open_if_refused(len(refused)):
            stopping = self._tripped(refused[0])
            results = [(row, stopping if isinstance(outcome, Rejected) else outcome) for row, outcome in results]
        if stopping is not None:
            await self._pause(stopping.message)
        settled = [self._judge(row, outcome) for row, outcome in results]
        for (row, _), verdict in zip(results, settled, strict=True):
            if verdict.refusal is not None:
                place = await self.office.refuse(_record(row), self.side, verdict.refusal)
                self._report(row, verdict, letter_id(place.topic, place.partition, place.offset))
            self.breaker.record(refused=verdict.rejected)
            self.metrics.outcome(self.connection, self.side, entity, verdict.name)
            if verdict.name in ("applied", "partly"):
                self.metrics.applied(
                    self.connection, self.side, entity, (self.clock.now() - row.received_at).total_seconds()
                )
            self.tally.note(self.connection, verdict.name)
        await self.inbox.settle([settlement for verdict in settled for settlement in verdict.settlements])
        for name, event in self._wake.items():
            if name != entity:
                event.set()

    def _report(self, row: Row, verdict: Settled, letter: str) -> None:
        refusal = verdict.refusal
        if refusal is not None:
            log.warning(
                "refused" if verdict.rejected else "applied_in_part",
                connection=self.connection,
                side=self.side,
                entity=row.entity,
                key=row.key,
                status=refusal.status,
                code=refusal.code,
                message=refusal.message,
                letter=letter,
            )

    def _judge(self, row: Row, outcome: Outcome) -> Settled:
        counted = isinstance(outcome, Failed) and self._is_the_rows_fault(row, outcome)
        delay = self._delay(row, outcome)
        return settle(row, outcome, now=self.clock.now(), policy=self.settings.apply, counted=counted, delay=delay)

    def _delay(self, row: Row, outcome: Outcome) -> float:
        if not isinstance(outcome, Failed):
            return 0.0
        if outcome.retry_after is not None:
            return outcome.retry_after
        return self.backoff.delay(row.attempts + 1, self.rng)

    def _is_the_rows_fault(self, row: Row, outcome: Failed) -> bool:
        """A platform that takes other rows meanwhile is not ill: then the attempt counts against this row."""
        if outcome.pause:
            return False
        if not outcome.target:
            return True
        name = (row.entity, row.key)
        before = self._successes_at_failure.get(name)
        self._successes_at_failure[name] = self.health.successes
        if outcome.status == 429:  # noqa: PLR2004
            return False
        return before is not None and self.health.successes > before

    def _learn(self, results: Sequence[tuple[Row, Outcome]]) -> None:
        failures = [outcome for _, outcome in results if isinstance(outcome, Failed) and outcome.target]
        for row, outcome in results:
            if not isinstance(outcome, Failed):
                self._successes_at_failure.pop((row.entity, row.key), None)
        if any(_was_answered(outcome) for _, outcome in results):
            self.health.succeeded()
        elif failures:
            after = [outcome.retry_after for outcome in failures if outcome.retry_after is not None]
            self.health.failed(self.clock.monotonic(), max(after, default=None))

    def _tripped(self, refused: Rejected) -> Failed:
        return Failed(
            f"most of the last {self.breaker.policy.window} rows were refused, this one with {refused.code}: "
            f"{refused.message}; the backlog is kept",
            pause=True,
        )

    async def _paused(self) -> bool:
        pause = (await self.pauses.paused(self.connection)).get(self.side)
        if pause is None and self._was_paused:
            self.breaker.reset()
        self._was_paused = pause is not None
        return self._was_paused

    async def _pause(self, message: str) -> None:
        """Stop the side until a person acts; nothing is lost."""
        reason = f"{message}. Mend the cause, then run: paylayer connections resume {self.connection}"
        log.error("side_paused", connection=self.connection, side=self.side, reason=reason)
        await self.pauses.pause(self.connection, self.side, reason)


def _was_answered(outcome: Outcome) -> bool:
    """Whether the platform took a call; an unchanged or waiting row made none, and says nothing of its health."""
    if isinstance(outcome, Applied):
        return not outcome.unchanged
    return isinstance(outcome, Rejected) and outcome.status is not None


def _record(row: Row) -> StoredRecord:
    """The record that brought a row, as a dead letter keeps it."""
    return StoredRecord(row.topic, row.partition, row.offset, row.record_key, row.value, row.headers)


def _task(row: Row) -> Task:
    event = decode(row.record_key, row.value, row.headers)
    return Task(
        connection=row.connection,
        key=row.key,
        entity=None if is_deletion(event) else event.data,  # type: ignore[arg-type]
        refs=row.refs,
        applied_hash=row.applied_hash,
        ledger=row.ledger,
        attempts=row.attempts,
    )
