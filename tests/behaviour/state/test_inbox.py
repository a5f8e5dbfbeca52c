"""The inbox keeps the newest wanted state of each key, and its rows move only as they should."""

import asyncio
import random
from datetime import timedelta

import pytest

from connector.clock import SteppedClock
from connector.ports import Priority
from connector.state.claims import Claim, SideDirectory, SkuClaims
from connector.state.database import Database
from connector.state.inbox import (
    BACKLOG_BOUND,
    Inbox,
    PutResult,
    SetApplied,
    SetDisplaced,
    SetRejected,
    SetRetry,
    SetSeen,
    SetWaiting,
    queue_of,
)
from connector.state.intents import SideIntents
from connector.state.problems import Problem, Problems
from tests.behaviour.state.arrivals import arrival, due, product, the_row


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def inbox(db: Database, clock: SteppedClock) -> Inbox:
    return Inbox(db, clock)


async def test_everything_of_an_arrival_comes_back(inbox: Inbox, clock: SteppedClock) -> None:
    sent = arrival(
        "sparkpay:ü/\u2028😀",
        headers=[("a", b"\x00\xff"), ("a", None), ("b", b"")],
        value=b"\x00binary\xff",
        refs={"sparkpay": "1"},
        replay="r1",
        deleted=True,
        priority=Priority.SYNC,
    )
    assert await inbox.put([sent]) == PutResult(new=1)
    row = (await due(inbox, clock))[0]
    for name in ("key", "version_time", "event_id", "deleted", "priority", "topic", "partition", "offset", "replay"):
        assert getattr(row, name) == getattr(sent, name), name
    assert (row.record_key, row.value, list(row.headers), row.refs) == (
        sent.record_key,
        sent.value,
        list(sent.headers),
        sent.refs,
    )
    assert (row.state, row.attempts, row.received_at, row.due_at) == ("pending", 0, clock.now(), clock.now())
    assert (row.applied_hash, row.ledger) == (None, {})


async def test_the_newest_wins_and_all_are_counted(inbox: Inbox) -> None:
    assert await inbox.put(
        [arrival(version=2), arrival(version=5), arrival(version=5), arrival(version=3)]
    ) == PutResult(new=1, repeated=1, stale=2)
    assert await inbox.put([arrival(version=4)]) == PutResult(stale=1)
    assert await inbox.put([arrival(version=5)]) == PutResult(repeated=1)
    assert await inbox.put([arrival(version=6)]) == PutResult(newer=1)
    assert (await the_row(inbox)).event_id == "event-sparkpay:1-6"


async def test_equal_times_are_ordered_by_event_id_as_the_contract_orders_them(inbox: Inbox) -> None:
    await inbox.put([arrival(event_id="b")])
    assert await inbox.put([arrival(event_id="B")]) == PutResult(stale=1)  # code points, no dictionary
    assert await inbox.put([arrival(event_id="é")]) == PutResult(newer=1)


async def test_a_pending_row_keeps_its_place_and_the_more_urgent_priority(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival(version=1, priority=Priority.LIVE)])
    first = clock.now()
    clock.advance(10)
    await inbox.put([arrival(version=2, priority=Priority.SYNC)])
    row = await the_row(inbox)
    assert (row.received_at, row.priority, row.revision) == (first, Priority.LIVE, 2)
    await inbox.settle([SetApplied(row, "h")])
    clock.advance(10)
    await inbox.put([arrival(version=3, priority=Priority.SYNC)])
    row = await the_row(inbox)
    assert (row.received_at, row.priority, row.state) == (clock.now(), Priority.SYNC, "pending")


async def test_due_rows_come_by_priority_then_age(inbox: Inbox, clock: SteppedClock) -> None:
    for key, priority in (
        ("a", Priority.SYNC),
        ("b", Priority.LIVE),
        ("c", Priority.INTERACTIVE),
        ("d", Priority.LIVE),
    ):
        await inbox.put([arrival(key, priority=priority)])
        clock.advance(1)
    assert [row.key for row in await due(inbox, clock)] == ["c", "b", "d", "a"]
    assert [row.key for row in await due(inbox, clock, limit=2)] == ["c", "b"]
    assert await inbox.due("acme", "sparkpay", "product", 9, clock.now()) == []
    assert await inbox.due("other", "sparklayer", "product", 9, clock.now()) == []


