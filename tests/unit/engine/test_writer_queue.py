"""Who writes next."""

import asyncio

import pytest

from connector.state.writer_queue import WriterQueue


async def waiter(turns: WriterQueue, order: list[str], name: str, *, urgent: bool = False) -> None:
    async with turns.one(urgent=urgent):
        order.append(name)
        await asyncio.sleep(0)
        order.append(f"/{name}")


async def queue(turns: WriterQueue, order: list[str], *names: str) -> list[asyncio.Task[None]]:
    """Tasks that wait in this order; those in capitals are urgent."""
    tasks = []
    for name in names:
        tasks.append(asyncio.create_task(waiter(turns, order, name, urgent=name.isupper())))
        await asyncio.sleep(0)
    return tasks


async def test_one_at_a_time_the_urgent_first() -> None:
    turns, order = WriterQueue(), list[str]()
    async with turns.one():
        tasks = await queue(turns, order, "a", "b", "U", "V")
        assert order == []
    await asyncio.gather(*tasks)
    assert order == ["U", "/U", "V", "/V", "a", "/a", "b", "/b"]


async def test_nobody_overtakes_whose_turn_was_handed_on() -> None:
    turns, order = WriterQueue(), list[str]()
    async with turns.one():
        tasks = await queue(turns, order, "a")
    late = asyncio.create_task(waiter(turns, order, "late"))
    await asyncio.gather(*tasks, late)
    assert order == ["a", "/a", "late", "/late"]


async def test_one_that_gives_up_holds_up_nobody() -> None:
    turns, order = WriterQueue(), list[str]()
    async with turns.one():
        tasks = await queue(turns, order, "a", "b", "c")
        tasks[0].cancel()
        await asyncio.sleep(0)
    tasks[1].cancel()  # its turn has come, it has not noticed yet
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in found] == [asyncio.CancelledError, asyncio.CancelledError, type(None)]
    assert order == ["c", "/c"]
    async with asyncio.timeout(5), turns.one():
        order.append("free")
    assert order[-1] == "free"


async def test_a_turn_that_fails_ends() -> None:
    turns, order = WriterQueue(), list[str]()
    tasks: list[asyncio.Task[None]] = []

    async def failing() -> None:
        async with turns.one():
            tasks.extend(await queue(turns, order, "a"))
            order.append(str(1 // 0))

    with pytest.raises(ZeroDivisionError):
        await failing()
    await asyncio.gather(*tasks)
    assert order == ["a", "/a"]
