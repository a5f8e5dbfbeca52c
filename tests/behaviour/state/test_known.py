"""What the state knows of one side, page by page."""

from dataclasses import replace
from decimal import Decimal

from connector.clock import SteppedClock
from connector.ports import Wanted
from connector.state.claims import Claim, SkuClaims, source_side
from connector.state.database import Database
from connector.state.inbox import Inbox, SetApplied
from connector.state.known import KnownThere
from contracts.entities import Price, PriceList, PriceRow
from contracts.events import changed, deleted, encode
from tests.behaviour.state.arrivals import arrival


async def test_skus_that_are_there_or_that_the_other_platform_shows(db: Database) -> None:
    claims = SkuClaims(db, SteppedClock())
    await claims.replace("acme", "sparklayer", "sparkpay:1", [Claim("B", "v1", "live"), Claim("X", "v2", "refused")])
    await claims.replace("acme", "sparklayer", "sparkpay:2", [Claim("B", "v3", "retired")])
    await claims.replace("acme", source_side("sparkpay"), "sparkpay:3", [Claim("A", "v4", "observed")])
    await claims.replace("other", "sparklayer", "sparkpay:1", [Claim("C", "v1", "live")])
    known = KnownThere(db, "acme", "sparklayer", shown_by=("sparkpay",))
    assert await known.skus("", 10) == ["A", "B"]
    assert (await known.skus("", 1), await known.skus("A", 1), await known.skus("B", 1)) == (["A"], ["B"], [])
    assert await KnownThere(db, "acme", "sparklayer").skus("", 10) == ["B"]


async def test_ids_of_what_was_applied_there(db: Database) -> None:
    clock = SteppedClock()
    inbox = Inbox(db, clock)
    await inbox.put([arrival(f"sparkpay:{number}", refs={"sparkpay": str(number)}) for number in range(4)])
    known = KnownThere(db, "acme", "sparklayer")
    assert await known.entities("product", "", 10) == []
    rows = await inbox.due("acme", "sparklayer", "product", 3, clock.now())
    await inbox.settle([SetApplied(row, "h", refs={"sparklayer": f"pp_{row.key[-1]}"}) for row in rows])
    found = await known.entities("product", "", 10)
    assert len(found) == 3
    assert all(id_ == f"pp_{key[-1]}" for key, id_ in found)
    assert await known.entities("product", found[0][0], 1) == [found[1]]
    assert await known.entities("price", "", 10) == []
    assert await KnownThere(db, "acme", "sparkpay").entities("product", "", 10) == []


async def test_what_was_wanted_last_and_whether_it_is_there(db: Database) -> None:
    clock = SteppedClock()
    inbox = Inbox(db, clock)
    known = KnownThere(db, "acme", "sparklayer")
    price = Price(sku="A", currency="USD", lists=(PriceList(list="base", rows=(PriceRow(amount=Decimal(2)),)),))
    events = [
        changed(price, connection="acme", source="sparkpay"),
        deleted("price", "B", connection="acme", source="sparkpay"),
    ]
    for event in events:
        key, value, headers = encode(event)
        row = replace(arrival(event.data.key), entity="price", record_key=key, value=value, headers=headers)
        await inbox.put([row])
    assert await known.wanted("price", ["A", "B", "C"]) == {
        "A": Wanted(None, settled=False), "B": Wanted(None, settled=False),
    }  # fmt: skip
    rows = await inbox.due("acme", "sparklayer", "price", 10, clock.now())
    await inbox.settle([SetApplied(row, "h") for row in rows])
    assert await known.wanted("price", ["A", "B", "C"]) == {
        "A": Wanted(price, settled=True, applied_at=clock.now()),
        "B": Wanted(None, settled=True, applied_at=clock.now()),
    }
