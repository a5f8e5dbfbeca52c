"""Conflicts of both sides: recorded once, the newest kept, each connection by itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connector.clock import SteppedClock
from connector.state.conflicts import KEPT, Conflict, Conflicts
from connector.state.database import Database

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def conflict(number: int = 1, *, connection: str = "acme", found: float | None = None) -> Conflict:
    return Conflict(
        connection, "customer", f"sparkpay:{number}",
        f"loser-{number}", "sparkpay", NOON, f"winner-{number}", "sparklayer", NOON + timedelta(seconds=0.000001),
        ("company", "phone"), NOON + timedelta(seconds=number if found is None else found),
    )  # fmt: skip


async def test_what_was_recorded_is_told_as_it_was_the_newest_first(db: Database) -> None:
    conflicts = Conflicts(db, SteppedClock())
    await conflicts.record([])
    whole = replace(conflict(2), fields=())
    await conflicts.record([conflict(1), whole, conflict(3)])
    assert await conflicts.list("acme") == [conflict(3), whole, conflict(1)]
    assert await conflicts.list("acme", 2) == [conflict(3), whole]
    assert await conflicts.list("other") == []


async def test_a_change_that_lost_is_recorded_once_whichever_side_finds_it_first(db: Database) -> None:
    conflicts = Conflicts(db, SteppedClock())
    first = conflict(1)
    await conflicts.record([first, first])
    await conflicts.record([replace(first, winner_event="another", found_at=NOON + timedelta(hours=1))])
    assert await conflicts.list("acme") == [first]


async def test_the_newest_are_kept_of_each_connection_by_itself(db: Database) -> None:
    conflicts = Conflicts(db, SteppedClock())
    await conflicts.record([conflict(1, connection="other")])
    await conflicts.record([conflict(number) for number in range(1, KEPT + 1)])
    assert await conflicts.counts() == {"acme": KEPT, "other": 1}
    await conflicts.record([conflict(number) for number in range(KEPT + 1, KEPT + 4)])
    assert await conflicts.counts("acme") == {"acme": KEPT}
    kept = await conflicts.list("acme")
    assert (kept[0], kept[-1]) == (conflict(KEPT + 3), conflict(4))
    assert await conflicts.counts("nobody") == {}


async def test_those_that_were_found_together_do_not_push_each_other_out(db: Database) -> None:
    conflicts = Conflicts(db, SteppedClock())
    await conflicts.record([conflict(0)])
    await conflicts.record([conflict(number, found=7) for number in range(1, KEPT + 3)])
    assert len(await conflicts.list("acme")) == KEPT
    assert all(one.found_at == NOON + timedelta(seconds=7) for one in await conflicts.list("acme"))
