"""The inbox, its intake and its applier, played against `Believed`."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connector.bus.letter_reader import StoredLetter
from connector.engine.applier import Applier
from connector.ports import Priority
from connector.state.database import Database
from connector.state.inbox import Row
from contracts.events import Event, Version, decode, version_of
from handlers.outcome import Applied, Failed, Outcome, Rejected, Waiting
from tests.model.believed import Believed, Name, Wanted
from tests.model.news import IDS, PRODUCTS, SKUS, News, content_of, place
from tests.model.world import ATTEMPTS, BATCH, SIDE, WAIT_HOURS, Died, Handler, Script, World

Result = TypeVar("Result")
_numbers = itertools.count(1)

news = st.one_of(
    st.builds(News, st.just("stock"), st.sampled_from(SKUS), st.integers(1, 6), st.sampled_from(IDS)),
    st.builds(News, st.just("product"), st.sampled_from(PRODUCTS), st.integers(1, 6), st.sampled_from(IDS)),
)
entities = st.sampled_from(("stock", "stock", "product"))
keys = st.sampled_from((*SKUS, *PRODUCTS))
kinds = st.sampled_from(("yes", "no", "ill", "own fault", "own fault after", "lost before", "lost after", "pause"))
answers = st.dictionaries(keys, kinds, max_size=3)


@dataclass
class Taken:
    """What an applier had in hand: the event of each key, how often the row had changed by then, its attempts."""

    entity: str
    rows: Mapping[Name, tuple[Event, int, int]]


class InboxMachine(RuleBasedStateMachine):
    """Subclasses bring `runner` and `db`, which all plays share; each play has a connection of its own."""

    runner: asyncio.Runner
    db: Database

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.db, f"play-{next(_numbers)}")
        self.model = Believed(timedelta(hours=WAIT_HOURS), ATTEMPTS)
        self.paused = False
        self.spare: Counter[tuple[Name, Version]] = Counter()  # letters of processes that died before they settled
        self.discarded: set[str] = set()
        self.edits: Counter[str] = Counter()
        self.hung: tuple[Applier, asyncio.Task[Any], Taken, asyncio.Event] | None = None

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    # --- what sources and people do

    @rule(
        told=st.lists(news, min_size=1, max_size=4),
        priority=st.sampled_from((Priority.LIVE, Priority.SYNC, Priority.INTERACTIVE)),
        only_for=st.sampled_from((None, None, SIDE, "sparkpay")),
    )
    def events_are_published(self, told: list[News], priority: Priority, only_for: str | None) -> None:
        for each in told:
            self.world.publish(each.event(self.world.connection), priority, only_for)

    @precondition(lambda self: self.world.letters)
    @rule(which=st.integers(0, 50), mended=st.booleans())
    def a_letter_is_replayed(self, which: int, mended: bool) -> None:
        letter = self.world.letters[which % len(self.world.letters)]
        self.edits[letter.id] += mended
        self.world.replay(letter, self.edits[letter.id] if mended else None)

    @precondition(lambda self: self.world.letters)
    @rule(which=st.integers(0, 50))
    def a_letter_is_discarded(self, which: int) -> None:
        letter = self.world.letters[which % len(self.world.letters)]
        self.run(self.world.decisions.mark([letter.id], "discarded", by="somebody"))
        self.discarded.add(letter.id)

    @rule()
    def a_side_is_paused_by_hand(self) -> None:
        self.run(self.world.pauses.pause(self.world.connection, SIDE, "by hand"))
        self.paused = True

    @precondition(lambda self: self.paused)
    @rule()
    def a_paused_side_is_resumed(self) -> None:
        self.run(self.world.pauses.resume(self.world.connection, SIDE))
        self.paused = False

    @rule(seconds=st.sampled_from((0.5, 3.0, 61.0, 601.0, 1900.0)))
    def time_goes_by(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    # --- what the service does

    @rule(count=st.integers(1, 6), dies=st.booleans())
    def a_batch_is_taken(self, count: int, dies: bool) -> None:
        """One that dies after storing and before committing leaves its batch to the next one."""
        records = self.world.topic[self.world.committed : self.world.committed + count]
        self._taken_in(records)
        if not dies:
            self.world.committed += len(records)

    @rule(entity=entities, answers=answers, otherwise=st.sampled_from(("yes", "yes", "yes", "no", "ill")))
    def the_applier_works(self, entity: str, answers: dict[str, str], otherwise: str) -> None:
        self._step(entity, Script(answers, otherwise))

    @rule(entity=entities, answers=answers, told=st.lists(news, min_size=1, max_size=2))
    def the_applier_works_while_events_arrive(self, entity: str, answers: dict[str, str], told: list[News]) -> None:
        records = [self.world.publish(each.event(self.world.connection), Priority.LIVE, None) for each in told]
        self._step(entity, Script(answers, meanwhile=records))

    @rule(entity=entities, answers=answers, at=st.sampled_from(("call", "answer", "letter", "settle")))
    def the_applier_dies(self, entity: str, answers: dict[str, str], at: str) -> None:
        self._step(entity, Script(answers, dies=at))
        self.world.applier = self.world.process()

    @precondition(lambda self: self.hung is None)
    @rule(entity=entities, answer=st.sampled_from(("yes", "lost after")), late=st.booleans())
    def an_applier_hangs_and_another_takes_over(self, entity: str, answer: str, late: bool) -> None:
        applier, self.world.applier = self.world.applier, self.world.process()
        handler, go_on, taken = applier.handlers[entity], asyncio.Event(), self._in_hand(entity, applier)
        assert isinstance(handler, Handler)

        async def begin() -> asyncio.Task[Any]:
            script = Script(otherwise=answer, hangs=go_on, writes_late=late)
            working = asyncio.ensure_future(self.world.step(entity, script, applier))
            hanging = asyncio.ensure_future(handler.hanging.wait())
            await asyncio.wait({working, hanging}, return_when=asyncio.FIRST_COMPLETED)
            hanging.cancel()
            return working

        working = self.run(begin())
        if working.done():
            assert not working.result()
        else:
            self.hung = applier, working, taken, go_on

    @precondition(lambda self: self.hung is not None)
    @rule()
    def the_one_that_hung_goes_on(self) -> None:
        assert self.hung is not None
        _, working, taken, go_on = self.hung
        self.hung = None
        letters = len(self.world.letters)

        async def finish() -> dict[str, Outcome]:
            go_on.set()
            told: dict[str, Outcome] = await working
            return told

        self._settled(taken, self.run(finish()), letters)

    # --- what has to be true after each of them

    @invariant()
    def everything_is_as_believed(self) -> None:
        for entity in ("product", "stock"):
            names = [name for name in self.model.rows if name[0] == entity]
            found = self.run(self.world.inbox.wanted(self.world.connection, SIDE, entity, [key for _, key in names]))
            for name in names:
                self._row_is_as_believed(found[name[1]], self.model.rows[name])
        self._status_counts_as_believed()
        self._letters_are_as_believed()

    def _row_is_as_believed(self, row: Row, believed: Wanted) -> None:
        assert row.version == believed.version, f"{row.key}: the newest version wins"
        shown = row.state, row.due_at, row.attempts, row.waiting_for, row.received_at, row.priority
        assert shown == (
            believed.state, believed.due, believed.attempts, believed.waits_for, believed.received, believed.priority,
        ), f"{row.key} is {shown}"  # fmt: skip

    def _status_counts_as_believed(self) -> None:
        counted = self.run(self.world.inbox.counts(self.world.connection))
        for entity in ("product", "stock"):
            found = counted.get((self.world.connection, SIDE, entity))
            shown = (found.waiting, found.retrying, found.rejected, found.applied) if found else (0, 0, 0, 0)
            assert shown == self.model.counts(entity)

    def _letters_are_as_believed(self) -> None:
        letters = Counter(_about(letter) for letter in self.world.letters)
        assert letters == self.model.refusals + self.spare
        for name, row in self.model.rows.items():
            assert row.state != "rejected" or letters[name, row.version], f"{name} is refused without a letter"
        if letters:
            found = self.run(self.world.decisions.states([letter.id for letter in self.world.letters]))
            assert {id_ for id_, decision in found.items() if decision.state == "discarded"} == self.discarded

    def teardown(self) -> None:
        """In the end everybody is well again: then the platform has what was told last of everything not refused."""
        if self.hung is not None:
            self.the_one_that_hung_goes_on()
        self._taken_in(self.world.topic[self.world.committed :])
        if self.paused:
            self.a_paused_side_is_resumed()
        for _ in range(3):
            self.world.clock.advance(700)
            for entity in ("product", "stock"):
                for _ in range(4):
                    self._step(entity, Script())
        self.everything_is_as_believed()
        for name, row in self.model.rows.items():
            if row.state == "applied":
                assert self.world.platform.get(name, "") == content_of(row.event), (
                    f"the platform's {name} is not the newest"
                )
            else:
                assert row.state in ("rejected", "waiting"), f"{name} is {row.state} for ever"

    # --- bookkeeping

    def _taken_in(self, records: list[Any]) -> None:
        taken = self.world.read(records)
        assert self.run(self.world.sink.take(taken)) == [None] * len(taken)
        self._believe(records)

    def _believe(self, records: list[Any]) -> None:
        taken = self.world.read(records)
        for incoming in taken:
            urgency = min(other.priority for other in taken if place(other.event) == place(incoming.event))
            replay = incoming.replay is not None
            self.model.put(incoming.event, int(urgency), self.world.clock.now(), replay=replay)

    def _in_hand(self, entity: str, applier: Applier) -> Taken:
        """What the applier is going to take now."""
        due = [] if self.paused else self.model.due(entity, self.world.clock.now())
        if applier.health.hold_until > self.world.clock.monotonic():
            due = []
        names = due[: 1 if applier.health.ill else BATCH]
        rows = {name: self.model.rows[name] for name in names}
        return Taken(entity, {name: (row.event, row.changes, row.attempts) for name, row in rows.items()})

    def _step(self, entity: str, script: Script) -> None:
        taken, letters = self._in_hand(entity, self.world.applier), len(self.world.letters)
        try:
            told = self.run(self.world.step(entity, script))
        except Died:
            self._died(entity, script, letters)
            return
        self._believe(list(script.meanwhile) if told else [])
        self._settled(taken, told, letters)

    def _died(self, entity: str, script: Script, letters: int) -> None:
        """Nothing is settled; what it had done before its end stays done."""
        self.spare.update(_about(letter) for letter in self.world.letters[letters:])
        handler = self.world.applier.handlers[entity]
        assert isinstance(handler, Handler)
        stopped = any(isinstance(outcome, Failed) and outcome.pause for outcome in handler.told.values())
        if stopped and script.dies in ("letter", "settle"):
            self.paused = True

    def _settled(self, taken: Taken, told: dict[str, Outcome], letters: int) -> None:
        assert [(taken.entity, key) for key in told] == list(taken.rows), "everything due is taken, in its order"
        refusals = Counter(self.model.refusals)
        now = self.world.clock.now()
        for key, outcome in sorted(told.items(), key=lambda one: isinstance(one[1], Applied)):
            name = taken.entity, key
            event, changes, attempts = taken.rows[name]
            match outcome:
                case Applied():
                    self.model.applied(name, event, changes, now)
                case Rejected():
                    self.model.refused(name, version_of(event), changes)
                case Waiting():
                    self.model.waiting(name, version_of(event), outcome.for_, changes, now)
                case Failed():
                    delay = 1.0 if outcome.pause else min(60.0, 2.0**attempts)
                    own = self.world.counted[key]
                    assert own or outcome.target, "a failure of the row's own counts"
                    due = now + timedelta(seconds=delay)
                    self.model.failed(name, version_of(event), changes, due, now, own=own, uncertain=outcome.uncertain)
                    self.paused = self.paused or outcome.pause
        new = Counter(_about(letter) for letter in self.world.letters[letters:])
        assert new == self.model.refusals - refusals, "one letter for each refusal"


def _about(letter: StoredLetter) -> tuple[Name, Version]:
    event = decode(letter.key, letter.value or b"", letter.headers)
    return place(event), version_of(event)
