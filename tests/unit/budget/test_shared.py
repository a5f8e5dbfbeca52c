"""One budget for many tasks: who goes first, who gives back, what happens when the database is gone."""

import asyncio
import logging

import pytest

from connector.budget import SharedBudget
from connector.errors import Unavailable
from connector.ports import CallBudget, Priority
from tests.support.stepping import VirtualClock
from tests.unit.budget.fleet import Rows


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def rows(clock: VirtualClock) -> Rows:
    return Rows(clock)


def budget(rows: Rows, clock: VirtualClock, limit: int = 5) -> SharedBudget:
    return SharedBudget(rows, "shop", clock, limit, 10.0)


async def call(
    budget: CallBudget, clock: VirtualClock, left: list[str], name: str, priority: Priority, *, used: int | None = None
) -> None:
    async with budget.call(priority) as ticket:
        left.append(name)
        await clock.sleep(0.2)
        ticket.answered(used, 5)


async def test_the_most_urgent_goes_first(rows: Rows, clock: VirtualClock) -> None:
    shared, left = budget(rows, clock, 1), []
    tasks = [asyncio.create_task(call(shared, clock, left, "first", Priority.SYNC))]
    await clock.run_until(0.1)
    for name, priority in (("sync", Priority.SYNC), ("live", Priority.LIVE), ("replay", Priority.REPLAY)):
        tasks.append(asyncio.create_task(call(shared, clock, left, name, priority)))
    tasks.append(asyncio.create_task(call(shared, clock, left, "live too", Priority.LIVE)))
    tasks.append(asyncio.create_task(call(shared, clock, left, "shopper", Priority.INTERACTIVE)))
    await clock.run_until(100)
    await asyncio.gather(*tasks)
    assert left == ["first", "shopper", "live", "live too", "replay", "sync"]
    await shared.close()


async def test_a_waiter_cancelled_when_it_was_granted_gives_back(rows: Rows, clock: VirtualClock) -> None:
    shared, left = budget(rows, clock, 1), []
    for tick in range(12):  # whichever tick it is
        task = asyncio.create_task(call(shared, clock, left, "never", Priority.LIVE))
        for _ in range(tick):
            await asyncio.sleep(0)
        if left:
            task.cancel()
            break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for _ in range(20):
            await asyncio.sleep(0)
        assert rows.kept.get("shop", {"out": {}})["out"] == {}, tick
    await asyncio.gather(task, return_exceptions=True)
    await shared.close()
    assert tick > 2


async def test_a_cancelled_waiter_holds_up_nobody(rows: Rows, clock: VirtualClock) -> None:
    shared, left = budget(rows, clock, 1), []
    tasks = [asyncio.create_task(call(shared, clock, left, str(number), Priority.LIVE)) for number in range(3)]
    await clock.run_until(1)
    tasks[1].cancel()
    await clock.run_until(40)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert left == ["0", "2"]
    await shared.close()


async def test_a_call_that_fails_still_counts(rows: Rows, clock: VirtualClock) -> None:
    shared, left = budget(rows, clock, 1), []
    with pytest.raises(ZeroDivisionError):
        async with shared.call(Priority.LIVE):
            raise ZeroDivisionError
    task = asyncio.create_task(call(shared, clock, left, "next", Priority.LIVE))
    await clock.run_until(9.9)
    assert left == []
    await clock.run_until(20)
    await task
    assert left == ["next"]
    await shared.close()


async def test_a_refusal_holds_everybody_and_shows(rows: Rows, clock: VirtualClock) -> None:
    shared, left = budget(rows, clock, 5), []
    async with shared.call(Priority.LIVE) as ticket:
        ticket.answered(5, 5)
        ticket.throttled(4.0)
    task = asyncio.create_task(call(shared, clock, left, "later", Priority.INTERACTIVE))
    await clock.run_until(3.9)
    seen = await shared.snapshot()
    assert (left, seen.limit, seen.window_seconds, seen.used) == ([], 5, 10.0, 5)
    assert seen.held_until is not None
    await clock.run_until(6)
    await task
    assert left == ["later"]
    assert (await shared.snapshot()).held_until is None
    await shared.close()


async def test_a_restart_goes_on_with_the_same_window(rows: Rows, clock: VirtualClock) -> None:
    first, left = budget(rows, clock, 2), []
    tasks = [asyncio.create_task(call(first, clock, left, str(number), Priority.LIVE)) for number in range(2)]
    await clock.run_until(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await first.close()
    second = budget(rows, clock, 2)
    taken = len(left)
    later = [asyncio.create_task(call(second, clock, left, f"new {number}", Priority.LIVE)) for number in range(3)]
    await clock.run_until(9)
    assert len(left) <= 2
    await clock.run_until(60)
    await asyncio.gather(*later)
    assert len(left) == taken + 3
    await second.close()


async def test_without_the_database_no_call_leaves_and_nobody_asks_in_a_hot_loop(
    rows: Rows, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    shared, left = budget(rows, clock), []
    rows.down = True
    with caplog.at_level(logging.WARNING, "paylayer.budget"):
        task = asyncio.create_task(call(shared, clock, left, "later", Priority.LIVE))
        await clock.run_until(10)
        assert (left, task.done()) == ([], False)
        assert 3 <= rows.failures <= 10
        rows.down = False
        await clock.run_until(20)
    await task
    assert left == ["later"]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "no call leaves until it is back: Unavailable: the database does not answer" in told[0]
    assert "is back after" in told[1]
    await shared.close()


async def test_who_waits_too_long_for_the_database_hears_why(rows: Rows, clock: VirtualClock) -> None:
    shared, left = budget(rows, clock), []
    rows.down = True
    early = asyncio.create_task(call(shared, clock, left, "early", Priority.LIVE))
    await clock.run_until(20)
    late = asyncio.create_task(call(shared, clock, left, "late", Priority.LIVE))
    await clock.run_until(40)
    with pytest.raises(Unavailable, match="does not answer"):
        await early
    assert not late.done()
    rows.down = False
    await clock.run_until(60)
    await late
    assert left == ["late"]
    await shared.close()


async def test_a_budget_is_closed_while_the_database_is_gone(rows: Rows, clock: VirtualClock) -> None:
    shared, left = budget(rows, clock), []
    rows.down = True
    task = asyncio.create_task(call(shared, clock, left, "never", Priority.LIVE))
    await clock.run_until(20)
    await asyncio.wait_for(shared.close(), 5)
    assert task.cancelled() or task.cancelling() or task.done() or (await asyncio.gather(task, return_exceptions=True))
    assert left == []


async def test_a_process_that_stood_still_does_not_use_an_old_grant(rows: Rows, clock: VirtualClock) -> None:
    shared, left = budget(rows, clock, 1), []
    task = asyncio.create_task(call(shared, clock, left, "one", Priority.LIVE))
    while "shop" not in rows.kept:
        await asyncio.sleep(0)
    clock.advance(60)  # between the grant and the next turn of the event loop
    await clock.run_until(61)
    await task
    assert left == ["one"]
    assert rows.changes >= 3  # granted, given back, granted anew
    assert clock.monotonic() >= 60
    await shared.close()


async def test_closing_writes_the_last_reply_and_cancels_who_waits(rows: Rows, clock: VirtualClock) -> None:
    shared, left = budget(rows, clock, 1), []
    task = asyncio.create_task(call(shared, clock, left, "one", Priority.LIVE, used=1))
    await clock.run_until(1)
    await task
    waiting = asyncio.create_task(call(shared, clock, left, "two", Priority.LIVE))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await shared.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert rows.kept["shop"]["out"] == {}
    assert rows.kept["shop"]["top"] == 1