async def test_applied_is_remembered_and_no_longer_due(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival(refs={"sparkpay": "1"})])
    row = (await due(inbox, clock))[0]
    await inbox.settle([SetApplied(row, "hash", {"sparklayer": "pp_1"}, {"rows": [1]})])
    assert await due(inbox, clock) == []
    row = await the_row(inbox)
    assert (row.state, row.applied_hash, row.applied_event_id) == ("applied", "hash", row.event_id)
    assert (row.ledger, row.refs) == ({"rows": [1]}, {"sparkpay": "1", "sparklayer": "pp_1"})


async def test_a_newer_version_during_the_call_stays_pending(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival(version=1)])
    old = (await due(inbox, clock))[0]
    await inbox.put([arrival(version=2)])
    await inbox.settle([SetApplied(old, "hash-1", {}, {"n": 1})])
    row = (await due(inbox, clock))[0]
    assert (row.version_time, row.state) == (arrival(version=2).version_time, "pending")
    assert (row.applied_hash, row.applied_event_id, row.ledger) == ("hash-1", old.event_id, {"n": 1})
    for settlement in (
        SetRejected(old, 400, "bad", "no"),
        SetWaiting(old, "sku:X", clock.now() + timedelta(hours=1), "wait"),
        SetRetry(old, clock.now() + timedelta(hours=1), count_attempt=True, message="later"),
    ):
        await inbox.settle([settlement])
        assert [(row.state, row.attempts) for row in await due(inbox, clock)] == [("pending", 0)]


async def test_an_applied_row_wakes_at_its_time(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival()])
    row = (await due(inbox, clock))[0]
    wake = clock.now() + timedelta(seconds=60)
    await inbox.settle([SetApplied(row, "h", wake_at=wake)])
    backlog = await inbox.backlog("acme", "sparklayer")
    assert (backlog["product"].due, backlog["product"].next_due) == (0, wake)
    assert await due(inbox, clock) == []
    clock.advance(61)
    woken = (await due(inbox, clock))[0]
    assert (woken.state, woken.applied_hash) == ("applied", "h")
    await inbox.settle([SetApplied(woken, "h2")])
    assert await due(inbox, clock) == []


async def test_a_woken_row_goes_with_the_live_changes_of_its_moment(inbox: Inbox, clock: SteppedClock) -> None:
    """The event that told of a sale may have come weeks ago with a full sync; the sale begins now."""
    await inbox.put([arrival(priority=int(Priority.SYNC))])
    wake = clock.now() + timedelta(days=20)
    await inbox.settle([SetApplied((await due(inbox, clock))[0], "h", wake_at=wake)])
    clock.advance(20 * 86_400 + 1)
    woken = (await due(inbox, clock))[0]
    assert (woken.priority, woken.received_at, woken.state) == (Priority.LIVE, wake, "applied")
    await inbox.settle([SetRetry(woken, clock.now() + timedelta(seconds=5), count_attempt=True, message="ill")])
    clock.advance(5)
    again = (await due(inbox, clock))[0]
    assert (again.priority, again.received_at, again.state) == (Priority.LIVE, wake, "retrying")


async def test_a_refused_row_wakes_at_its_time(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival()])
    wake = clock.now() + timedelta(seconds=60)
    done = SetApplied((await due(inbox, clock))[0], "partly", wake_at=wake)
    await inbox.settle([done, SetRejected(done.row, 400, "price_refused", "too dear", wake_at=wake)])
    row = await the_row(inbox)
    assert (row.state, row.applied_hash, row.due_at, row.error_code) == ("rejected", "partly", wake, "price_refused")
    assert not await inbox.busy("acme")
    assert await due(inbox, clock) == []
    clock.advance(60)
    (woken,) = await due(inbox, clock)
    assert (woken.state, woken.error_message, woken.attempts) == ("rejected", "too dear", 0)
    await inbox.settle([SetApplied(woken, "h")])
    assert ((await the_row(inbox)).state, (await the_row(inbox)).error_code) == ("applied", None)
    assert await due(inbox, clock) == []


async def test_retries_come_back_when_due(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival()])
    row = (await due(inbox, clock))[0]
    later = clock.now() + timedelta(seconds=30)
    await inbox.settle([SetRetry(row, later, count_attempt=True, message="ill", status=503, code="x")])
    assert await due(inbox, clock) == []
    clock.advance(30)
    row = (await due(inbox, clock))[0]
    assert (row.state, row.attempts, row.error_status, row.error_message) == ("retrying", 1, 503, "ill")
    await inbox.settle([SetRetry(row, later, count_attempt=False, message="throttled", status=429)])
    assert (await the_row(inbox)).attempts == 1
    await inbox.put([arrival(version=2)])
    row = (await due(inbox, clock))[0]
    assert (row.state, row.attempts, row.error_message) == ("pending", 0, None)


