"""Sync runs and the live poll of one store, with a poller that does what a test says."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from connector.clock import SteppedClock
from connector.engine.lookout import Lookout
from connector.engine.places import SyncPlaces
from connector.engine.policies import Backoff
from connector.engine.producing import Producer
from connector.engine.tally import Tally
from connector.engine.usage import CallMeter
from connector.errors import CredentialsRefused, TargetIll, UserFault
from connector.ports import Unmapped
from connector.state.pauses import PauseKind
from connector.state.problems import Problems
from connector.state.runs import Run
from connector.state.unmapped import UnmappedEntities
from connector.state.usage import Usage
from tests.behaviour.engine.bench import Bench
from tests.support.statements import statements

SIDE = "sparkpay"


@dataclass
class FakePoller:
    """Counts what it is asked; `faults` are raised by the next reads, one each."""

    faults: list[Exception] = field(default_factory=list)
    look_faults: list[Exception] = field(default_factory=list)
    looks: int = 0
    full: list[str] = field(default_factory=list)
    caught_up: int = 0
    closed: bool = False
    before_end: Callable[[], None] = lambda: None

    async def look_step(self) -> float:
        self.looks += 1
        if self.look_faults:
            raise self.look_faults.pop(0)
        return 1.0

    async def sweep_step(self) -> float:
        return 60.0

    async def full_sync(self, run: str, progress: Any, *, force: bool, only: Any = None) -> None:  # noqa: ARG002
        assert force, "what a person asks for is read again"
        self.full.append(run)
        await self._read(progress)

    async def catch_up(self, progress: Any) -> None:
        self.caught_up += 1
        await self._read(progress)

    async def _read(self, progress: Any) -> None:
        if self.faults:
            raise self.faults.pop(0)
        await progress(read=3, published=5)
        self.before_end()

    async def close(self) -> None:
        self.closed = True


class StandingClock(SteppedClock):
    """Whoever sleeps, sleeps for ever."""

    async def sleep(self, seconds: float) -> None:  # noqa: ARG002
        await asyncio.Event().wait()


class Stage:
    """A producer at work over a fake poller."""

    def __init__(self, bench: Bench, places: SyncPlaces | None = None) -> None:
        self.bench, self.poller = bench, FakePoller()
        self.meter = CallMeter(Usage(bench.db), bench.metrics)
        self.tally = Tally(bench.runs)
        self.settled: list[str] = []
        self.lookout = Lookout(bench.inbox, bench.pauses, bench.runs, bench.clock, wake=lambda *_: None)
        poller: Any = self.poller
        self.producer = Producer(
            "acme", SIDE, poller, {"look": poller.look_step, "sweep": poller.sweep_step},
            runs=bench.runs, meter=self.meter, tally=self.tally, pauses=bench.pauses,
            lookout=self.lookout, places=places or SyncPlaces(bench.clock), clock=bench.clock,
            until_settled=self._until_settled, rng=random.Random(1), backoff=Backoff(jitter=0.0),
        )  # fmt: skip

    async def _until_settled(self, connection: str) -> None:
        runs = await self.bench.runs.unfinished(connection)
        self.settled += [run.state for run in runs]

    async def request(self, *, full: bool = True) -> Run:
        self.bench.clock.advance(1.0)  # runs are served in the order of their requests
        return await self.bench.runs.request("acme", entities=(), full=full, requested_by="test")

    async def over(self, run: Run) -> Run:
        async def ended() -> bool:
            return (await self.bench.runs.get(run.id)).over

        await self.until(ended)
        return await self.bench.runs.get(run.id)

    async def until(self, check: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(60):
            while not await check():
                await asyncio.sleep(0)

    async def until_looked(self, times: int) -> None:
        until = self.poller.looks + times

        async def looked() -> bool:
            return self.poller.looks >= until

        await self.until(looked)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        await self.lookout.look()
        tasks = [asyncio.create_task(self.lookout.run()), asyncio.create_task(self.producer.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            assert self.poller.closed


async def test_a_run_is_read_then_applied_then_done_with_its_counts(bench: Bench) -> None:
    stage = Stage(bench)

    def some_calls() -> None:
        for side in ("sparkpay", "sparkpay", "sparklayer"):
            stage.meter.count("acme", side, 200, 0.1)
        for outcome in ("applied", "applied", "partly", "rejected", "waiting", "retry"):
            stage.tally.note("acme", outcome)

    stage.poller.before_end = some_calls
    asked = await stage.request()
    assert asked.state == "requested"
    async with stage.at_work():
        run = await stage.over(asked)
    assert stage.settled == ["applying"]
    assert (run.state, run.read, run.published) == ("done", 3, 5)
    assert (run.applied, run.rejected, run.unchanged) == (3, 1, 1)
    assert run.calls == {"sparkpay": 2, "sparklayer": 1}
    assert stage.poller.full == [asked.id]


async def test_a_catch_up_reads_only_what_changed(bench: Bench) -> None:
    stage = Stage(bench)
    asked = await stage.request(full=False)
    async with stage.at_work():
        assert (await stage.over(asked)).state == "done"
    assert (stage.poller.caught_up, stage.poller.full) == (1, [])


async def test_a_run_that_a_dead_process_began_goes_on(bench: Bench) -> None:
    stage = Stage(bench)
    reading, applying = await stage.request(), await stage.request()
    await bench.runs.start(reading.id)
    await bench.runs.start(applying.id)
    await bench.runs.reading_done(applying.id)
    async with stage.at_work():
        assert (await stage.over(reading)).state == "done"
        assert (await stage.over(applying)).state == "done"
    assert stage.poller.full == [reading.id], "what was read is not read again"


async def test_a_platform_in_trouble_only_delays_a_run(bench: Bench) -> None:
    stage = Stage(bench)
    ill = TargetIll("503", side="sparkpay", endpoint="GET /products", status=503)
    stage.poller.faults = [ill, ill]
    asked = await stage.request()
    async with stage.at_work():
        run = await stage.over(asked)
    assert (run.state, len(stage.poller.full)) == ("done", 3)


async def test_a_run_that_cannot_be_done_fails_with_a_sentence(bench: Bench) -> None:
    stage = Stage(bench)
    stage.poller.faults = [UserFault("the token shows several stores: set sparkpay.store_id")]
    asked = await stage.request()
    async with stage.at_work():
        run = await stage.over(asked)
        again = await stage.over(await stage.request())
    assert (run.state, run.message) == ("failed", "the token shows several stores: set sparkpay.store_id")
    assert again.state == "done"


@pytest.mark.parametrize("kind", ["breaker", "scope"])
async def test_a_side_that_takes_no_writes_is_still_read(bench: Bench, kind: PauseKind) -> None:
    stage = Stage(bench)
    await bench.pauses.pause("acme", SIDE, "nothing may be written", kind=kind)
    run = await stage.request()
    async with stage.at_work():
        assert (await stage.over(run)).state == "done"
        await stage.until_looked(2)
    assert stage.poller.full == [run.id]
    assert SIDE in await bench.pauses.paused("acme"), "reading proves nothing of writing"


async def test_a_refused_token_pauses_the_side_until_somebody_acts(bench: Bench) -> None:
    stage = Stage(bench)
    refused = CredentialsRefused("the token is revoked", side="sparkpay", endpoint="GET /stores", status=401)
    stage.poller.faults = [refused]
    first, second = await stage.request(), await stage.request()
    async with stage.at_work():
        run = await stage.over(first)
        assert run.state == "failed"
        reason = (await bench.pauses.paused("acme"))[SIDE].reason
        assert "connections update acme --sparkpay-token" in reason
        looks = stage.poller.looks
        for _ in range(200):
            await asyncio.sleep(0)
        assert stage.poller.looks <= looks + 1, "a paused side makes no call"
        assert (await bench.runs.get(second.id)).state == "requested"
        await bench.pauses.resume("acme", SIDE)
        assert (await stage.over(second)).state == "done"


async def test_a_look_that_fails_is_tried_again_ever_more_slowly(bench: Bench) -> None:
    stage = Stage(bench)
    ill = TargetIll("503", side="sparkpay", endpoint="GET /products", status=503)
    stage.poller.look_faults = [ill, ill, ill]

    async def looked() -> bool:
        return stage.poller.looks > 4

    async with stage.at_work():
        await stage.until(looked)
    assert bench.clock.monotonic() >= 1 + 2 + 4
    assert SIDE not in await bench.pauses.paused("acme")


async def test_a_walk_waits_for_a_place_and_a_catch_up_does_not(bench: Bench) -> None:
    places = SyncPlaces(StandingClock(), count=1)
    stage = Stage(bench, places)
    async with places.taken():
        quick = await stage.request(full=False)
        walk = await stage.request()
        async with stage.at_work():
            assert (await stage.over(quick)).state == "done"
            for _ in range(200):
                await asyncio.sleep(0)
            assert (await bench.runs.get(walk.id)).state == "requested"


async def test_a_walk_that_waited_begins_when_a_place_is_free(bench: Bench) -> None:
    places = SyncPlaces(bench.clock, count=1, seconds=20.0)
    stage = Stage(bench, places)
    async with places.taken(), stage.at_work():  # held for ever, so that only its time can end it
        walk = await stage.request()
        assert (await stage.over(walk)).state == "done"


async def test_a_producer_with_nothing_to_do_asks_the_database_nothing(bench: Bench) -> None:
    stage = Stage(bench)
    async with stage.at_work():
        await stage.until_looked(3)
        with statements(bench.db) as asked:
            await stage.until_looked(30)
    looks = [statement for statement in asked if "side_pauses" in statement]
    assert len(asked) == pytest.approx(3 * len(looks), abs=3), "the lookout's three, and nothing else"


async def test_what_cannot_be_mapped_is_stored_with_each_look_and_gone_after_a_round_without_it(bench: Bench) -> None:
    stage = Stage(bench)
    entities = UnmappedEntities(bench.db, bench.clock, "acme", SIDE)
    stage.producer.unmapped = entities
    problems = Problems(bench.db, bench.clock)

    async def stored(*keys: str) -> bool:
        return sorted(one.key for one in await problems.list("acme")) == sorted(keys)

    entities.found(Unmapped("order", "sparkpay:1", "total_missing", "no total"))
    entities.found(Unmapped("product", "sparkpay:2", "sku", "ambiguous"))
    async with stage.at_work():
        await stage.until(partial(stored, "sparkpay:1", "sparkpay:2"))
        bench.clock.advance(600)
        stage.poller.before_end = lambda: entities.found(Unmapped("order", "sparkpay:1", "total_missing", "no total"))
        await stage.over(await stage.request(full=False))
        assert await stored("sparkpay:1", "sparkpay:2"), "a catch-up does not read everything"
        await stage.over(await stage.request())
        assert await stored("sparkpay:1")
