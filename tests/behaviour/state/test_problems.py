"""Every problem is in one list: what was left out, rows that are refused, wait or fail, what cannot be mapped."""

from datetime import timedelta

import pytest

from connector.clock import SteppedClock
from connector.ports import Unmapped
from connector.state.database import Database
from connector.state.inbox import Inbox, SetApplied, SetRejected, SetRetry, SetWaiting
from connector.state.last_writes import LastWrites
from connector.state.links import Link, Links
from connector.state.problems import PATIENCE, Problem, Problems
from connector.state.runs import Runs
from connector.state.unmapped import UnmappedEntities
from tests.behaviour.state.arrivals import arrival, due


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def inbox(db: Database, clock: SteppedClock) -> Inbox:
    return Inbox(db, clock)


async def listed(db: Database, clock: SteppedClock, **how: object) -> dict[str, tuple[str, str, str]]:
    found = await Problems(db, clock).list("acme", **how)  # type: ignore[arg-type]
    return {one.key: (one.trouble, one.code, one.message) for one in found}


async def test_all_troubles_are_listed_and_counted(db: Database, inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival(key) for key in ("left", "refused", "waits", "fails", "fine")])
    await inbox.put([arrival("refused", connection="other")])
    rows = {row.key: row for row in await due(inbox, clock)}
    soon = clock.now() + timedelta(hours=3)
    await inbox.settle(
        [
            SetApplied(rows["left"], "h", skips=[Problem("sku_missing", "variant 7 has no SKU", "7")]),
            SetRejected(rows["refused"], 422, "slug_taken", "the slug is taken"),
            SetWaiting(rows["waits"], for_="product:x", recheck_at=soon, message="x must be there first"),
            SetRetry(rows["fails"], due_at=soon, count_attempt=True, message="it is locked", code="locked"),
            SetApplied(rows["fine"], "h"),
        ]
    )
    entities = UnmappedEntities(db, clock, "acme", "sparklayer")
    entities.found(Unmapped("order", "sparklayer:c", "currency", "no currency"))
    await entities.save()
    at_once = {
        "left": ("left-out", "sku_missing", "variant 7 has no SKU"),
        "refused": ("refused", "slug_taken", "the slug is taken"),
        "sparklayer:c": ("unmapped", "currency", "no currency"),
    }
    assert await listed(db, clock) == at_once
    clock.advance(PATIENCE.total_seconds())
    assert await listed(db, clock) == at_once | {
        "waits": ("waiting", "waiting", "x must be there first"),
        "fails": ("failing", "locked", "it is locked"),
    }
    assert set(await listed(db, clock, kinds=["order"])) == {"sparklayer:c"}
    assert len(await listed(db, clock, limit=2)) == 2
    problems = Problems(db, clock)
    assert await problems.counts() == {"acme": 5}
    assert await problems.counts("other") == {}
    assert len(await problems.list()) == 5


async def test_notes_come_last_and_do_not_count(db: Database, clock: SteppedClock) -> None:
    problems = Problems(db, clock)
    await problems.replace("acme", "sparklayer", "product", "p", [Problem("sku_missing", "no SKU", "7")])
    clock.advance(5)
    await problems.replace("acme", "sparklayer", "stock", "S", [Problem("shared_stock", "shared", note=True)])
    assert [(one.key, one.trouble) for one in await problems.list()] == [("p", "left-out"), ("S", "note")]
    assert [one.key for one in await problems.list(limit=1)] == ["p"]
    assert await problems.counts() == {"acme": 1}


async def test_what_is_applied_leaves_the_list(db: Database, inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival("p")])
    (row,) = await due(inbox, clock)
    await inbox.settle([SetRejected(row, 400, "bad", "no")])
    assert await listed(db, clock) == {"p": ("refused", "bad", "no")}
    await inbox.put([arrival("p", 2)])
    assert await listed(db, clock) == {}
    (row,) = await due(inbox, clock)
    await inbox.settle([SetApplied(row, "h")])
    assert await listed(db, clock) == {}


async def test_the_last_write_of_each_kind(db: Database, clock: SteppedClock) -> None:
    writes = LastWrites(db, clock)
    await writes.save()
    writes.note("acme", "sparklayer", "product")
    await writes.save()
    first = clock.now()
    clock.advance(9)
    writes.note("acme", "sparklayer", "stock")
    writes.note("other", "sparkpay", "order")
    await writes.save()
    assert await LastWrites(db, clock).read("acme") == {
        ("acme", "sparklayer", "product"): first,
        ("acme", "sparklayer", "stock"): clock.now(),
    }
    assert len(await writes.read()) == 3


async def test_rounds_are_whole_syncs_that_were_begun(db: Database, clock: SteppedClock) -> None:
    runs = Runs(db, clock)
    whole = await runs.request("acme", entities=(), full=True, requested_by="t")
    clock.advance(1)
    kind = await runs.request("acme", entities=("customer",), full=False, requested_by="t")
    await runs.request("other", entities=(), full=True, requested_by="t")
    assert await runs.rounds("acme") == []
    for run in (whole, kind):
        await runs.start(run.id)
    assert [run.id for run in await runs.rounds("acme")] == [kind.id, whole.id]


async def test_names_that_a_system_has_for_keys(db: Database) -> None:
    links = Links(db)
    made = {"sparkpay:7": "erp:7", "sparkpay:8": "erp:7", "sparklayer:c": "erp:7", "email:a": "erp:9"}
    await links.learn([Link("acme", "order", name, key) for name, key in made.items()])
    assert await links.names_of("acme", "order", ["erp:7", "erp:9", "x"], system="sparkpay") == {"erp:7": "sparkpay:7"}
    assert await links.names_of("acme", "product", ["erp:7"], system="sparkpay") == {}