async def test_rejected_rows_open_again_by_replay_or_newer(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival()])
    await inbox.settle([SetRejected((await due(inbox, clock))[0], 422, "invalid", "no title")])
    row = await the_row(inbox)
    assert (row.state, row.error_status, row.error_code, row.error_message) == ("rejected", 422, "invalid", "no title")
    assert await inbox.put([arrival()]) == PutResult(repeated=1)
    assert await due(inbox, clock) == []
    assert await inbox.put([arrival(replay="r1")]) == PutResult(newer=1)
    assert [row.replay for row in await due(inbox, clock)] == ["r1"]
    assert await inbox.put([arrival(replay="r2")]) == PutResult(repeated=1)  # it is pending, once is enough


async def test_a_replay_of_something_older_changes_nothing(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival(version=1)])
    await inbox.settle([SetRejected((await due(inbox, clock))[0], 422, "invalid", "no")])
    await inbox.put([arrival(version=2)])
    await inbox.settle([SetApplied((await due(inbox, clock))[0], "h2")])
    assert await inbox.put([arrival(version=1, replay="r1")]) == PutResult(stale=1)
    assert (await the_row(inbox)).state == "applied"


async def test_waiting_is_released_by_what_was_waited_for(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival("A", entity="stock"), arrival("B", entity="price"), arrival("C", entity="price")])
    recheck = clock.now() + timedelta(hours=1)
    stock = (await due(inbox, clock, "stock"))[0]
    price, other = await due(inbox, clock, "price")
    await inbox.settle(
        [
            SetWaiting(stock, "sku:A", recheck, "no such SKU"),
            SetWaiting(price, "product:sparkpay:1", recheck, "no such product"),
            SetWaiting(other, "sku:C", recheck, "no such SKU"),
        ]
    )
    assert await due(inbox, clock, "stock") == []
    since = clock.now()
    clock.advance(5)
    await inbox.put([product("sparkpay:1", ["A", "C"])])
    claims = [Claim("A", "v0", "live"), Claim("C", "v1", "refused")]
    await inbox.settle([SetApplied((await due(inbox, clock))[0], "h", claims=claims)])
    released = (await due(inbox, clock, "stock"))[0]
    assert (released.key, released.state, released.waiting_since) == ("A", "waiting", since)
    assert [row.key for row in await due(inbox, clock, "price")] == ["B"]
    assert await inbox.release("acme", "sparklayer", ["sku:C", "sku:unknown"]) == 1
    assert {row.key for row in await due(inbox, clock, "price")} == {"B", "C"}


async def test_no_wake_up_is_lost_between_reading_and_waiting(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival("A", entity="stock"), arrival("B", entity="price"), product("sparkpay:1", ["A"])])
    stock, price = (await due(inbox, clock, "stock"))[0], (await due(inbox, clock, "price"))[0]
    clock.advance(1)
    await inbox.settle([SetApplied((await due(inbox, clock))[0], "h", claims=[Claim("A", "v0", "live")])])
    clock.advance(1)
    recheck = clock.now() + timedelta(hours=1)
    await inbox.settle(
        [SetWaiting(stock, "sku:A", recheck, "m"), SetWaiting(price, "product:sparkpay:1", recheck, "m")]
    )
    again = await due(inbox, clock, "stock")
    assert [row.key for row in again] == ["A"]
    assert [row.key for row in await due(inbox, clock, "price")] == ["B"]
    clock.advance(1)
    await inbox.settle([SetWaiting((await due(inbox, clock, "stock"))[0], "sku:A", recheck, "m")])
    assert await due(inbox, clock, "stock") == []  # nothing happened since: no hot loop


async def test_waiting_and_applying_at_the_same_time_meet(inbox: Inbox, clock: SteppedClock) -> None:
    for round_ in range(10):
        sku, key = f"S{round_}", f"sparkpay:{round_}"
        await inbox.put([arrival(sku, entity="stock"), product(key, [sku])])
        stock = (await inbox.wanted("acme", "sparklayer", "stock", [sku]))[sku]
        row = await the_row(inbox, key)
        recheck = clock.now() + timedelta(hours=1)
        await asyncio.gather(
            inbox.settle([SetWaiting(stock, f"sku:{sku}", recheck, "m")]),
            inbox.settle([SetApplied(row, "h", claims=[Claim(sku, "v0", "live")])]),
        )
        assert [found.key for found in await due(inbox, clock, "stock")] == [sku]
        await inbox.settle([SetApplied((await due(inbox, clock, "stock"))[0], "h")])


