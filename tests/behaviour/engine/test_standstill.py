"""Sides that pause themselves: what they keep, when they try again, who may end it."""

import asyncio
import itertools
import random
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from connector.clock import SteppedClock
from connector.engine.applier import Applier
from connector.engine.metrics import Metrics
from connector.engine.policies import HALF_OPEN, Backoff, Probing
from connector.engine.standstill import Standstill
from connector.errors import CredentialsRefused, TargetIll
from connector.state.connections import SparkLayerAccess, SparkPayAccess
from connector.state.database import Database
from connector.state.pauses import BY_HAND, Pause
from handlers.outcome import Applied, Failed, Outcome, Rejected
from tests.behaviour.engine.bench import SIDE, Bench, FakeHandler, product, stock

REVOKED = Failed("401 the keys are revoked", pause=True, status=401)


@pytest_asyncio.fixture
async def bench(db: Database) -> Bench:
    return await Bench.made(db)


async def the_pause(bench: Bench) -> Pause | None:
    return (await bench.pauses.paused("acme")).get(SIDE)


async def until_probe(bench: Bench, applier: Applier) -> None:
    """Let the time of the next probe come, and take one step."""
    pause = await the_pause(bench)
    assert pause is not None
    assert pause.probe_at is not None
    await applier.step("stock")
    assert (await the_pause(bench)) == pause, "nothing is tried before its time"
    bench.clock.advance((pause.probe_at - bench.clock.now()).total_seconds() + 0.01)
    await applier.step("stock")


