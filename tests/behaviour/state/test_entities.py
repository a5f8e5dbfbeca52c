"""What handlers ask of other entities, and the marks of calls that must not be repeated blindly."""

import asyncio

import sqlalchemy as sa

from connector.clock import SteppedClock
from connector.state.database import Database
from connector.state.entities import SideEntities
from connector.state.inbox import Inbox, SetApplied
from connector.state.intents import SideIntents
from connector.state.tables import intents
from tests.behaviour.state.arrivals import arrival


async def test_a_mark_is_new_once(db: Database) -> None:
    clock = SteppedClock()
    marks = [SideIntents(db, clock, "acme", "sparkpay") for _ in range(5)]
    assert sorted(await asyncio.gather(*(mark.first("order", "sparklayer:c1", "create") for mark in marks))) == [
        False, False, False, False, True,
    ]  # fmt: skip
    assert await marks[0].first("order", "sparklayer:c2", "create")
    assert await marks[0].first("order", "sparklayer:c1", "pay")
    assert await SideIntents(db, clock, "other", "sparkpay").first("order", "sparklayer:c1", "create")
    async with db.read() as transaction:
        assert (await transaction.execute(sa.select(sa.func.count()).select_from(intents))).scalar_one() == 4


async def test_only_what_was_applied_and_is_not_deleted_is_there(db: Database) -> None:
    clock = SteppedClock()
    inbox = Inbox(db, clock)
    known = SideEntities(db, "acme", "sparklayer")
    await inbox.put([arrival("sparkpay:1", refs={"sparkpay": "1"}), arrival("sparkpay:2")])
    assert await known.refs("product", ["sparkpay:1", "sparkpay:2", "sparkpay:3"]) == {}
    rows = await inbox.due("acme", "sparklayer", "product", 10, clock.now())
    await inbox.settle([SetApplied(row, "h", refs={"sparklayer": f"pp_{row.key[-1]}"}) for row in rows])
    assert await known.refs("product", ["sparkpay:1", "sparkpay:2", "sparkpay:3"]) == {
        "sparkpay:1": {"sparkpay": "1", "sparklayer": "pp_1"},
        "sparkpay:2": {"sparklayer": "pp_2"},
    }
    assert await known.refs("price", ["sparkpay:1"]) == {}
    assert await SideEntities(db, "acme", "sparkpay").refs("product", ["sparkpay:1"]) == {}