async def test_reopening(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival("a"), arrival("b"), arrival("c")])
    a, b, c = await due(inbox, clock)
    await inbox.settle([SetApplied(a, "h"), SetRejected(b, 400, None, "no"), SetApplied(c, "h", reopen=["a"])])
    assert [row.key for row in await due(inbox, clock)] == ["a"]
    assert await inbox.reopen("acme", "sparklayer", "product", ["a", "b", "unknown"]) == 1
    held = {row.key: row for row in await due(inbox, clock)}
    assert set(held) == {"a", "b"}
    await inbox.reopen("acme", "sparklayer", "product", ["a"])  # while it is being applied
    await inbox.settle([SetApplied(held["a"], "h"), SetApplied(held["b"], "h")])
    assert [row.key for row in await due(inbox, clock)] == ["a"]


async def test_claims_and_problems_are_settled_together(db: Database, inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([product("p1", ["A", "B"]), product("p2", ["B"])])
    p1, p2 = await due(inbox, clock)
    skips = [Problem("no_sku", "variant 7 has no SKU", "7"), Problem("odd", "odd")]
    await inbox.settle(
        [
            SetApplied(p1, "h", claims=[Claim("A", "v0", "live"), Claim("B", "v1", "live")], skips=skips),
            SetRejected(p2, 409, "sku_taken", "B is taken", claims=[Claim("B", "v0", "refused")]),
        ]
    )
    directory = SideDirectory(db, "acme", "sparklayer")
    holders = await directory.holders(["A", "B", "Z"])
    assert {sku: [(one.product, one.part, one.state) for one in held] for sku, held in holders.items()} == {
        "A": [("p1", "v0", "live")],
        "B": [("p1", "v1", "live"), ("p2", "v0", "refused")],
    }
    problems = Problems(db, clock)
    assert {(one.key, one.part, one.code) for one in await problems.list("acme")} == {
        ("p1", "7", "no_sku"),
        ("p1", None, "odd"),
        ("p2", None, "sku_taken"),
    }
    first = clock.now()
    clock.advance(5)
    await inbox.reopen("acme", "sparklayer", "product", ["p1"])
    await inbox.settle([SetApplied((await due(inbox, clock))[0], "h", claims=[], skips=skips[:1])])
    left_out = [one for one in await problems.list() if one.trouble == "left-out"]
    assert [(one.code, one.since) for one in left_out] == [("no_sku", first)]
    assert [one.product for one in (await directory.holders(["A", "B"]))["B"]] == ["p2"]


async def test_the_directory_knows_what_is_wanted(db: Database, inbox: Inbox, clock: SteppedClock) -> None:
    directory = SideDirectory(db, "acme", "sparklayer")
    await inbox.put([product("p1", ["A", "B"])])
    wanted = await directory.desired("p1")
    assert (wanted.skus, wanted.pending) == ({"A", "B"}, True)
    await inbox.settle([SetApplied((await due(inbox, clock))[0], "h")])
    assert (await directory.desired("p1")).pending is False
    await inbox.put([product("p1", ["B"], version=2)])
    wanted = await directory.desired("p1")
    assert (wanted.skus, wanted.pending) == ({"B"}, True)
    await inbox.put([arrival("p1", 3, deleted=True)])
    assert (await directory.desired("p1")).skus == frozenset()
    unknown = await directory.desired("nobody")
    assert (unknown.skus, unknown.pending) == (frozenset(), False)


async def test_claims_stand_alone_too(db: Database) -> None:
    claims = SkuClaims(db)
    await claims.replace("acme", "sparklayer", "p1", [Claim("A", "v", "live"), Claim("A", "v", "live")])
    await claims.replace("acme", "sparklayer", "p1", [Claim("B", "v", "retired")])
    assert set(await claims.holders("acme", "sparklayer", ["A", "B"])) == {"B"}


async def test_the_backlog_is_bounded_and_says_the_oldest(inbox: Inbox, clock: SteppedClock) -> None:
    assert await inbox.backlog("acme", "sparklayer") == {}
    await inbox.put([arrival("first", entity="stock", priority=Priority.SYNC)])
    first = clock.now()
    clock.advance(5)
    await inbox.put([arrival(f"s{number}", entity="stock") for number in range(BACKLOG_BOUND + 100)])
    backlog = await inbox.backlog("acme", "sparklayer")
    assert (backlog["stock"].due, backlog["stock"].oldest) == (BACKLOG_BOUND, first)
    assert set(backlog) == {"stock"}


async def test_counts_are_exact(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival(key) for key in "abcde"])
    await inbox.put([arrival("x", connection="other")])
    a, b, c, d, _ = await due(inbox, clock)
    later = clock.now() + timedelta(hours=1)
    await inbox.settle(
        [
            SetApplied(a, "h"),
            SetRejected(b, 400, None, "no"),
            SetWaiting(c, "sku:X", later, "m"),
            SetRetry(d, later, count_attempt=True, message="m"),
        ]
    )
    counts = (await inbox.counts("acme"))["acme", "sparklayer", "product"]
    assert (counts.waiting, counts.retrying, counts.rejected, counts.applied) == (3, 1, 1, 1)
    assert counts.oldest == clock.now()
    assert set(await inbox.counts()) == {("acme", "sparklayer", "product"), ("other", "sparklayer", "product")}
    assert await inbox.unsettled("acme", clock.now()) == 3
    assert await inbox.unsettled("acme", clock.now() - timedelta(seconds=1)) == 0


