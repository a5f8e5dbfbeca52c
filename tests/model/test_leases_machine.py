"""Leases: never two holders, a dead one's work is taken over, everybody gets a share."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from connector.clock import SteppedClock
from connector.state.database import Database
from connector.state.tables import leases, workers
from connector.state.workers import TTL_SECONDS, Workers
from tests.model.profiles import profile

PROCESSES = ("one", "two", "three")
NAMES = ("apply:a", "apply:b", "apply:c", "apply:d")
LIFE = timedelta(seconds=TTL_SECONDS)
processes = st.sampled_from(PROCESSES)


class LeasesMachine(RuleBasedStateMachine):
    """What each process believes to hold, and until when it may believe that without hearing of the database."""

    runner: asyncio.Runner
    db: Database

    def __init__(self) -> None:
        super().__init__()
        self.clock = SteppedClock()
        self.workers = Workers(self.db, self.clock)
        self.beaten = dict.fromkeys(PROCESSES, self.clock.now() - 2 * LIFE)
        self.believed: dict[str, set[str]] = {name: set() for name in PROCESSES}
        self.listed: set[str] = set()
        self.runner.run(self._forget_other_plays())

    async def _forget_other_plays(self) -> None:
        async with self.db.begin() as transaction:
            await transaction.execute(sa.delete(leases))
            await transaction.execute(sa.delete(workers))

    def _alive(self, process: str) -> bool:
        return process in self.listed and self.clock.now() - self.beaten[process] <= LIFE

    @rule(process=processes)
    def a_process_starts(self, process: str) -> None:
        """After a crash it may come back under its old name; what it held before is not its own any more."""
        self.runner.run(self.workers.register(process, ["apply"], "host", 1))
        self.listed.add(process)
        self.beaten[process] = self.clock.now()

    @rule(process=processes)
    def it_beats_and_asks_for_leases(self, process: str) -> None:
        """As the supervisor does, once a second."""
        listed = self.runner.run(self.workers.beat(process))
        assert listed == (process in self.listed)
        if not listed:
            self.believed[process] = set()
            return
        others = {
            name for other in PROCESSES if other != process and self._alive(other) for name in self.believed[other]
        }
        self.beaten[process] = self.clock.now()
        holding = self.runner.run(self.workers.acquire(process, {"apply": NAMES}))
        assert not holding.since.keys() & others, "somebody alive holds it"
        assert set(holding.surplus) <= set(holding.since)
        assert set(holding.since) <= self.runner.run(self.workers.held(process))
        self.believed[process] = set(holding.since)

    @rule(process=processes, count=st.integers(1, 4))
    def it_gives_some_back(self, process: str, count: int) -> None:
        given = sorted(self.believed[process])[:count]
        self.runner.run(self.workers.release(process, given))
        self.believed[process] -= set(given)

    @rule(process=processes)
    def it_is_about_to_end(self, process: str) -> None:
        self.runner.run(self.workers.retire(process))

    @rule(process=processes)
    def it_ends(self, process: str) -> None:
        self.runner.run(self.workers.leave(process))
        self.listed.discard(process)
        self.believed[process] = set()

    @rule(seconds=st.sampled_from((0.5, 1.0, 3.9, 4.0, 4.1, 9.0)))
    def time_goes_by(self, seconds: float) -> None:
        """Whoever does not beat meanwhile is frozen, cut off or dead."""
        self.clock.advance(seconds)

    @invariant()
    def nobody_shares_a_lease(self) -> None:
        held = [name for process in PROCESSES if self._alive(process) for name in self.believed[process]]
        assert len(held) == len(set(held)), f"two hold one of {sorted(held)}"

    @invariant()
    def the_living_are_known(self) -> None:
        found = {worker.id for worker in self.runner.run(self.workers.alive())}
        assert found == {process for process in PROCESSES if self._alive(process)}

    def teardown(self) -> None:
        """One that lives alone has everything after a while, whoever died before."""
        self.clock.advance(9.0)
        self.a_process_starts("one")
        self.it_beats_and_asks_for_leases("one")
        assert self.believed["one"] == set(NAMES)


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
        machine = type("Leases", (LeasesMachine,), {"runner": runner, "db": db})
        try:
            run_state_machine_as_test(machine, settings=profile(examples, steps))
        finally:
            runner.run(db.close())
