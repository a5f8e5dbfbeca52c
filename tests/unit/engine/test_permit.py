"""Which calls leave when a process ends, and what is known of those that did."""

import asyncio

import pytest

from connector.errors import OutcomeUnknown, Withheld
from connector.permit import CallPermit


async def _call(permit: CallPermit, turn: asyncio.Event, answer: asyncio.Event, said: list[str]) -> str:
    async with permit.call("sparklayer", "/x") as leave:
        await turn.wait()
        leave.take()
        said.append("left")
        await answer.wait()
    return "answered"


async def test_at_the_end_calls_that_wait_do_not_leave_and_calls_that_left_are_answered() -> None:
    permit, said = CallPermit(), list[str]()
    go, never, answer = asyncio.Event(), asyncio.Event(), asyncio.Event()
    go.set()
    left = asyncio.create_task(_call(permit, go, answer, said))
    waits = asyncio.create_task(_call(permit, never, answer, said))
    await asyncio.sleep(0)
    assert said == ["left"]
    permit.close()
    with pytest.raises(Withheld, match="not sent: this process is ending"):
        await waits
    with pytest.raises(Withheld):
        await _call(permit, go, answer, said)
    assert not permit.open
    answer.set()
    assert await left == "answered"
    assert said == ["left"]


async def test_what_is_cut_off_after_it_left_has_an_unknown_outcome() -> None:
    permit, said, go = CallPermit(), list[str](), asyncio.Event()
    go.set()
    left = asyncio.create_task(_call(permit, go, asyncio.Event(), said))
    await asyncio.sleep(0)
    permit.close()
    await asyncio.sleep(0)
    assert not left.done()
    permit.cut()
    with pytest.raises(OutcomeUnknown, match="this process ended before the answer came"):
        await left


async def test_a_call_does_not_leave_when_the_right_was_lost_while_it_waited() -> None:
    """The process was frozen: in its queue, or while it waited for a connection."""
    held, said, turn = [True], list[str](), asyncio.Event()
    permit = CallPermit(lambda: held[0])
    waits = asyncio.create_task(_call(permit, turn, turn, said))
    await asyncio.sleep(0)
    held[0] = False
    turn.set()
    with pytest.raises(Withheld):
        await waits
    assert said == []

    held[0] = True
    async with permit.call("sparklayer", "/x") as leave:
        leave.take()
        await leave.last_look("http11.send_request_headers.started", {})
        held[0] = False
        await leave.last_look("connection.connect_tcp.started", {})
        with pytest.raises(Withheld):
            await leave.last_look("http11.send_request_headers.started", {})


async def test_a_time_out_of_somebody_else_stays_what_it_is() -> None:
    with pytest.raises(TimeoutError):
        async with CallPermit().call("sparklayer", "/x"):
            raise TimeoutError


async def test_it_may_be_closed_and_cut_off_more_than_once() -> None:
    permit, never = CallPermit(), asyncio.Event()
    waits = asyncio.create_task(_call(permit, never, never, []))
    await asyncio.sleep(0)
    permit.close()
    permit.close()
    await asyncio.sleep(0)
    permit.cut()
    permit.cut()
    with pytest.raises(Withheld):
        await waits
