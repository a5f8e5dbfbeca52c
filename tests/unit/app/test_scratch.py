"""The copy of what is known that a dry run works on."""

from datetime import UTC, datetime
from pathlib import Path

from connector.app.scratch import copy_known, doubt_what_was_never_applied, scratch_core
from connector.ports import Doubt
from connector.state.claims import Claim
from connector.state.inbox import Arrival
from tests.support.both_platforms import both_platforms

START = datetime(2026, 1, 1, tzinfo=UTC)


def arrival(connection: str, number: int, side: str) -> Arrival:
    return Arrival(
        connection=connection,
        side=side,
        entity="product",
        key=f"sparkpay:{number}",
        version_time=START,
        event_id=f"e-{number}",
        deleted=False,
        priority=1,
        topic="products",
        partition=0,
        offset=number,
        record_key=b"k",
        value=b"v",
    )


async def test_all_rows_of_the_connection_are_copied_and_nothing_of_others(tmp_path: Path) -> None:
    async with both_platforms(tmp_path) as both:
        await both.add()
        core, sides = both.core, ("sparklayer", "sparkpay")
        await core.inbox.put([arrival("acme", number, side) for number in range(601) for side in sides])
        await core.inbox.put([arrival("other", number, "sparklayer") for number in range(3)])
        claims = [Claim(f"A-{number}", "p-1", "live") for number in range(1001)]
        await core.claims.replace("acme", "sparklayer", "sparkpay:1", claims)
        connection = await core.connections.get("acme")
        async with scratch_core(core, [connection]) as scratch:
            await copy_known(core, scratch, "acme")
            for side in sides:
                found = await scratch.inbox.wanted("acme", side, "product", [f"sparkpay:{n}" for n in range(601)])
                assert len(found) == 601
                assert {row.doubt for row in found.values()} == {Doubt.NONE}
            assert await scratch.inbox.get("other", "sparklayer", "product", "sparkpay:1") is None
            held = await scratch.claims.holders("acme", "sparklayer", [claim.sku for claim in claims])
            assert len(held) == 1001
            await doubt_what_was_never_applied(scratch, "acme")
            row = await scratch.inbox.get("acme", "sparklayer", "product", "sparkpay:7")
            assert row is not None
            assert row.doubt is Doubt.UNSEEN
            folder = scratch.database.where
        row = await core.inbox.get("acme", "sparklayer", "product", "sparkpay:7")
        assert row is not None
        assert row.doubt is Doubt.NONE
        assert "paylayer-dry-run-" in folder
