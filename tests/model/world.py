"""The real intake, inbox, applier and dead-letter office of one connection; the topic and the platform are played."""

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.bus.dead_letters import DeadLetterOffice, Refusal
from connector.bus.edits import edited
from connector.bus.incoming import Incoming, read_record
from connector.bus.letter_reader import StoredLetter
from connector.bus.record import HeaderList, Place, StoredRecord
from connector.bus.replay import Selected, replayed
from connector.clock import SteppedClock
from connector.engine.applier import Applier
from connector.engine.linking import Linker
from connector.engine.metrics import Metrics
from connector.engine.policies import Backoff, Breaker, BreakerPolicy
from connector.engine.sink import InboxSink
from connector.engine.tally import Tally
from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.state.claims import SideDirectory, SkuClaims
from connector.state.database import Database
from connector.state.entities import SideEntities
from connector.state.inbox import Inbox, SetRejected, SetRetry, Settlement
from connector.state.intents import SideIntents
from connector.state.letters import Letters
from connector.state.links import Links
from connector.state.pauses import SidePauses
from connector.state.runs import Runs
from contracts.dead_letters import read
from contracts.events import PRIORITY, TARGET, Event, encode, entity_name
from contracts.topics import TopicNames
from handlers.outcome import Applied, Claim, Context, Failed, Outcome, Rejected, Task, Waiting
from tests.model.news import START, content

SIDE = "sparklayer"
BATCH = 3
ATTEMPTS = 3
WAIT_HOURS = 1.0
SETTINGS = ConnectionSettings().with_values({"apply.attempts": str(ATTEMPTS), "apply.wait_hours": str(WAIT_HOURS)})


class Died(Exception):
    """The process is gone at this very point."""


@dataclass
class Script:
    """What a platform and fate do during one step of the applier."""

    answers: Mapping[str, str] = field(default_factory=dict)  # by key
    otherwise: str = "yes"
    dies: str | None = None  # at: call, answer, letter, settle
    meanwhile: Sequence[StoredRecord] = ()
    hangs: asyncio.Event | None = None
    writes_late: bool = False


@dataclass
class Handler:
    """Keeps what it is told, answers as told, and makes no call for what it wrote last: like the real ones."""

    world: "World"
    entity: str
    script: Script = field(default_factory=Script)
    batch: int = BATCH
    after: Sequence[str] = ()
    told: dict[str, Outcome] = field(default_factory=dict)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        script, self.told = self.script, {}
        if script.dies == "call":
            raise Died
        if script.writes_late:
            await self._hang(script)
        for task in tasks:
            self.told[task.key] = await self._one(task, context)
        if not script.writes_late:
            await self._hang(script)
        if script.meanwhile:
            await self.world.sink.take(self.world.read(script.meanwhile))
        if script.dies == "answer":
            raise Died
        return [self.told[task.key] for task in tasks]

    async def _hang(self, script: Script) -> None:
        if script.hangs is not None:
            self.hanging.set()
            await script.hangs.wait()

    async def _one(self, task: Task, context: Context) -> Outcome:
        if self.entity == "stock" and not await context.skus.holders([task.key]):
            return Waiting(f"sku:{task.key}", "no product has it")
        answer = self.script.answers.get(task.key, self.script.otherwise)
        wanted = content(task.entity)
        applied = Applied(wanted, unchanged=task.applied_hash == wanted, claims=self._claims(task))
        if answer in ("yes", "lost after", "own fault after") and not applied.unchanged:
            self.world.platform[self.entity, task.key] = wanted
        outcomes: dict[str, Outcome] = {
            "yes": applied,
            "no": Rejected("refused", "never", 422),
            "ill": Failed("ill", status=503),
            "own fault": Failed("own fault", target=False, status=409),
            "own fault after": Failed("own fault", target=False, status=500, uncertain=True),
            "lost before": Failed("lost", uncertain=True),
            "lost after": Failed("lost", uncertain=True),
            "pause": Failed("the keys are revoked", pause=True, status=401),
        }
        return applied if applied.unchanged else outcomes[answer]

    def _claims(self, task: Task) -> Sequence[Claim] | None:
        if self.entity != "product":
            return None
        variants = getattr(task.entity, "variants", ())
        return [Claim(variant.sku, variant.id, "live") for variant in variants]


