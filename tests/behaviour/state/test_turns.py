"""Turns: one at a time over all processes, and what has a result is not done again."""

import asyncio

import pytest

from connector.clock import SteppedClock, SystemClock
from connector.errors import Unavailable, UserFault
from connector.state.connections import Connections, SparkLayerAccess, SparkPayAccess
from connector.state.database import Database
from connector.state.turns import HELD, Turns, TurnTaken
from connector.state.vault import Vault


@pytest.fixture
async def connections(db: Database) -> Connections:
    made = Connections(db, Vault("turns-only-0123456789-0123456789-ab"), SystemClock())
    await made.add("acme", SparkPayAccess("https://p", "t"), SparkLayerAccess("https://l", "s", "test", "c", "x"))
    return made


async def test_a_hundred_at_once_do_it_once(db: Database, connections: Connections) -> None:
    done: list[str] = []
    processes = [Turns(db, SystemClock()) for _ in range(3)]

    async def one(number: int) -> str | None:
        async with processes[number % 3].taken("acme", "cart:1", 30) as turn:
            if turn.result is None:
                await asyncio.sleep(0)
                done.append(f"order {number}")
                turn.result = done[-1]
            return turn.result

    results = await asyncio.gather(*(one(number) for number in range(100)))
    assert len(done) == 1
    assert set(results) == set(done)
    assert await connections.ids() == ["acme"]


async def test_a_failure_leaves_the_turn_to_the_next(db: Database, connections: Connections) -> None:
    turns = Turns(db, SystemClock())
    with pytest.raises(ZeroDivisionError):
        async with turns.taken("acme", "cart:1", 1):
            raise ZeroDivisionError
    async with turns.taken("acme", "cart:1", 1) as turn:
        assert turn.result is None
        turn.result = "7"
    with pytest.raises(ZeroDivisionError):
        async with turns.taken("acme", "cart:1", 1) as turn:
            raise ZeroDivisionError
    async with turns.taken("acme", "cart:1", 1) as turn:
        assert turn.result == "7"
    assert await connections.ids() == ["acme"]


async def test_who_waits_too_long_is_told_and_who_died_is_not_waited_for(
    db: Database, connections: Connections
) -> None:
    clock = SteppedClock()
    mine, theirs = Turns(db, clock), Turns(db, clock)  # two processes
    async with mine.taken("acme", "x", 1) as turn:
        with pytest.raises(Unavailable):
            async with theirs.taken("acme", "x", 1):
                raise AssertionError
        async with theirs.taken("acme", "y", 1):
            clock.advance(61)
            async with theirs.taken("acme", "x", 1) as other:
                assert await connections.ids() == ["acme"]
                other.result = "theirs"
        turn.result = "too late"
    assert await mine.result("acme", "x") == "theirs"
    assert await mine.result("acme", "z") is None


async def test_a_connection_that_is_gone_has_no_turns(db: Database, connections: Connections) -> None:
    await connections.remove("acme")
    with pytest.raises(UserFault):
        async with Turns(db, SystemClock()).taken("acme", "x", 1):
            raise AssertionError


async def test_who_is_cancelled_while_it_takes_a_turn_does_not_keep_it(db: Database, connections: Connections) -> None:
    turns = Turns(db, SystemClock())
    assert await connections.ids() == ["acme"]

    async def take(name: str) -> None:
        async with turns.taken("acme", name, 0):
            raise AssertionError(name)

    for steps in range(40):
        task = asyncio.create_task(take(f"cart:{steps}"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises((asyncio.CancelledError, AssertionError)):
            await task
        async with Turns(db, SystemClock()).taken("acme", f"cart:{steps}", 0) as turn:
            assert turn.result is None


@pytest.mark.parametrize("final", [False, True])
async def test_what_was_begun_for_good_and_cancelled_is_waited_for(
    db: Database, connections: Connections, *, final: bool
) -> None:
    clock = SteppedClock()
    turns, others = Turns(db, clock), Turns(db, clock)
    assert await connections.ids() == ["acme"]
    begun = asyncio.Event()

    async def make() -> None:
        async with turns.taken("acme", "cart:1", 1, final=final):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(make())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if final:
        with pytest.raises(TurnTaken):
            async with others.taken("acme", "cart:1", 1, final=True):
                pass
        clock.advance(HELD.total_seconds())
    async with others.taken("acme", "cart:1", 1, final=final) as turn:
        assert turn.result is None
