"""Runs, dead-letter decisions, workers and leases, budget rows."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from connector.budget import SharedBudget
from connector.clock import SteppedClock
from connector.errors import UserFault
from connector.ports import Priority
from connector.state.budgets import BudgetRows
from connector.state.database import Database
from connector.state.letters import Decision, Edit, Letters
from connector.state.problems import Problem, Problems
from connector.state.runs import Runs
from connector.state.workers import Workers


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


async def test_a_run_from_request_to_end(db: Database, clock: SteppedClock) -> None:
    runs = Runs(db, clock)
    assert await runs.latest("acme") is None
    first = await runs.request("acme", ["product", "stock"], full=True, requested_by="cli")
    clock.advance(1)
    second = await runs.request("acme", [], full=False, requested_by="cli")
    assert await runs.next_requested("acme") == first
    assert (first.entities, first.full, first.state, first.over) == (("product", "stock"), True, "requested", False)
    await runs.start(first.id)
    assert await runs.next_requested("acme") == second
    assert [run.id for run in await runs.unfinished("acme")] == [first.id]
    await asyncio.gather(*(runs.progress(first.id, read=5, published=2, calls={"sparkpay": 1}) for _ in range(4)))
    run = await runs.reading_done(first.id, {"paylayer.products": {"0": 17}})
    assert (run.state, run.read, run.published, run.calls) == ("applying", 20, 8, {"sparkpay": 4, "sparklayer": 0})
    assert (run.read_at, run.published_until) == (clock.now(), {"paylayer.products": {"0": 17}})
    await runs.progress(first.id, applied=6, unchanged=1, rejected=1, calls={"sparklayer": 3})
    done = await runs.finish(first.id)
    assert (done.state, done.over, done.applied, done.calls["sparklayer"]) == ("done", True, 6, 3)
    failed = await runs.fail(second.id, "the token is refused")
    assert (failed.state, failed.message) == ("failed", "the token is refused")
    assert await runs.latest("acme") == failed
    with pytest.raises(UserFault, match="no sync run 'x'"):
        await runs.get("x")
    with pytest.raises(UserFault, match="no sync run 'x'"):
        await runs.finish("x")


async def test_decisions_about_letters(db: Database, clock: SteppedClock) -> None:
    letters = Letters(db, clock)
    one, two = "t.dlt:0:1", "t.dlt:0:2"
    assert await letters.states([one]) == {one: Decision("new")}
    await letters.save_edit(one, b"\x00mended", [("h", None), ("h", b"\xff")])
    await letters.save_edit(two, b"only the value")
    assert (await letters.states([one]))[one] == Decision("new", edited=True)
    assert await letters.edits([one, two, "t.dlt:0:3"]) == {
        one: Edit(b"\x00mended", (("h", None), ("h", b"\xff"))),
        two: Edit(b"only the value", None),
    }
    replay = await letters.start_replay("ann", {"side": "sparklayer"}, dry_run=False, selected=2)
    await letters.mark([one], "replayed", by="ann", replay_id=replay)
    await letters.mark([two], "discarded", by="bob", note="obsolete")
    states = await letters.states([one, two])
    assert states[one] == Decision("replayed", replay, clock.now(), "ann", None, edited=True)
    assert (states[two].state, states[two].note) == ("discarded", "obsolete")
    await letters.finish_replay(replay, 1, "1 sent, 1 skipped")
    recorded = (await letters.replays())[0]
    assert (recorded.by, recorded.selection, recorded.selected, recorded.sent) == ("ann", {"side": "sparklayer"}, 2, 1)
    await letters.mark([], "discarded", by="bob")


async def test_problems_keep_their_first_time(db: Database, clock: SteppedClock) -> None:
    problems = Problems(db, clock)
    first = clock.now()
    await problems.replace("acme", "sparkpay", "product", "p", [Problem("a", "one", "1"), Problem("b", "two")])
    clock.advance(1)
    await problems.replace("acme", "sparkpay", "product", "p", [Problem("a", "uno", "1"), Problem("c", "three")])
    found = await problems.list("acme")
    assert [(one.code, one.message, one.part, one.since) for one in found] == [
        ("c", "three", None, clock.now()),
        ("a", "uno", "1", first),
    ]
    assert len(await problems.list(limit=1)) == 1
    await problems.replace("acme", "sparkpay", "product", "p", [])
    assert await problems.list() == []


async def test_a_lease_is_held_by_one_and_inherited_from_the_dead(db: Database, clock: SteppedClock) -> None:
    workers = Workers(db, clock)
    await workers.register("a", ["intake", "web"], "host", 1)
    await workers.register("b", ["intake"], "host", 2)
    assert await workers.acquire("a", ["x", "y"]) == {"x", "y"}
    assert await workers.acquire("b", ["x", "z"]) == {"z"}
    assert await workers.acquire("a", ["x", "z"]) == {"x"}
    clock.advance(3)
    assert await workers.beat("b")
    assert await workers.acquire("b", ["x"]) == set()
    clock.advance(3)  # a has been silent for six seconds, b for three
    assert [worker.id for worker in await workers.alive()] == ["b"]
    assert await workers.acquire("b", ["x"]) == {"x"}
    assert await workers.held("a") == {"y"}
    await workers.release("b", ["z"])
    await workers.leave("b")
    assert await workers.held("b") == set()
    assert not await workers.beat("b")
    assert (await workers.acquire("a", ["x", "z"])) == {"x", "z"}


async def test_racing_for_leases_gives_each_to_one(db: Database, clock: SteppedClock) -> None:
    workers = Workers(db, clock)
    names = [f"lease-{number}" for number in range(5)]
    await workers.register("dead", [], "host", 0)
    await workers.acquire("dead", names)
    clock.advance(10)
    await asyncio.gather(*(workers.register(f"w{number}", [], "host", number) for number in range(6)))
    taken = await asyncio.gather(*(workers.acquire(f"w{number}", names) for number in range(6)))
    assert sorted(name for mine in taken for name in mine) == names


async def test_budget_rows_change_one_at_a_time(db: Database) -> None:
    rows = BudgetRows(db)
    assert await rows.read("shop") is None

    def add(stored: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], int]:
        count = (stored or {"count": 0})["count"] + 1
        return {"count": count}, count

    counted = await asyncio.gather(*(rows.change("shop", add) for _ in range(20)))
    assert sorted(counted) == list(range(1, 21))
    assert await rows.read("shop") == {"count": 20}


async def test_two_processes_share_one_budget_exactly(db: Database, clock: SteppedClock) -> None:
    budgets = [SharedBudget(BudgetRows(db), "shop", clock, limit=10, period=1000.0) for _ in range(2)]
    left: list[int] = []

    async def caller(budget: SharedBudget) -> None:
        async with budget.call(Priority.LIVE) as ticket:
            left.append(len(left) + 1)
            ticket.answered(len(left), 10)

    tasks = [asyncio.create_task(caller(budgets[number % 2])) for number in range(10)]
    await asyncio.wait_for(asyncio.gather(*tasks), 20)
    late = asyncio.create_task(caller(budgets[0]))
    before = clock.monotonic()
    await asyncio.wait_for(late, 60)
    assert clock.monotonic() - before >= 900
    for budget in budgets:
        await budget.close()
    assert len(left) == 11