async def test_racing_writers_leave_the_newest_of_every_key(inbox: Inbox) -> None:
    versions = [arrival(f"k{key}", version) for key in range(40) for version in range(1, 13)]
    shuffled = random.Random(7).sample(versions, len(versions))
    results = await asyncio.gather(*(inbox.put(shuffled[start::6]) for start in range(6)))
    rows = await inbox.wanted("acme", "sparklayer", "product", [f"k{key}" for key in range(40)])
    assert {row.offset for row in rows.values()} == {12}
    assert len(rows) == 40
    assert sum(result.new for result in results) == 40
    assert sum(one.new + one.newer + one.repeated + one.stale for one in results) == len(versions)


async def test_settling_and_putting_race_without_deadlock(inbox: Inbox, clock: SteppedClock) -> None:
    keys = [f"k{number}" for number in range(60)]
    await inbox.put([arrival(key) for key in keys])
    rows = await due(inbox, clock)
    work = [inbox.settle([SetApplied(row, "h") for row in rows[::-1]])]
    work += [inbox.reopen("acme", "sparklayer", "product", keys) for _ in range(3)]
    puts = [inbox.put([arrival(key, version) for key in keys]) for version in range(2, 7)]
    await asyncio.gather(*work, *puts)
    held = await inbox.wanted("acme", "sparklayer", "product", keys)
    assert {(row.state, row.offset) for row in held.values()} == {("pending", 6)}
    assert {key: row.applied_event_id for key, row in held.items()} == {key: f"event-{key}-1" for key in keys}