class Box:
    """The dead-letter topic."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def partitions(self, topic: str) -> set[int]:
        assert topic.endswith(f".{SIDE}.dlt")
        return {0}

    async def send_record(
        self, topic: str, key: bytes | None, value: bytes | None, headers: HeaderList, *, partition: int | None = None
    ) -> Place:
        letters = self._world.letters
        place = Place(topic, partition or 0, len(letters))
        letters.append(StoredLetter(*_at(place), START, read(headers), key, value, tuple(headers)))
        if self._world.dying == "letter":
            raise Died
        return place


def _at(place: Place) -> tuple[str, int, int]:
    return place.topic, place.partition, place.offset


class MortalInbox(Inbox):
    """The real one, with a process that may end before it settles."""

    world: "World"

    async def settle(self, done: Sequence[Settlement]) -> None:
        if self.world.dying == "settle":
            raise Died
        await super().settle(done)
        for each in done:
            if isinstance(each, SetRetry):
                self.world.counted[each.row.key] = each.count_attempt
            elif isinstance(each, SetRejected):
                self.world.counted[each.row.key] = True


class Book:
    """One connection, and no other."""

    def __init__(self, id_: str) -> None:
        self._id = id_

    async def covering(self, wanted: Iterable[str]) -> Any:  # noqa: ARG002
        return {self._id: self}

    @property
    def settings(self) -> ConnectionSettings:
        return SETTINGS


class World:
    """Everything about one connection. The database may be shared with other worlds."""

    def __init__(self, db: Database, connection: str) -> None:
        self.db = db
        self.names = TopicNames(connection)
        self.connection = connection
        self.clock = SteppedClock(START)
        self.inbox = MortalInbox(db, self.clock)
        self.inbox.world = self
        self.pauses = SidePauses(db, self.clock)
        self.decisions = Letters(db, self.clock)
        self.metrics = Metrics()
        self.topic: list[StoredRecord] = []
        self.committed = 0
        self.platform: dict[tuple[str, str], str] = {}
        self.letters: list[StoredLetter] = []
        self.office = DeadLetterOffice(Box(self), self.names, self.clock)
        book: Any = Book(connection)
        linker = Linker(self.inbox, SkuClaims(db, self.clock), Links(db), SIDE)
        self.sink = InboxSink(
            SIDE, inbox=self.inbox, book=book, linker=linker, clock=self.clock, metrics=self.metrics, wake=_nobody
        )
        self.dying: str | None = None
        self.counted: dict[str, bool] = {}  # by key: whether the last settlement counted an attempt
        self.applier = self.process()

    def process(self) -> Applier:
        """A new process, a moment later: what the one before kept in memory is gone."""
        self.clock.advance(0.001)
        return Applier(
            self.connection,
            SIDE,
            settings=SETTINGS,
            handlers={name: Handler(self, name) for name in ("product", "stock")},
            inbox=self.inbox,
            directory=SideDirectory(self.db, self.connection, SIDE),
            entities=SideEntities(self.db, self.connection, SIDE),
            intents=SideIntents(self.db, self.clock, self.connection, SIDE),
            office=self.office,
            pauses=self.pauses,
            clock=self.clock,
            metrics=self.metrics,
            tally=Tally(Runs(self.db, self.clock)),
            rng=random.Random(1),
            backoff=Backoff(jitter=0.0),
            breaker=Breaker(BreakerPolicy(window=10_000)),
        )

    def publish(self, event: Event, priority: Priority, target: str | None) -> StoredRecord:
        """Put an event on the topic."""
        key, value, headers = encode(event)
        marks = [(PRIORITY, priority.name.lower().encode())]
        if target is not None:
            marks.append((TARGET, target.encode()))
        return self._append(self.names.of(entity_name(event)), key, value, [*headers, *marks])

    def replay(self, letter: StoredLetter, number: int | None) -> StoredRecord:
        """Send a letter again, mended for the nth time or as it is."""
        edit = None if number is None else edited(letter, (letter.value or b"").decode(), number)
        record = replayed(Selected(letter, edit), "replay-1")
        return self._append(record.topic, record.key, record.value, record.headers)

    def read(self, records: Sequence[StoredRecord]) -> list[Incoming]:
        """The records that are for this side."""
        found = [read_record(record, SIDE, self.names) for record in records]
        assert not any(isinstance(answer, Refusal) for answer in found)
        return [answer for answer in found if isinstance(answer, Incoming)]

    async def step(self, entity: str, script: Script, applier: Applier | None = None) -> dict[str, Outcome]:
        """One step of an applier under a script; gives what the platform said, by key. Raises `Died`."""
        applier = applier or self.applier
        handler = applier.handlers[entity]
        assert isinstance(handler, Handler)
        handler.script, handler.told = script, {}
        self.dying, self.counted = script.dies, {}
        try:
            await applier.step(entity)
        finally:
            self.dying = None
        return handler.told

    def _append(self, topic: str, key: bytes | None, value: bytes | None, headers: HeaderList) -> StoredRecord:
        record = StoredRecord(topic, 0, len(self.topic), key, value, tuple(headers))
        self.topic.append(record)
        return record


def _nobody(_connection: str, _side: str, _entity: str) -> None:
    """Appliers are stepped, nobody has to be woken."""
