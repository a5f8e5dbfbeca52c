"""The gate: how the limit moves, who waits for whom, and what a 429 does to everybody."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from connector.clock import SteppedClock
from connector.errors import Throttled
from connector.sandbox.sparklayer import FaultRule
from connector.sparklayer import CallGate, GatePolicy, SparkLayerClient
from connector.sparklayer.gate_policy import Backoff, Concurrency, LatencyWatch


def test_the_limit_grows_slowly_and_halves_once_per_trouble() -> None:
    limit = Concurrency(GatePolicy())
    for _ in range(49):
        limit.good()
    assert limit.limit == 4
    limit.good()
    assert limit.limit == 5
    for _ in range(5000):
        limit.good()
    assert limit.limit == 16
    epoch = limit.epoch
    for _ in range(16):
        limit.trouble(epoch)
    assert limit.limit == 8
    for _ in range(10):
        limit.trouble(limit.epoch)
    assert limit.limit == 1


def test_trouble_starts_the_count_again() -> None:
    limit = Concurrency(GatePolicy())
    for _ in range(49):
        limit.good()
    limit.trouble(limit.epoch)
    limit.good()
    assert limit.limit == 2


def test_latency_that_doubles_is_noticed_once_and_per_route() -> None:
    watch = LatencyWatch(GatePolicy())
    assert not any(watch.doubled("fast", 0.3) or watch.doubled("slow", 2.0) for _ in range(100))
    risen = [watch.doubled("fast", 0.9) for _ in range(100)]
    assert risen.count(True) == 1
    assert risen.index(True) < 6
    assert not any(watch.doubled("tiny", seconds) for seconds in [0.001] * 50 + [0.2] * 50)


@pytest.mark.parametrize(
    "wrong", [{"smallest": 0}, {"start": 20}, {"max_rps": 0.0}, {"shrink_by": 1}, {"latency_factor": 1.0}]
)
def test_figures_that_contradict_each_other(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"gate|max_rps|above 1"):
        GatePolicy(**wrong)


def test_how_long_a_429_holds() -> None:
    backoff = Backoff(GatePolicy())
    assert [backoff.hold(None) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert (backoff.hold(7.5), backoff.hold(1e9)) == (7.5, 3600)
    backoff.reset()
    assert backoff.hold(None) == 1


async def pause() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_than_the_limit_and_first_come_first_served() -> None:
    gate = CallGate(GatePolicy(), SteppedClock())
    order: list[int] = []
    doors = [asyncio.Event() for _ in range(10)]

    async def call(number: int) -> None:
        async with gate.enter("r"):
            order.append(number)
            await doors[number].wait()

    tasks = [asyncio.create_task(call(number)) for number in range(10)]
    await pause()
    assert order == [0, 1, 2, 3]
    tasks[4].cancel()
    doors[2].set()
    await pause()
    assert order == [0, 1, 2, 3, 5]
    assert gate.under_way == 4
    for door in doors:
        door.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert gate.under_way == 0


async def test_a_turn_that_comes_to_a_cancelled_caller_is_passed_on() -> None:
    gate = CallGate(GatePolicy(start=1), SteppedClock())
    reached: list[str] = []

    async def call(name: str, door: asyncio.Event) -> None:
        async with gate.enter("r"):
            reached.append(name)
            await door.wait()

    first, open_ = asyncio.Event(), asyncio.Event()
    open_.set()
    one = asyncio.create_task(call("one", first))
    await pause()
    two, three = asyncio.create_task(call("two", open_)), asyncio.create_task(call("three", open_))
    await pause()
    first.set()
    await one  # its turn goes to two, which is cancelled before it can run
    two.cancel()
    await asyncio.gather(two, three, return_exceptions=True)
    assert "three" in reached
    assert gate.under_way == 0


async def test_a_grown_limit_lets_a_waiting_caller_in() -> None:
    gate = CallGate(GatePolicy(start=1, grow_after=1), SteppedClock())
    seen: list[int] = []
    door = asyncio.Event()

    async def call(number: int) -> None:
        async with gate.enter("r"):
            seen.append(number)
            await door.wait()

    async with gate.enter("r") as turn:
        task = asyncio.create_task(call(1))
        await pause()
        assert seen == []
        turn.answered(0.1)
        await pause()
        assert seen == [1]
    door.set()
    await task


async def test_a_429_holds_everybody_for_as_long_as_told(client: SparkLayerClient, rig: Any) -> None:
    await client.check_token()
    rig.service.policy = replace(rig.service.policy, retry_after_seconds=9)
    rig.faults.add(FaultRule("status", status=429), FaultRule("status", status=429))
    with pytest.raises(Throttled) as caught:
        await client.stock_locations.all()
    assert caught.value.retry_after == 9
    assert (rig.gate.hold_left, rig.gate.limit) == (9, 2)
    with pytest.raises(Throttled) as caught:
        await client.stock_locations.all()
    assert rig.clock.monotonic() == 9
    assert caught.value.retry_after == 10  # the date form, measured against the answer's Date
    other = rig.client()
    await other.stock_locations.all()
    assert rig.clock.monotonic() == 19
    assert rig.gate.hold_left == 0


async def test_a_time_out_halves(client: SparkLayerClient, rig: Any) -> None:
    await client.check_token()
    rig.faults.add(FaultRule("timeout"))
    with pytest.raises(Exception, match="does not answer"):
        await client.stock_locations.all()
    assert rig.gate.limit == 2


async def test_good_answers_raise_the_limit_and_server_errors_do_not(client: SparkLayerClient, rig: Any) -> None:
    for _ in range(50):
        await client.stock_locations.all()
    assert rig.gate.limit == 5
    rig.faults.add(FaultRule("status", status=500, times=50))
    for _ in range(50):
        with pytest.raises(Exception, match="500"):
            await client.stock_locations.all()
    assert rig.gate.limit == 5


async def test_an_upper_rate_spaces_the_calls() -> None:
    gate = CallGate(GatePolicy(max_rps=200.0), SteppedClock())
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(5):
        async with gate.enter("r") as turn:
            turn.answered(0.001)
    assert loop.time() - began >= 4 / 200 * 0.9
