"""Versions and repeats of what a store shows: the newest event of each key tells the state that was seen last."""

import asyncio
import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from connector.clock import SteppedClock
from connector.sparkpay.ledger import Ledger
from connector.state.database import Database
from connector.state.observations import SourceMemory
from contracts.entities import Stock, StockLevel
from contracts.events import Event, is_deletion, version_of
from tests.model.profiles import profile

KEYS = ("A", "B")
_numbers = itertools.count(1)
keys = st.sampled_from(KEYS)


@dataclass
class Shown:
    """What the store would show of a SKU now: its level, none where it is gone, and when its row says it changed."""

    level: int | None
    changed_at: datetime | None


class ObservationsMachine(RuleBasedStateMachine):
    """A store that edits, a reader that publishes what is new and remembers it, and a crash between the two."""

    runner: asyncio.Runner
    db: Database

    def __init__(self) -> None:
        super().__init__()
        self.clock = SteppedClock()
        self.connection = f"play-{next(_numbers)}"
        self.memory = SourceMemory(self.db, self.clock, self.connection, "sparkpay")
        self.store = {key: Shown(None, None) for key in KEYS}
        self.newest: dict[str, Event] = {}  # what a compacted topic, or the inbox, comes to
        self.seen: dict[str, int | None] = {}  # the level when it was read last
        self.told: dict[str, int | None] = {}  # the level that is remembered
        self.unsure: set[str] = set()  # published, not remembered

    @rule(key=keys, level=st.integers(0, 1))
    def a_row_changes(self, key: str, level: int) -> None:
        """And says when: never twice at the same moment."""
        self.clock.advance(0.01)
        self.store[key] = Shown(level, self.clock.now())

    @rule(key=keys, level=st.integers(0, 1))
    def a_row_changes_without_saying_so(self, key: str, level: int) -> None:
        """Stock moves like that."""
        self.store[key].level = level

    @rule(key=keys, level=st.integers(0, 1), hours=st.sampled_from((-30, 1, 900)))
    def a_row_is_stamped_with_a_wrong_time(self, key: str, level: int, hours: int) -> None:
        """Rows of an import, or of a server whose clock was wrong."""
        self.clock.advance(0.01)
        self.store[key] = Shown(level, self.clock.now() + timedelta(hours=hours))

    @rule(key=keys)
    def a_row_goes(self, key: str) -> None:
        self.store[key] = Shown(None, None)

    @rule(seconds=st.sampled_from((0.001, 1.0, 4000.0)))
    def time_goes_by(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(force=st.booleans(), dies=st.booleans())
    def everything_is_read(self, force: bool, dies: bool) -> None:
        self.clock.advance(0.001)
        before = self.runner.run(self.memory.observed("stock", KEYS))
        ledger = Ledger(self.connection, force=force)
        for key, shown in self.store.items():
            known = before.get(key)
            if shown.level is None:
                ledger.deleted("stock", key, before=known, read_at=self.clock.now(), refs={})
            else:
                entity = Stock(sku=key, levels=(StockLevel(level=shown.level),))
                ledger.changed(
                    "stock", key, entity, before=known, read_at=self.clock.now(), changed_at=shown.changed_at
                )
        self.runner.run(self.memory.remember(ledger.doubts))
        self._publish(ledger.events, force=force)
        self.seen = {key: shown.level for key, shown in self.store.items()}
        if dies:
            self.unsure |= {doubt.key for doubt in ledger.doubts}
        else:
            self.runner.run(self.memory.remember(ledger.observations))
            self.told, self.unsure = dict(self.seen), set()

    def _publish(self, events: list[Event], *, force: bool) -> None:
        for event in events:
            key = event.data.key
            if key not in self.unsure and not force:
                assert _level(event) != self.told.get(key), "what is remembered like that is not told again"
            if key not in self.newest or version_of(self.newest[key]) <= version_of(event):
                self.newest[key] = event

    @invariant()
    def the_newest_event_is_what_was_seen_last(self) -> None:
        for key, level in self.seen.items():
            event = self.newest.get(key)
            assert (None if event is None else _level(event)) == level, f"{key}: {event}"

    @invariant()
    def what_is_remembered_is_what_was_told(self) -> None:
        found = self.runner.run(self.memory.observed("stock", KEYS))
        for key, known in found.items():
            assert key in self.unsure or known.deleted == (self.told.get(key) is None)


def _level(event: Event) -> int | None:
    return event.data.levels[0].level if isinstance(event.data, Stock) and not is_deletion(event) else None


@pytest.mark.timeout(0)
def test_on_sqlite(sqlite_url: str) -> None:
    play(sqlite_url, examples=40, steps=30)


@pytest.mark.postgres
@pytest.mark.timeout(0)
def test_on_postgresql(postgres_url: str) -> None:
    play(postgres_url, examples=10, steps=30)


def play(url: str, *, examples: int, steps: int) -> None:
    with asyncio.Runner() as runner:
        db = runner.run(Database.open(url, create=True))
        machine = type("Observations", (ObservationsMachine,), {"runner": runner, "db": db})
        try:
            run_state_machine_as_test(machine, settings=profile(examples, steps))
        finally:
            runner.run(db.close())
