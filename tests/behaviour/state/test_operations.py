"""Runs, dead-letter decisions, workers and leases, budget rows."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from connector.budget import SharedBudget
from connector.clock import SteppedClock, SystemClock
from connector.errors import UserFault
from connector.ports import Priority
from connector.state.budgets import BudgetRows
from connector.state.database import Database
from connector.state.inbox import Inbox, SetApplied
from connector.state.letters import Deciding, Decision, Edit, Letters
from connector.state.problems import Problem, Problems
from connector.state.replays import Replays
from connector.state.runs import Runs
from connector.state.wanted_versions import wanted_versions
from tests.behaviour.state.arrivals import arrival


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
    assert (await letters.states([one]))[one] == Decision("new", edited=True, edits=1)
    assert await letters.edits([one, two, "t.dlt:0:3"]) == {
        one: Edit(b"\x00mended", (("h", None), ("h", b"\xff"))),
        two: Edit(b"only the value", None),
    }
    replay = "replay-1"
    await letters.mark([one], "replayed", by="ann", replay_id=replay)
    await letters.mark([two], "discarded", by="bob", note="obsolete")
    states = await letters.states([one, two])
    assert states[one] == Decision("replayed", replay, clock.now(), "ann", None, edited=True, edits=1)
    assert (states[two].state, states[two].note) == ("discarded", "obsolete")
    await letters.mark([], "discarded", by="bob")
    told = Decision("superseded", "r", clock.now(), "eve", "old", edits=3)
    await letters.restore({one: (told, None), "t.dlt:0:9": (told, Edit(b"v", (("h", None),)))})
    states = await letters.states([one, "t.dlt:0:9"])
    assert states[one].state == "replayed"
    assert states["t.dlt:0:9"] == Decision("superseded", "r", clock.now(), "eve", "old", edited=True, edits=3)


async def test_a_replay_is_recorded_slice_by_slice(db: Database, clock: SteppedClock) -> None:
    replays, letters = Replays(db, clock), Letters(db, clock)
    claim = await replays.start("ann", {"side": "sparklayer"}, ends={"t.dlt": {0: 7, 11: 3}}, transform="abc")
    id_ = claim.replay.id
    await replays.count(claim, 5)
    slice_ = [Deciding("t.dlt:0:2", "replayed", mended=True), Deciding("t.dlt:0:1", "superseded", "old")]
    await replays.record(claim, slice_, by="ann", sent=1, superseded=1)
    clock.advance(59)
    found = await replays.get(id_)
    assert (found.ends, found.transform, found.selection) == ({"t.dlt": {0: 7, 11: 3}}, "abc", {"side": "sparklayer"})
    assert (found.selected, found.sent, found.superseded, found.skipped) == (5, 1, 1, 0)
    assert found.state(clock.now()) == "running"
    clock.advance(1)
    assert found.state(clock.now()) == "interrupted"  # killed, so nobody could record it
    states = await letters.states(["t.dlt:0:1", "t.dlt:0:2"])
    assert [(one.state, one.replay_id, one.note, one.edits) for one in states.values()] == [
        ("superseded", id_, "old", 0),
        ("replayed", id_, None, 1),
    ]
    newer = await replays.take_over(id_)
    for late in (replays.record(claim, slice_, by="ann", sent=2), replays.finish(claim, "complete")):
        with pytest.raises(UserFault, match=f"replay {id_} was resumed by somebody else"):
            await late
    await replays.record(newer, [Deciding("t.dlt:0:2", "replayed", mended=True)], by="bob", sent=1, skipped=2)
    await replays.finish(newer, "complete")
    done = await replays.get(id_)
    assert (done.sent, done.skipped, done.outcome, done.finished_at) == (2, 2, "complete", clock.now())
    assert done.state(clock.now()) == "complete"
    assert (await letters.states(["t.dlt:0:2"]))["t.dlt:0:2"].edits == 2
    clock.advance(1)
    dry = await replays.start("ann", {}, ends={}, dry_run=True, selected=4)
    assert [(one.id, one.state(clock.now())) for one in await replays.newest()] == [
        (dry.replay.id, "dry run"),
        (id_, "complete"),
    ]


async def test_versions_of_many_entities_are_found_at_once(db: Database, clock: SteppedClock) -> None:
    inbox = Inbox(db, clock)
    made = [arrival(f"S-{number}", number) for number in range(3)]
    await inbox.put([*made, arrival("S-0", 0, connection="other")])
    wanted = [(one.connection, one.side, one.entity, one.key) for one in made]
    found = await wanted_versions(db, [*wanted, ("acme", "sparklayer", "stock", "nobody's \"'é")])
    assert found == {identity: (one.version, False) for identity, one in zip(wanted, made, strict=True)}
    first = await inbox.get(*wanted[0])
    assert first is not None
    await inbox.settle([SetApplied(first, hash="h")])
    assert (await wanted_versions(db, wanted[:1]))[wanted[0]].applied
    await inbox.reopen(*wanted[0][:3], [wanted[0][3]])
    assert not (await wanted_versions(db, wanted[:1]))[wanted[0]].applied
    assert await wanted_versions(db, []) == {}


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


async def test_budget_rows_change_one_at_a_time_and_tell_the_time(db: Database) -> None:
    rows = BudgetRows(db, SystemClock())
    assert (await rows.read("shop"))[0] is None

    def add(stored: Mapping[str, Any] | None, now: float) -> tuple[Mapping[str, Any], float]:
        return {"count": (stored or {"count": 0})["count"] + 1}, now

    times = [await rows.change("shop", add) for _ in range(3)]
    await asyncio.gather(*(rows.change("shop", add) for _ in range(17)))
    stored, now = await rows.read("shop")
    assert stored == {"count": 20}
    assert all(seen == told for seen, told in times)
    assert sorted(told for _, told in times) == [told for _, told in times]
    assert 0 <= now - times[0][1] < 60


@pytest.mark.postgres
async def test_the_time_is_that_of_the_postgresql_server(postgres_url: str) -> None:
    database = await Database.open(postgres_url, create=True)
    wrong = SteppedClock()  # a machine whose clock is wrong by far
    try:
        rows = BudgetRows(database, wrong)
        _, told = await rows.change("shop", lambda _stored, now: ({"count": 1}, now))
        assert told - wrong.now().timestamp() > 86_400
    finally:
        await database.close()


async def test_two_processes_share_one_budget_exactly(db: Database) -> None:
    clock = SystemClock()
    budgets = [SharedBudget(BudgetRows(db, clock), "shop", clock, limit=10, period=1000.0) for _ in range(2)]
    left: list[int] = []

    async def caller(budget: SharedBudget) -> None:
        async with budget.call(Priority.LIVE) as ticket:
            left.append(len(left) + 1)
            ticket.answered(len(left), 10)

    tasks = [asyncio.create_task(caller(budgets[number % 2])) for number in range(10)]
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    late = [asyncio.create_task(caller(budget)) for budget in budgets]
    stored: Mapping[str, Any] = {}
    while len(stored.get("demands", ())) < 2:  # both say that they wait
        stored = (await BudgetRows(db, clock).read("shop"))[0] or {}
        await asyncio.sleep(0)
    assert not any(task.done() for task in late)
    for budget in budgets:
        await budget.close()
    assert len(left) == 10
    assert (await BudgetRows(db, clock).read("shop"))[0]["demands"] == {}  # type: ignore[index]
