"""Which process does what: leases, deaths, crashes, changed settings."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from connector.clock import SteppedClock
from connector.engine.book import ConnectionBook
from connector.engine.policies import Backoff
from connector.engine.supervisor import Supervisor
from connector.errors import Unavailable
from connector.settings import ConnectionSettings
from connector.state.connections import Connection
from connector.state.lease import Lease
from connector.state.workers import Workers
from tests.behaviour.engine.bench import Bench


class FlakyWorkers:
    """The real ones, until the database is away."""

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self.away = False

    def __getattr__(self, name: str) -> Any:
        if self.away:
            raise Unavailable("the database is away")
        return getattr(self.workers, name)


class Process:
    """One process with a supervisor; `running` are the jobs at work, `begun` counts their starts."""

    def __init__(self, bench: Bench, name: str, clock: SteppedClock) -> None:
        self.name, self.clock = name, clock
        self.workers = FlakyWorkers(Workers(bench.db, clock))
        self.running: dict[str, Connection] = {}
        self.begun = Counter[str]()
        self.leases: dict[str, Lease] = {}
        self.fault: Exception | None = None
        workers: Any = self.workers
        self.supervisor = Supervisor(
            name,
            {"producers": {"poll": self._job("poll")}, "appliers": {"apply": self._job("apply")}},
            workers,
            ConnectionBook(bench.connections, clock),
            clock,
            rng=random.Random(1),
            backoff=Backoff(jitter=0.0),
        )

    def _job(self, kind: str) -> Any:
        async def job(connection: Connection, lease: Lease) -> None:
            name = f"{kind}:{connection.id}"
            self.begun[name] += 1
            self.leases[name] = lease
            if self.fault is not None:
                raise self.fault
            self.running[name] = connection
            try:
                await asyncio.Event().wait()
            finally:
                del self.running[name]

        return job

    async def step(self) -> None:
        await self.supervisor.step()
        for _ in range(5):
            await asyncio.sleep(0)

    async def register(self) -> None:
        await self.workers.workers.register(self.name, ["producers", "appliers"], "host", 1)


@asynccontextmanager
async def processes(bench: Bench, *names: str) -> AsyncIterator[list[Process]]:
    made = [Process(bench, name, bench.clock) for name in names]
    for process in made:
        await process.register()
    try:
        yield made
    finally:
        for process in made:
            await process.supervisor._stop(list(process.supervisor._running))


async def test_two_processes_share_the_jobs_and_none_is_done_twice(bench: Bench) -> None:
    async with processes(bench, "w-1", "w-2") as (one, two):
        for _ in range(3):
            await one.step()
            await two.step()
            assert not set(one.running) & set(two.running)
        assert set(one.running) | set(two.running) == {"poll:acme", "apply:acme"}


async def test_a_dead_processs_jobs_are_taken_over_within_five_seconds(bench: Bench) -> None:
    async with processes(bench, "w-1", "w-2") as (one, two):
        await one.step()
        await two.step()
        assert len(one.running) == 2
        waited = 0
        while len(two.running) < 2:
            bench.clock.advance(1.0)
            waited += 1
            await two.step()
            assert waited <= 5
        assert waited > 1, "one missed beat is no death"


async def test_a_process_that_ends_gives_its_jobs_away_at_once(bench: Bench) -> None:
    async with processes(bench, "w-1", "w-2") as (one, two):
        await one.step()
        running = asyncio.create_task(one.supervisor.run())
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])
        assert one.running == {}
        await two.step()
        assert len(two.running) == 2


async def test_without_the_database_the_jobs_stop_before_another_process_may_start_them(bench: Bench) -> None:
    async with processes(bench, "w-1", "w-2") as (one, two):
        await one.step()
        one.workers.away = True
        bench.clock.advance(1.0)
        await one.step()
        assert len(one.running) == 2, "one failed beat stops nothing"
        bench.clock.advance(2.1)
        await one.step()
        assert one.running == {}
        await two.step()
        assert two.running == {}, "its leases still live, so nothing was ever done twice"
        one.workers.away = False
        await one.step()
        assert len(one.running) == 2


async def test_a_job_that_crashes_is_tried_again_ever_more_slowly(bench: Bench) -> None:
    async with processes(bench, "w-1") as (process,):
        process.fault = RuntimeError("a fault of ours")
        starts = []
        for _ in range(80):
            await process.step()
            starts.append(process.begun["poll:acme"])
            bench.clock.advance(0.1)
        at = [starts.index(number) for number in (1, 2, 3, 4)]
        waits = [later - earlier for earlier, later in itertools.pairwise(at)]
        assert waits[0] >= 10
        assert waits[1] >= 1.5 * waits[0]
        assert waits[2] >= 1.5 * waits[1]
        process.fault = None
        bench.clock.advance(60)
        await process.step()
        assert "poll:acme" in process.running


async def test_changed_settings_restart_the_jobs_with_the_new_ones(bench: Bench) -> None:
    async with processes(bench, "w-1") as (process,):
        await process.step()
        changed = ConnectionSettings().with_values({"stock.mode": "per_warehouse"})
        await bench.connections.update("acme", settings=changed)
        bench.clock.advance(2.0)
        await process.step()
        assert process.begun == {"poll:acme": 2, "apply:acme": 2}
        assert process.running["poll:acme"].settings.stock.mode == "per_warehouse"


async def test_connections_come_go_and_pause_while_it_runs(bench: Bench) -> None:
    async with processes(bench, "w-1") as (process,):
        await process.step()
        await bench.connect("other")
        for _ in range(5):
            bench.clock.advance(1.0)
            await process.step()
        assert set(process.running) == {"poll:acme", "apply:acme", "poll:other", "apply:other"}
        await bench.connections.set_state("acme", "paused")
        await bench.connections.remove("other")
        bench.clock.advance(2.0)
        await process.step()
        assert process.running == {}
        await bench.connections.set_state("acme", "active")
        bench.clock.advance(2.0)
        await process.step()
        assert set(process.running) == {"poll:acme", "apply:acme"}


async def test_jobs_of_a_costly_role_are_started_a_few_a_beat_and_the_others_at_once(bench: Bench) -> None:
    for number in range(7):
        await bench.connect(f"shop-{number}")
    async with processes(bench, "w-1") as (process,):
        process.supervisor.starts_per_beat = {"producers": 3}
        started = []
        for _ in range(4):
            await process.step()
            started.append(Counter(name.partition(":")[0] for name in process.running))
            bench.clock.advance(1.0)
        assert [(found["poll"], found["apply"]) for found in started] == [(3, 8), (6, 8), (8, 8), (8, 8)]


async def test_a_process_that_is_added_gets_its_share_from_the_others(bench: Bench) -> None:
    await bench.connect("other")
    async with processes(bench, "w-1") as (one,):
        bench.clock.advance(3.0)
        await one.step()
        assert len(one.running) == 4
        async with processes(bench, "w-2") as (two,):
            for _ in range(3):
                await one.step()
                await two.step()
                assert not set(one.running) & set(two.running)
            assert {len(one.running), len(two.running)} == {2}
            assert {name.partition(":")[0] for name in one.running} == {"poll", "apply"}


async def test_a_process_that_was_frozen_may_not_call_and_stops_what_others_have_taken(bench: Bench) -> None:
    async with processes(bench, "w-1", "w-2") as (frozen, heir):
        await frozen.step()
        leases = dict(frozen.leases)
        taken = [name for name, lease in leases.items() if lease.held()]
        assert taken
        bench.clock.advance(10.0)
        assert not any(lease.held() for lease in leases.values())
        await heir.step()
        await heir.step()
        assert len(heir.running) == 2
        await frozen.step()
        assert not any(leases[name].held() for name in taken)
        assert not set(frozen.running) & set(heir.running)


async def test_heartbeats_keep_a_lease_alive(bench: Bench) -> None:
    async with processes(bench, "w-1") as (process,):
        for _ in range(8):
            await process.step()
            bench.clock.advance(2.0)
            assert all(lease.held() for lease in process.leases.values())
        assert process.begun == {"poll:acme": 1, "apply:acme": 1}
