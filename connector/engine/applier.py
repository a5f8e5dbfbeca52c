"""Drains the inbox of one connection and side at the speed that the platform allows.

The way of a row: due -> decoded -> the kind's handler -> an outcome -> settled in one transaction. A refusal is put
into the dead-letter topic, and acknowledged there, before its row is closed. One applier per connection and side works
at a time (a lease sees to that), so no two writers meet on a key.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from connector.budget.urgency import acting_as
from connector.bus.dead_letters import DeadLetterOffice, Refusal
from connector.bus.record import StoredRecord
from connector.clock import Clock
from connector.engine.gathering import Gathering
from connector.engine.metrics import Metrics
from connector.engine.policies import HALF_OPEN, Backoff, Breaker, TargetHealth
from connector.engine.settling import Settled, settle
from connector.engine.standstill import Access, Standstill
from connector.engine.tally import Tally
from connector.engine.two_way import Item, TwoWay
from connector.errors import PayLayerError
from connector.permit import WITHHELD, CallPermit
from connector.pieces import in_pieces
from connector.ports import Doubt, Priority
from connector.settings import ConnectionSettings
from connector.state.claims import SideDirectory
from connector.state.entities import SideEntities
from connector.state.inbox import Inbox, Row
from connector.state.intents import SideIntents
from connector.state.last_writes import LastWrites
from connector.state.lease import Lease
from connector.state.pauses import Pause, PauseKind, SidePauses
from contracts.dead_letters import letter_id
from contracts.events import Unreadable, decode, is_deletion
from handlers.outcome import Applied, Context, Failed, Handler, Outcome, Rejected, Seen, Task

log = structlog.get_logger("paylayer.applier")
FINISH_SECONDS = 5.0  # of the ten that an orchestrator gives: for the answers to calls that have left
WRITE_SECONDS = 1.5  # and to write down what became of them
LETTER_RETRY_SECONDS = 5.0
PROBE_CHOICE = 20  # rows of which a probe takes one
# Kinds with parts that only the ledger knows of: variants that were sent, and that the next event may not name again.
# A price or a level of stock of SparkLayer is named by its key, and is sent again whatever became of it.
HAS_PARTS = {
    "sparklayer": frozenset({"product"}),
    "sparkpay": frozenset({"product", "price", "customer", "order"}),  # rows with ids of their own
}
LOOKS_AT_ONCE = 8  # after a crash the first write must not wait for a look at everything that was under way
UNTIL_RENEWED = 0.5  # the database did not take the last heartbeats in time: with the next one the lease may go on
LONGEST_REST = 1.0  # between two batches, so that a long backlog takes at most half of a process,
REST_IN_COMPANY = 4.0  # or a fifth of one that serves other connections as well
UNTIL_WOKEN = 3600.0  # nothing to do: the intake of this process or the lookout wakes an applier that has


def _alone() -> bool:
    return False


@dataclass(slots=True)
class Applier:
    """One connection, one side."""

    connection: str
    side: str
    settings: ConnectionSettings
    handlers: Mapping[str, Handler]
    inbox: Inbox
    directory: SideDirectory
    entities: SideEntities
    intents: SideIntents
    office: DeadLetterOffice
    pauses: SidePauses
    clock: Clock
    metrics: Metrics
    tally: Tally
    last_writes: LastWrites | None = None
    rng: random.Random = field(default_factory=random.Random)
    backoff: Backoff = field(default_factory=Backoff)
    breaker: Breaker = field(default_factory=Breaker)
    permit: CallPermit = field(default_factory=CallPermit)  # the same that the handlers' client asks
    lease: Lease | None = None
    access: Access | None = None  # after a refusal of the credentials; without it only a person ends that pause
    version: int | None = None  # of the connection as it is given here: what it meets pauses no newer one
    in_company: Callable[[], bool] = _alone  # whether this process applies for other connections as well
    two_way: TwoWay | None = None  # where people change the side as well; without it every event is applied as it is
    standstill: Standstill = field(init=False)
    gathering: Gathering = field(init=False)
    health: TargetHealth = field(init=False)
    since: datetime = field(init=False)  # what was due before may have been in the hands of the one before
    _wake: dict[str, asyncio.Event] = field(init=False)
    _busy: dict[str, bool] = field(init=False)
    _successes_at_failure: dict[tuple[str, str], int] = field(default_factory=dict)
    _was_paused: bool = False
    _half_open: bool = False  # a row is tried to see whether the breaker may close
    _taken: int = 0  # rows in a row that the platform took, one at a time
    _called: dict[str, float] = field(default_factory=dict)  # kind: seconds that its step waited for the platform
    _stepping: dict[str, float] = field(default_factory=dict)  # kind: since when its step is under way

    def __post_init__(self) -> None:
        self.health = TargetHealth(self.backoff, self.rng)
        self.standstill = Standstill(
            self.connection, self.side, self.pauses, self.clock, self.rng, self.metrics, self.access, self.version
        )
        self.since = self.clock.now()
        self._wake = {name: asyncio.Event() for name in self.handlers}
        self._busy = dict.fromkeys(self.handlers, False)
        self.gathering = Gathering(
            self.connection,
            self.side,
            self.settings,
            self.inbox,
            self.clock,
            is_applied=lambda name: self._busy.get(name, False),
        )

    @property
    def last_tick(self) -> float:
        """Since when (monotonic) the oldest step in hand is under way; now where there is none."""
        return min(self._stepping.values(), default=self.clock.monotonic())

    def wake(self, entity: str) -> None:
        """New rows of a kind were stored."""
        if event := self._wake.get(entity):
            event.set()

    def due(self, entity: str) -> None:
        """Rows of a kind are due; whoever applies some just now looks for more anyway."""
        if not self._busy.get(entity, True):
            self._wake[entity].set()

    async def run(self) -> None:
        """Work until cancelled; a cancellation lets the calls in hand be answered and settled first."""
        async with asyncio.TaskGroup() as group:
            for name in self.handlers:
                group.create_task(self._drain(name), name=f"apply:{self.connection}:{self.side}:{name}")

    async def _drain(self, entity: str) -> None:
        """Begins when it is woken, as the lookout does within a moment where rows are due."""
        await self._rest(entity, UNTIL_WOKEN)
        while True:
            self._wake[entity].clear()
            began, self._called[entity] = self.clock.monotonic(), 0.0
            working = asyncio.create_task(self.step(entity))
            try:
                pause = await asyncio.shield(working)
            except asyncio.CancelledError:
                await self._finish(working)
                raise
            if pause > 0:
                await self._rest(entity, pause)
            elif (own := self.clock.monotonic() - began - self._called[entity]) > 0:
                # All but the platform's time was ours and kept others waiting; the busier the process, the longer.
                times = REST_IN_COMPANY if self.in_company() else 1.0
                await self.clock.sleep(times * min(own, LONGEST_REST))

    async def _finish(self, working: asyncio.Task[float]) -> None:
        """No call leaves any more; those that left should be answered and written down, or nobody knows of them."""
        self.permit.close()
        _, late = await asyncio.wait([working], timeout=FINISH_SECONDS)
        if late:  # the other kinds, which share the permit, have had as long
            self.permit.cut()
            await asyncio.wait([working], timeout=WRITE_SECONDS)
        working.cancel()
        await asyncio.wait([working])
        if not working.cancelled() and (error := working.exception()) is not None:
            log.warning("last_step_not_settled", connection=self.connection, side=self.side, error=str(error))

    async def _rest(self, entity: str, seconds: float) -> None:
        waiter = asyncio.create_task(self._wake[entity].wait())
        sleeper = asyncio.create_task(self.clock.sleep(seconds))
        try:
            await asyncio.wait({waiter, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
            sleeper.cancel()

    async def step(self, entity: str) -> float:
        """Apply one batch of a kind. Gives the seconds until there may be more to do; 0 = at once."""
        self._stepping[entity] = self.clock.monotonic()
        try:
            return await self._step(entity)
        finally:
            del self._stepping[entity]

    async def _step(self, entity: str) -> float:
        wait = self.health.hold_until - self.clock.monotonic()
        if wait > 0:
            return wait
        if not self.permit.open:
            return UNTIL_RENEWED
        pause = await self._paused()
        return await self._work(entity) if pause is None else await self._probe(entity, pause)

    async def _work(self, entity: str) -> float:
        handler = self.handlers[entity]
        limit = 1 if self.health.ill else handler.batch
        if (hold := await self.gathering.held(entity, limit)) > 0:
            return hold
        rows = await self.inbox.due(self.connection, self.side, entity, limit, self.clock.now())
        if not rows:
            return UNTIL_WOKEN
        if len(rows) < limit and (linger := await self.gathering.linger(handler, rows)) > 0:
            return linger
        self.gathering.done(entity)
        if any(row.doubt is Doubt.SENT for row in rows):
            rows = rows[:LOOKS_AT_ONCE]
        self._busy[entity] = True
        try:
            await self._apply(entity, handler, rows)
        finally:
            self._busy[entity] = False
        return 0.0

    async def _probe(self, entity: str, pause: Pause) -> float:
        """Try whether the side may go on, if it is time; the lookout wakes those who have rows when it is."""
        if self._half_open or not pause.probe_is_due(self.clock.now()):
            return UNTIL_WOKEN
        if pause.kind != "breaker":
            return 0.0 if await self.standstill.ask(pause) else UNTIL_WOKEN
        rows = await self.inbox.due(self.connection, self.side, entity, PROBE_CHOICE, self.clock.now())
        if not rows:
            return UNTIL_WOKEN
        self._half_open = self._busy[entity] = True
        try:
            # Any of them: one that is bad in itself must not be all that is ever tried.
            await self._apply(entity, self.handlers[entity], [self.rng.choice(rows)], trying=pause)
        finally:
            self._half_open = self._busy[entity] = False
        return 0.0

    async def _apply(self, entity: str, handler: Handler, rows: Sequence[Row], *, trying: Pause | None = None) -> None:
        items: list[Item] = []
        unreadable: list[tuple[Row, Outcome]] = []
        async for row in in_pieces(rows):
            try:
                items.append(_item(row, self.since))
            except Unreadable as error:
                unreadable.append((row, Rejected(error.code, str(error), details=error.details)))
        context = Context(
            settings=self.settings,
            skus=self.directory,
            now=self.clock.now(),
            known=self.entities,
            intents=self.intents,
        )
        tasks = [task for _, _, task in items]
        outcomes: dict[str, Outcome] = {}
        two_way = self.two_way if self.settings.both_ways(entity) else None
        if two_way is not None and items:
            tasks, outcomes = await two_way.prepare(entity, items)
            tasks = [replace(task, source=None) for task in tasks]  # the side's own newer fields are in them as well
        taken = [row for row, _, _ in items if row.key not in outcomes]
        if entity in HAS_PARTS[self.side]:
            await self.inbox.begin([row for row in taken if row.event_id != row.applied_event_id])
        urgency = min((row.priority for row in taken), default=Priority.LIVE)
        started = self.clock.monotonic()
        with acting_as(Priority(urgency)):
            answers = await handler.apply(tasks, context) if tasks else []
        self._called[entity] = self.clock.monotonic() - started
        self.metrics.applied_batch(self.connection, self.side, entity, len(tasks), self._called[entity])
        answered = dict(zip((task.key for task in tasks), answers, strict=True))
        if two_way is not None:
            await two_way.answered(entity, answered)
        outcomes |= answered
        await self._settle(entity, [*((row, outcomes[row.key]) for row, _, _ in items), *unreadable], trying)

    async def _settle(self, entity: str, results: Sequence[tuple[Row, Outcome]], trying: Pause | None = None) -> None:
        results = [(row, outcome) for row, outcome in results if not _not_begun(outcome)]
        self._learn(results)
        refused = [outcome for _, outcome in results if isinstance(outcome, Rejected)]
        stopping = next((outcome for _, outcome in results if isinstance(outcome, Failed) and outcome.pause), None)
        kind: PauseKind = "scope" if stopping is not None and stopping.code == "scope" else "credentials"
        if stopping is None and trying is not None:
            stopping = await self._tried(trying, [outcome for _, outcome in results])
            kind = "breaker"
        elif refused and self.breaker.open_if_refused(len(refused)):
            stopping, kind = self._tripped(refused[0]), "breaker"
        if stopping is not None and kind == "breaker":
            results = [(row, stopping if isinstance(outcome, Rejected) else outcome) for row, outcome in results]
        if stopping is not None:
            await self._pause(stopping.message, kind)
        settled = [(row, self._judge(row, outcome)) async for row, outcome in in_pieces(results)]
        # What needs no letter first: a broker that is away must not make anybody forget what the platform has.
        await self._write_down(entity, [(row, verdict) for row, verdict in settled if verdict.refusal is None])
        await self._write_down(entity, await self._post([each for each in settled if each[1].refusal is not None]))
        for name, handler in self.handlers.items():
            if entity in handler.after:
                self._wake[name].set()

    async def _post(self, refused: Sequence[tuple[Row, Settled]]) -> list[tuple[Row, Settled]]:
        """Send the letters. Rows whose letter does not arrive are tried again later, refusal and all."""
        posted: list[tuple[Row, Settled]] = []
        trouble: PayLayerError | None = None
        for row, verdict in refused:
            if trouble is None and verdict.refusal is not None and not _is_told(row, verdict.refusal):
                try:
                    if self.lease is not None:
                        self.lease.require()
                    place = await self.office.refuse(_record(row), self.side, verdict.refusal)
                    self._report(row, verdict, letter_id(place.topic, place.partition, place.offset))
                except PayLayerError as error:
                    trouble = error
                    log.warning("dead_letter_not_sent", connection=self.connection, side=self.side, error=str(error))
            posted.append((row, verdict if trouble is None else self._again(row, trouble)))
        return posted

    def _again(self, row: Row, trouble: PayLayerError) -> Settled:
        outcome = Failed(f"refused, but its dead letter could not be sent: {trouble}", code="letter_not_sent")
        now, policy = self.clock.now(), self.settings.apply
        return settle(row, outcome, now=now, policy=policy, counted=False, delay=LETTER_RETRY_SECONDS)

    async def _write_down(self, entity: str, settled: Sequence[tuple[Row, Settled]]) -> None:
        if not settled:
            return
        async for row, verdict in in_pieces(settled):
            self.breaker.record(refused=verdict.rejected)
            self.metrics.outcome(self.connection, self.side, entity, verdict.name)
            if verdict.name in ("applied", "partly"):
                self.metrics.applied(
                    self.connection, self.side, entity, (self.clock.now() - row.received_at).total_seconds()
                )
                if self.last_writes is not None:
                    self.last_writes.note(self.connection, self.side, entity)
            self.tally.note(self.connection, verdict.name)
        await self.inbox.settle([settlement for _, verdict in settled for settlement in verdict.settlements])

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
        if outcome.status == 429 or outcome.code == WITHHELD:  # noqa: PLR2004
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

    async def _tried(self, pause: Pause, outcomes: Sequence[Outcome]) -> Failed | None:
        """What one row showed of a tripped breaker. A refused one is kept like the rest of the backlog."""
        for outcome in outcomes:
            if isinstance(outcome, Rejected):
                self._taken = 0
                await self.standstill.failed(pause, f"still refused with {outcome.code}: {outcome.message}")
                return Failed(f"{outcome.message}; the side is paused, the row is kept", code=outcome.code, pause=True)
            if _was_answered(outcome):
                self._taken += 1
        if self._taken >= HALF_OPEN:
            await self.standstill.end("breaker")
        return None

    async def _paused(self) -> Pause | None:
        pause = await self.standstill.current()
        if pause is None and self._was_paused:
            self.breaker.reset()
            self._taken = 0
        self._was_paused = pause is not None
        return pause

    async def _pause(self, message: str, kind: PauseKind) -> None:
        """Stop the side until a probe passes or a person acts; nothing is lost."""
        self._taken = 0
        advice = f"Mend the cause, then run: paylayer connections resume {self.connection} --side {self.side}"
        await self.standstill.begin(f"{message}. {advice}", kind)


def _not_begun(outcome: Outcome) -> bool:
    """Whether nothing was done for a row because this process had to stop: it stays as it is, for whoever is next."""
    return isinstance(outcome, Failed) and outcome.code == WITHHELD and not outcome.displaced


def _was_answered(outcome: Outcome) -> bool:
    """Whether the platform took a call; an unchanged or waiting row made none, and says nothing of its health."""
    if isinstance(outcome, Applied):
        return not outcome.unchanged
    return isinstance(outcome, Seen) or (isinstance(outcome, Rejected) and outcome.status is not None)


def _is_told(row: Row, refusal: Refusal) -> bool:
    """Whether the row has a letter that says the same: a moment came that changes a price, and not the refusal."""
    return row.state == "rejected" and (row.error_code, row.error_message) == (refusal.code, refusal.message)


def _record(row: Row) -> StoredRecord:
    """The record that brought a row, as a dead letter keeps it."""
    return StoredRecord(row.topic, row.partition, row.offset, row.record_key, row.value, row.headers)


def _item(row: Row, since: datetime) -> Item:
    """The row's event and what a handler is to do. Raises `Unreadable`.

    What was due before an applier began may have been sent by one that died before it could say so. Then what was
    applied last proves nothing: the state is sent even if it looks the same.
    """
    proven = row.due_at is None or row.due_at >= since
    event = decode(row.record_key, row.value, row.headers)
    task = Task(
        connection=row.connection,
        key=row.key,
        entity=None if is_deletion(event) else event.data,  # type: ignore[arg-type]
        refs=row.refs,
        applied_hash=row.applied_hash if proven else None,
        ledger=row.ledger,
        attempts=row.attempts,
        doubt=row.doubt,
        source=event.source,
    )
    return row, event, task
