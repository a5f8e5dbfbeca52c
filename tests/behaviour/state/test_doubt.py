"""Rows in doubt: looked at before anything is written, all of them before any is decided."""

from datetime import timedelta

import pytest

from connector.clock import SteppedClock
from connector.ports import Doubt, Priority
from connector.state.claims import Claim, SkuClaims
from connector.state.database import Database
from connector.state.inbox import (
    Inbox,
    SetApplied,
    SetDisplaced,
    SetRejected,
    SetRetry,
    SetSeen,
    Settlement,
    SetWaiting,
)
from connector.state.inbox_rows import Row
from tests.behaviour.state.arrivals import arrival, due, product, the_row


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def inbox(db: Database, clock: SteppedClock) -> Inbox:
    return Inbox(db, clock)


async def in_every_state(inbox: Inbox, clock: SteppedClock) -> None:
    """Rows of all states: pending, applied, rejected, waiting, retrying."""
    await inbox.put([arrival(f"sparkpay:{number}") for number in range(5)])
    _, applied, rejected, waiting, retrying = await due(inbox, clock)
    later = clock.now() + timedelta(hours=1)
    await inbox.settle(
        [
            SetApplied(applied, hash="h", ledger={"a": 1}),
            SetRejected(rejected, 400, "bad", "no"),
            SetWaiting(waiting, "sku:X", later, "it is not there"),
            SetRetry(retrying, later, count_attempt=True, message="ill"),
        ]
    )


async def test_everything_of_a_side_becomes_due_and_nothing_is_believed(inbox: Inbox, clock: SteppedClock) -> None:
    await in_every_state(inbox, clock)
    await inbox.put([arrival("sparkpay:9", connection="other")])
    clock.advance(60)
    assert await inbox.doubtful("acme") == 0
    assert await inbox.doubt("acme", "sparklayer") == 5
    assert await inbox.doubtful("acme") == 5
    rows = await due(inbox, clock)
    assert [row.key for row in rows] == [f"sparkpay:{number}" for number in range(5)]
    assert {(row.state, row.doubt, row.applied_hash, row.attempts, row.waiting_for) for row in rows} == {
        ("pending", Doubt.UNSEEN, None, 0, None)
    }
    assert {row.priority for row in rows} == {Priority.SYNC}
    assert rows[1].ledger == {"a": 1}, "an old ledger may still name what has to be left"
    assert await inbox.doubtful("other") == 0
    assert not await inbox.empty("other")
    assert await inbox.empty("nobody")


async def test_what_was_seen_is_decided_after_all_others_were_looked_at(
    inbox: Inbox, clock: SteppedClock, db: Database
) -> None:
    await inbox.put([product(f"sparkpay:{number}", [f"S{number}"]) for number in range(3)])
    await inbox.put([arrival("S0", entity="price")])
    await inbox.doubt("acme", "sparklayer")
    (price,) = await due(inbox, clock, "price")
    await inbox.settle([SetWaiting(price, "sku:S0", clock.now() + timedelta(hours=1), "not yet")])
    first, *_ = await due(inbox, clock)
    clock.advance(1)
    await inbox.settle([SetSeen(first, {"found": {"title": "x"}}, [Claim("S0", "v0", "live")])])
    assert [row.key for row in await due(inbox, clock, "price")] == ["S0"], "it is there, so its price can be compared"
    rows = await due(inbox, clock)
    assert [(row.key, row.doubt) for row in rows] == [
        ("sparkpay:1", Doubt.UNSEEN), ("sparkpay:2", Doubt.UNSEEN), ("sparkpay:0", Doubt.SEEN),
    ]  # fmt: skip
    assert rows[-1].ledger == {"found": {"title": "x"}}
    assert [holder.product for holder in (await SkuClaims(db).holders("acme", "sparklayer", ["S0"]))["S0"]] == [
        "sparkpay:0"
    ]
    await inbox.settle([SetApplied(rows[-1], hash="h")])
    row = await the_row(inbox, "sparkpay:0")
    assert (row.state, row.doubt, row.applied_hash) == ("applied", Doubt.NONE, "h")
    assert await inbox.doubtful("acme") == 3


def outcomes(row: Row, clock: SteppedClock) -> dict[str, Settlement]:
    later = clock.now() + timedelta(minutes=1)
    return {
        "rejected": SetRejected(row, 422, "bad", "no"),
        "waiting": SetWaiting(row, "sku:X", later, "not yet"),
        "retry": SetRetry(row, later, count_attempt=False, message="ill", uncertain=True),
        "displaced": SetDisplaced(row, "S", "sparkpay:1", "v0"),
    }


@pytest.mark.parametrize("outcome", ["rejected", "waiting", "retry", "displaced"])
async def test_what_was_found_is_good_for_one_decision(inbox: Inbox, clock: SteppedClock, outcome: str) -> None:
    await inbox.put([arrival()])
    await inbox.doubt("acme", "sparklayer")
    await inbox.settle([SetSeen(await the_row(inbox), {"found": None})])
    await inbox.settle([outcomes(await the_row(inbox), clock)[outcome]])
    assert (await the_row(inbox)).doubt is Doubt.UNSEEN


async def test_a_newer_state_that_comes_meanwhile_is_in_doubt_as_well(inbox: Inbox, clock: SteppedClock) -> None:
    """And where a write may have arrived while it came, what was found before counts no more."""
    await inbox.put([arrival()])
    await inbox.doubt("acme", "sparklayer")
    await inbox.settle([SetSeen(await the_row(inbox), {"found": None})])
    old = await the_row(inbox)
    await inbox.put([arrival(version=2)])
    assert (await the_row(inbox)).doubt is Doubt.SEEN
    await inbox.settle([outcomes(old, clock)["retry"]])
    row = await the_row(inbox)
    assert (row.state, row.doubt) == ("pending", Doubt.UNSEEN)


async def test_a_lost_answer_is_not_forgotten_because_something_newer_came(inbox: Inbox, clock: SteppedClock) -> None:
    """Applied A; B was sent and its answer lost; meanwhile A is wanted again: it has to be sent, B may be there."""
    await inbox.put([arrival()])
    await inbox.settle([SetApplied((await due(inbox, clock))[0], hash="A")])
    await inbox.put([arrival(version=2)])
    sent = await the_row(inbox)
    await inbox.put([arrival(version=3)])
    await inbox.settle([outcomes(sent, clock)["retry"]])
    row = await the_row(inbox)
    assert (row.state, row.applied_hash) == ("pending", None)


async def test_rows_that_wait_for_something_are_told(inbox: Inbox, clock: SteppedClock) -> None:
    await inbox.put([arrival()])
    await inbox.settle([SetWaiting(await the_row(inbox), "write", clock.now() + timedelta(hours=1), "title differs")])
    assert await inbox.waiting("acme", "write") == [("product", "sparkpay:1", "title differs")]
    assert await inbox.waiting("acme", "sku:X") == []