async def test_the_queue_is_read_from_its_index_without_sorting(db: Database, inbox: Inbox) -> None:
    await inbox.put([arrival(f"s{number}", entity="stock") for number in range(3000)])
    explain = "EXPLAIN " if db.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
    statement = queue_of("acme/sparklayer/stock", 50)
    async with db.read() as connection:
        text = str(statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
        plan = "\n".join(str(row) for row in await connection.exec_driver_sql(explain + text))
    assert "ix_inbox_ready" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


async def test_a_sku_that_another_variant_has_now_opens_its_price_and_stock(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([product("sparkpay:1", ["A", "B"]), arrival("A", entity="price"), arrival("A", entity="stock")])
    (row,) = await due(inbox, clock)
    held = [Claim("A", "v0", "live"), Claim("B", "v1", "live")]
    await inbox.settle([SetApplied(row, hash="h", claims=held)])
    for entity in ("price", "stock"):
        (of_sku,) = await due(inbox, clock, entity)
        await inbox.settle([SetApplied(of_sku, hash="h")])
    await inbox.settle([SetApplied(row, hash="h", claims=[*held, Claim("C", "v2", "refused")])])
    assert await due(inbox, clock, "price") == []
    swapped = [Claim("A", "v1", "live"), Claim("B", "v0", "live")]
    await inbox.settle([SetApplied(row, hash="h", claims=swapped)])
    for entity in ("price", "stock"):
        (of_sku,) = await due(inbox, clock, entity)
        assert (of_sku.key, of_sku.state, of_sku.applied_hash) == ("A", "pending", "h")


@pytest.mark.parametrize("still_hidden", [False, True])
async def test_what_is_wanted_of_a_sku_that_nobody_has_any_more_is_looked_at_again(
    inbox: Inbox, clock: SteppedClock, *, still_hidden: bool
) -> None:
    """An ERP's stock may be newer than the deletion of the SKU that the store tells of, as where its clock is slow."""
    await inbox.put([product("sparkpay:1", ["A"]), arrival("A", entity="price"), arrival("A", entity="stock")])
    (row,) = await due(inbox, clock)
    await inbox.settle([SetApplied(row, hash="h", claims=[Claim("A", "v0", "live")])])
    for entity in ("price", "stock"):
        (of_sku,) = await due(inbox, clock, entity)
        await inbox.settle([SetApplied(of_sku, hash="h")])
    await inbox.put([arrival("A", entity="price", version=2, deleted=True)])
    (gone,) = await due(inbox, clock, "price")
    await inbox.settle([SetApplied(gone, hash="gone")])
    left = [Claim("B", "v0", "live"), *([Claim("A", "v1", "retired")] if still_hidden else [])]
    await inbox.settle([SetApplied(row, hash="h2", claims=left)])
    assert [found.key for found in await due(inbox, clock, "stock")] == ["A"]  # another variant has it, or none
    assert [found.deleted for found in await due(inbox, clock, "price")] == ([True] if still_hidden else [])


async def test_who_was_refused_a_sku_is_applied_again_when_a_look_shows_that_it_was_let_go(
    inbox: Inbox, clock: SteppedClock
) -> None:
    await inbox.put([product("sparkpay:1", ["A"]), product("sparkpay:2", ["A"]), product("sparkpay:3", ["A"])])
    first, second, third = sorted(await due(inbox, clock), key=lambda row: row.key)
    await inbox.settle([SetApplied(first, hash="h1", claims=[Claim("A", "v0", "live")])])
    await inbox.settle([SetApplied(second, hash="h2", claims=[Claim("A", "v1", "refused")])])
    await inbox.settle([SetApplied(third, hash="h3", claims=[Claim("B", "v2", "live")])])
    assert await due(inbox, clock) == []
    await inbox.put([product("sparkpay:1", ["C"], version=2)])
    (first,) = await due(inbox, clock)
    await inbox.settle([SetSeen(first, ledger={}, claims=[Claim("C", "v0", "live")])])
    assert "sparkpay:2" in {row.key for row in await due(inbox, clock)}
    assert "sparkpay:3" not in {row.key for row in await due(inbox, clock)}


async def test_a_part_that_had_to_leave_its_sku_is_applied_again_in_full(
    db: Database, inbox: Inbox, clock: SteppedClock
) -> None:
    await inbox.put([product("sparkpay:1", ["A"]), product("sparkpay:2", ["A"])])
    first, second = sorted(await due(inbox, clock), key=lambda row: row.key)
    claims = [Claim("A", "v0", "retired"), Claim("A", "v1", "refused")]
    await inbox.settle([SetApplied(first, hash="h1", claims=claims)])
    taken = SetDisplaced(second, sku="A", key="sparkpay:1", part="v0")
    await inbox.settle([SetApplied(second, hash="h2", claims=[Claim("A", "v0", "live")]), taken])
    found = await SkuClaims(db, clock).holders("acme", "sparklayer", ["A"])
    assert [(holder.product, holder.part, holder.state) for holder in found["A"]] == [
        ("sparkpay:1", "v1", "refused"),
        ("sparkpay:2", "v0", "live"),
    ]
    (again,) = await due(inbox, clock)
    assert (again.key, again.applied_hash) == ("sparkpay:1", None)


async def test_who_is_about_to_leave_a_sku_is_on_record_before_the_call(
    db: Database, inbox: Inbox, clock: SteppedClock
) -> None:
    """The process may die in that call: then only this says that the other product has to be sent again."""
    await inbox.put([product("sparkpay:2", ["A"]), product("sparkpay:1", ["A"])])
    for row in await due(inbox, clock):
        claims = [Claim("A", "v0", "live")] if row.key == "sparkpay:2" else []
        await inbox.settle([SetApplied(row, hash="h", claims=claims)])
    assert await due(inbox, clock) == []
    await SideIntents(db, clock, "acme", "sparklayer").displaces("sparkpay:2", "A", "v0")
    assert await SkuClaims(db, clock).holders("acme", "sparklayer", ["A"]) == {}
    (again,) = await due(inbox, clock)
    assert (again.key, again.applied_hash) == ("sparkpay:2", None)