class Door:
    """A harmless read; `error` is what it raises."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    async def __call__(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error


async def tripped(bench: Bench, *others: FakeHandler) -> Applier:
    bench.handler.answer = lambda _task: Rejected("scope", "not allowed", 400)
    await bench.put(*(stock(f"S-{number}") for number in range(120)))
    applier = bench.applier(*others)
    await applier.step("stock")
    assert (await the_pause(bench)).kind == "breaker"  # type: ignore[union-attr]
    return applier


async def test_a_tripped_side_tries_one_row_at_growing_intervals_and_refuses_none(bench: Bench) -> None:
    applier = await tripped(bench)
    waits = []
    for probes in (1, 2, 3, 4):
        await until_probe(bench, applier)
        pause = await the_pause(bench)
        assert pause is not None
        assert pause.probe_at is not None
        assert (pause.kind, pause.probes) == ("breaker", probes)
        waits.append((pause.probe_at - bench.clock.now()).total_seconds())
    assert all(later > 1.2 * sooner for sooner, later in itertools.pairwise(waits))
    assert bench.handler.sizes() == [100, 1, 1, 1, 1]
    assert len({call[0].key for call in bench.handler.calls[1:]}) > 1, "not always the same row"
    assert bench.office.posted == []
    assert (await bench.states())["rejected"] == 0


async def test_a_mended_side_goes_on_after_a_few_single_rows(bench: Bench) -> None:
    applier = await tripped(bench)
    bench.handler.answer = lambda _task: Applied("h")
    await until_probe(bench, applier)
    assert await the_pause(bench) is not None
    for _ in range(HALF_OPEN - 1):
        await applier.step("stock")
    assert await the_pause(bench) is None
    assert bench.handler.sizes() == [100, *[1] * HALF_OPEN]
    while await applier.step("stock") == 0:
        pass
    assert (await bench.states())["applied"] == 120
    assert bench.office.posted == []


async def test_one_row_that_works_does_not_close_the_breaker_where_most_do_not(bench: Bench) -> None:
    applier = await tripped(bench)
    answers: list[Outcome] = [Applied("h"), Rejected("scope", "not allowed", 400)]
    bench.handler.answer = lambda _task: answers.pop(0)
    await until_probe(bench, applier)
    await applier.step("stock")
    pause = await the_pause(bench)
    assert pause is not None
    assert pause.probes == 1
    assert bench.office.posted == []


async def test_refused_keys_are_tried_by_a_harmless_read_and_no_row(bench: Bench) -> None:
    door = Door()
    bench.handler.answer = lambda _task: REVOKED
    await bench.put(stock("A-1"))
    applier = bench.applier()
    applier.standstill.access = door
    await applier.step("stock")
    pause = await the_pause(bench)
    assert pause is not None
    assert pause.kind == "credentials"
    door.error = CredentialsRefused("401", side=SIDE, endpoint="GET /locations", status=401)
    await until_probe(bench, applier)
    door.error = TargetIll("503", side=SIDE, endpoint="GET /locations", status=503)
    await until_probe(bench, applier)
    pause = await the_pause(bench)
    assert pause is not None
    assert (pause.probes, door.asked, len(bench.handler.calls)) == (2, 2, 1)
    door.error, bench.handler.answer = None, lambda _task: Applied("h")
    await until_probe(bench, applier)
    assert await the_pause(bench) is None
    await applier.step("stock")
    assert (await bench.row("A-1")).state == "applied"


async def test_keys_that_may_read_but_not_write_are_not_tried_every_half_minute_for_ever(bench: Bench) -> None:
    door = Door()
    bench.handler.answer = lambda _task: Failed("403 no scope to write stock", pause=True, status=403, code="scope")
    await bench.put(stock("A-1"))
    applier = bench.applier()
    applier.standstill.access = door
    waits = []
    for _ in range(5):
        while await the_pause(bench) is None:
            bench.clock.advance(2)
            await applier.step("stock")
        pause = await the_pause(bench)
        assert pause is not None
        assert pause.probe_at is not None
        assert (pause.kind, pause.stops_reading) == ("scope", False)
        waits.append((pause.probe_at - bench.clock.now()).total_seconds())
        await until_probe(bench, applier)
    assert waits[-1] > 8 * waits[0]


async def test_new_keys_are_tried_at_once(bench: Bench) -> None:
    bench.handler.answer = lambda _task: REVOKED
    await bench.put(stock("A-1"))
    applier = bench.applier()
    await applier.step("stock")
    for _ in range(5):
        await bench.pauses.probe_failed("acme", SIDE, bench.clock.now() + timedelta(hours=1))
    layer = SparkLayerAccess("http://layer.test", "tools", "test", "client", "a new secret")
    await bench.connections.update("acme", sparklayer=layer)
    pause = await the_pause(bench)
    assert pause is not None
    assert pause.probe_at is not None
    assert (pause.probe_at - bench.clock.now()).total_seconds() <= 5
    assert pause.probes == 0


async def test_other_settings_do_not_hurry_a_probe(bench: Bench) -> None:
    later = bench.clock.now() + timedelta(hours=1)
    await bench.pauses.pause("acme", SIDE, "most were refused", later, kind="breaker")
    await bench.pauses.pause("acme", "sparkpay", "401", later, kind="credentials")
    layer = SparkLayerAccess("http://layer.test", "tools", "test", "client", "a new secret")
    await bench.connections.update("acme", sparklayer=layer)
    found = await bench.pauses.paused("acme")
    assert (found[SIDE].probe_at, found["sparkpay"].probe_at) == (later, later)


async def test_a_pause_by_hand_is_only_ended_by_hand(bench: Bench) -> None:
    await bench.pauses.pause("acme", SIDE, "maintenance")
    await bench.put(stock("A-1"))
    applier = bench.applier()
    door = Door()
    applier.standstill.access = door
    for _ in range(5):
        bench.clock.advance(100_000)
        await applier.step("stock")
    assert (bench.handler.calls, door.asked) == ([], 0)
    await applier.standstill.begin("401", "credentials")
    await bench.pauses.pause("acme", SIDE, "401", bench.clock.now(), kind="credentials")
    pause = await the_pause(bench)
    assert pause is not None
    assert (pause.kind, pause.reason, pause.probe_at) == (BY_HAND, "maintenance", None)
    assert not await bench.pauses.end("acme", SIDE, "credentials")
    await bench.pauses.probe_failed("acme", SIDE, bench.clock.now())
    assert (await the_pause(bench)) == pause
    await bench.pauses.resume("acme", SIDE)
    await applier.step("stock")
    assert (await bench.row("A-1")).state == "applied"


async def test_a_person_may_take_over_a_pause(bench: Bench) -> None:
    since = bench.clock.now()
    await bench.pauses.pause("acme", SIDE, "401", since, kind="credentials")
    bench.clock.advance(60)
    await bench.pauses.pause("acme", SIDE, "we look into it")
    pause = await the_pause(bench)
    assert pause == Pause("we look into it", since, None, BY_HAND, 0)


async def test_only_one_probe_of_a_side_is_under_way(bench: Bench) -> None:
    other = FakeHandler("product")
    applier = await tripped(bench, other)
    await bench.put(product("P-1", "S-1"))
    bench.clock.advance(60)
    bench.handler.calls.clear()

    async def another_kind_steps() -> None:
        assert await applier.step("product") > 1

    bench.handler.meanwhile = another_kind_steps
    await applier.step("stock")
    assert (bench.handler.sizes(), other.sizes()) == ([1], [])


async def test_begin_and_end_are_counted(bench: Bench) -> None:
    still = Standstill("acme", SIDE, bench.pauses, bench.clock, random.Random(1), bench.metrics)
    await still.begin("401", "credentials")
    await still.begin("401", "credentials")
    pause = await still.current()
    assert pause is not None
    await still.failed(pause, "401")
    await still.end("credentials")
    assert await still.current() is None
    shown = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in bench.metrics.registry.collect()
        for sample in metric.samples
        if sample.name.startswith("paylayer_side_p") and sample.name.endswith("_total")
    }
    assert shown["paylayer_side_pauses_total", "acme", SIDE, "credentials"] == 1
    assert shown["paylayer_side_probes_total", "acme", SIDE, "failed"] == 1
    assert shown["paylayer_side_probes_total", "acme", SIDE, "passed"] == 1


@pytest.mark.parametrize("quiet", [30.0, 10_000.0])
def test_a_relapse_waits_longer_than_a_new_fault(quiet: float) -> None:
    probing = Probing(random.Random(1), Backoff(first_seconds=30.0, longest_seconds=1800.0, jitter=0.0))
    clock = SteppedClock()
    first = probing.first(clock.monotonic())
    probing.ended(clock.monotonic())
    clock.advance(quiet)
    again = probing.first(clock.monotonic())
    assert (again > 1.3 * first) == (quiet < 600)


async def test_two_jobs_that_meet_the_same_refusal_at_once_tell_it_once(bench: Bench) -> None:
    jobs = [Standstill("acme", SIDE, bench.pauses, bench.clock, random.Random(seed), Metrics()) for seed in (1, 2)]
    with capture_logs() as lines:
        await asyncio.gather(*(job.begin("the keys are revoked", "credentials") for job in jobs))
    assert [line["event"] for line in lines] == ["side_paused"]
    assert (await the_pause(bench)).reason == "the keys are revoked"  # type: ignore[union-attr]
    assert not await bench.pauses.pause("acme", SIDE, "again", kind="credentials"), "it stands still already"


async def test_what_was_met_before_the_connection_was_changed_pauses_it_no_more(bench: Bench) -> None:
    """A job of before may still be under way when a person has given the right keys and resumed the side."""
    met_with = (await bench.connections.get("acme")).version
    job = Standstill("acme", SIDE, bench.pauses, bench.clock, random.Random(1), version=met_with)
    await bench.connections.update("acme", sparkpay=SparkPayAccess("http://other.test", "new"))
    began = bench.clock.now()
    with capture_logs() as lines:
        for kind in ("by hand", "credentials", "breaker"):
            await job.begin("the old keys", kind)
    assert await the_pause(bench) is None
    assert lines == []
    assert bench.clock.now() > began, "it asks nothing more until it is ended"
    now = replace(job, version=(await bench.connections.get("acme")).version)
    await now.begin("the new keys", "credentials")
    assert (await the_pause(bench)).reason == "the new keys"  # type: ignore[union-attr]
    await bench.connections.remove("acme")
    await bench.pauses.resume("acme", SIDE)
    await now.begin("the new keys", "credentials")
    assert await the_pause(bench) is None, "of a connection that is gone nothing is left behind"
