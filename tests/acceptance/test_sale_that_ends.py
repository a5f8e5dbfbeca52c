"""A sale begins and ends on time with real processes, whatever runs or sleeps at that moment."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.acceptance.agreement import expect_agreement
from tests.acceptance.system import System, threading_pause, until
from tests.acceptance.trading import rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_a_sale_begins_and_ends_although_nobody_says_so_at_that_moment(system: System) -> None:
    """The polls are slow here: what happens at the two moments happens by the clock. The end comes to a new process."""
    system.sandboxes(products=8)
    system.connect(sync=False)
    system.service()
    assert system.json("sync", "acme", "--full", "--wait")["state"] == "done"
    plain = [row for row in rows(system, "products") if row["item_number"] and not row["use_variant_inventory"]]
    product = next(row for row in plain if not row["call_for_pricing"] and not row["is_hidden"])
    sku, usual = product["item_number"], Decimal(str(product["price"]))

    def price() -> Decimal | None:
        breaks = system.layer("GET", "state")["prices"].get(sku, {}).get("sp-base-usd") or []
        return next((Decimal(str(row["price"])) for row in breaks if int(row["quantity"]) == 1), None)

    begin = datetime.now(UTC) + timedelta(seconds=12)
    end = begin + timedelta(seconds=12)
    system.edit(
        "insert", "product_pricing", product_id=product["id"], price="0.77", sale_type_id=1,
        start_date=begin.isoformat(), end_date=end.isoformat(),
    )  # fmt: skip
    assert system.json("sync", "acme", "--wait")["state"] == "done"
    if datetime.now(UTC) < begin:
        assert price() == usual
    until("the sale has begun", lambda: price() == Decimal("0.77"), 40)
    assert datetime.now(UTC) >= begin
    system.kill("service")
    threading_pause(max(0.0, (end - datetime.now(UTC)).total_seconds()) + 1)
    assert price() == Decimal("0.77"), "nobody was there to take it back"
    system.service("second")
    until("the sale has ended", lambda: price() == usual, 40)
    expect_agreement(system)
