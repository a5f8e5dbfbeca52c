"""Orders that buyers place in SparkLayer are told once, whatever happens while they are read."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from connector.errors import TargetIll, Unavailable
from connector.sandbox.sparklayer import FaultRule
from connector.sparklayer.purchase_pages import OVERLAP
from contracts.entities import Order, OrderStatus
from tests.support.sparklayer_buyers import add_customer, money, place_order, take_order
from tests.support.sparklayer_rig import Rig
from tests.support.sparklayer_watching import Watching, keys

LIST = "GET /api/v1/purchases"
CUSTOMER = "GET /api/v2/customers/{look_up}/{key}"


@pytest.fixture
def watching(rig: Rig) -> Watching:
    return Watching(rig)


async def test_a_placed_order_is_told_once_with_its_customer(watching: Watching, rig: Rig) -> None:
    buyer = add_customer(rig.site, "ana@x.example", external_id="5012")
    place_order(rig.site, "cart-1", buyer["legacy_id"])
    (event,) = await watching.after(0)
    assert isinstance(event.data, Order)
    assert (event.source, event.data.key, event.data.status) == (
        "sparklayer",
        "sparklayer:cart-1",
        OrderStatus.UNCONFIRMED,
    )
    assert (event.data.customer.email, event.data.customer.key) == ("ana@x.example", "sparkpay:5012")
    assert event.data.customer_reference == "PO-1"
    for _ in range(5):
        assert await watching.look() == []


async def test_detecting_one_changed_order_takes_one_call(watching: Watching, rig: Rig) -> None:
    buyer = add_customer(rig.site, "ana@x.example")
    place_order(rig.site, "cart-1", buyer["legacy_id"])
    await watching.after(0)
    assert watching.calls() == [LIST, CUSTOMER, LIST], "of a new order the buyer as well; then those that are late"
    rig.clock.advance(60)
    place_order(rig.site, "cart-1", buyer["legacy_id"], quantity="3")
    assert keys(await watching.look()) == ["order sparklayer:cart-1"]
    assert watching.calls() == [LIST]


async def test_a_change_is_later_than_what_was_told_before(watching: Watching, rig: Rig) -> None:
    place_order(rig.site, "cart-1")
    (first,) = await watching.after(0)
    place_order(rig.site, "cart-1", quantity="3")  # in the same moment, by the site's clock
    (second,) = await watching.look()
    assert second.time > first.time


async def test_what_is_no_order_of_sparklayers_own_is_not_told(watching: Watching, rig: Rig) -> None:
    place_order(rig.site, "cart-1", type="cart")
    place_order(rig.site, "cart-2", type="awaiting_approval")
    body = {**place_order(rig.site, "x"), "purchase_identifiers": {"platform": "100020"}}
    rig.site.purchases.remove(rig.site.purchases.all()[-1])
    rig.site.purchases.put("platform", "100020", {n: v for n, v in body.items() if n not in ("id", "dates")})
    take_order(rig.site, place_order(rig.site, "cart-3")["purchase_identifiers"]["sparklayer"], "100021")
    assert await watching.look() == []
    place_order(rig.site, "cart-2", type="order_unconfirmed")
    assert keys(await watching.look()) == ["order sparklayer:cart-2"], "it was approved"


async def test_what_a_shop_wrote_is_no_news_and_what_changes_later_is(watching: Watching, rig: Rig) -> None:
    place_order(rig.site, "cart-1")
    await watching.after(0)
    rig.clock.advance(10)
    take_order(rig.site, "cart-1", "100021")
    assert await watching.look() == []
    watching.begin()
    assert await watching.look() == [], "nor after a restart"
    rig.clock.advance(10)
    take_order(rig.site, "cart-1", "100021", custom_fields=[{"name": "customer_reference", "value": "PO-2"}])
    (event,) = await watching.look()
    assert isinstance(event.data, Order)
    assert (event.data.customer_reference, event.data.refs["sparkpay"]) == ("PO-2", "100021")
    assert event.data.status is OrderStatus.OPEN


async def test_an_order_that_a_shop_took_before_anybody_looked_is_history(watching: Watching, rig: Rig) -> None:
    place_order(rig.site, "cart-1")
    take_order(rig.site, "cart-1", "100021")
    assert await watching.look() == []


async def test_orders_from_before_the_start_are_left_alone(rig: Rig) -> None:
    watching = Watching(rig, **{"orders.since": "2026-01-01"})
    place_order(rig.site, "old", dates={"placed": "2025-12-31T23:59:59Z"})
    place_order(rig.site, "new")
    assert keys(await watching.look()) == ["order sparklayer:new"]


async def test_a_crash_between_telling_and_storing_the_position_tells_nothing_twice(
    watching: Watching, rig: Rig
) -> None:
    place_order(rig.site, "cart-1")
    await watching.after(0)
    watching.memory.cursors.clear()
    watching.begin()
    assert await watching.look() == []


async def test_a_broker_that_is_away_loses_nothing(watching: Watching, rig: Rig) -> None:
    place_order(rig.site, "cart-1")
    watching.outlet.broken = True
    with pytest.raises(Unavailable):
        await watching.watch.step()
    assert "live:purchases" not in watching.memory.cursors
    watching.outlet.broken = False
    (event,) = await watching.look()
    assert event.data.key == "sparklayer:cart-1"


async def test_a_site_in_trouble_in_the_middle_is_read_again(watching: Watching, rig: Rig) -> None:
    for number in range(600):
        place_order(rig.site, f"cart-{number:03}")
    watching.meanwhile(1, lambda: rig.faults.add(FaultRule("status", path="/api/v1/purchases")))
    with pytest.raises(TargetIll):
        await watching.watch.step()
    told = [*watching.outlet.take(), *await watching.after(5)]
    assert sorted(keys(told)) == [f"order sparklayer:cart-{number:03}" for number in range(600)]


async def test_six_hundred_orders_of_one_moment_are_told_once_each(watching: Watching, rig: Rig) -> None:
    for number in range(600):
        place_order(rig.site, f"cart-{number:03}")
    told = keys(await watching.after(0))
    assert sorted(told) == [f"order sparklayer:cart-{number:03}" for number in range(600)]
    assert await watching.after(30) == []
    watching.calls()
    for _ in range(8):  # longer than the overlap
        await watching.after(30)
    watching.calls()
    assert await watching.after(30) == []
    assert watching.calls() == [LIST], "what is settled is not read again"


async def test_rows_that_move_while_the_list_is_read_are_not_missed(watching: Watching, rig: Rig) -> None:
    """Between two pages some orders change, so that all behind them move up."""
    for number in range(1000):
        place_order(rig.site, f"cart-{number:04}")
    rig.clock.advance(60)
    watching.meanwhile(1, lambda: [place_order(rig.site, f"cart-{n:04}") for n in range(OVERLAP - 1)])
    told = keys(await watching.after(0))
    assert len(set(told)) == 1000
    assert watching.calls().count(LIST) == 3 + 3, "three pages of orders, and three of those that are unconfirmed"


async def test_where_too_much_moves_the_list_is_read_anew(watching: Watching, rig: Rig) -> None:
    for number in range(1000):
        place_order(rig.site, f"cart-{number:04}")
    rig.clock.advance(60)
    watching.meanwhile(1, lambda: [place_order(rig.site, f"cart-{n:04}") for n in range(100)])
    told = keys(await watching.after(0))
    assert len(set(told)) == 1000


@pytest.mark.parametrize("ahead", [-7200, -90, 90, 7200])
async def test_a_site_whose_clock_is_wrong_is_watched_as_well(rig_of: Callable[..., Rig], ahead: int) -> None:
    rig = rig_of(clock_ahead_seconds=ahead)
    watching = Watching(rig)
    assert await watching.look() == []
    told: set[str] = set()
    for number in range(5):
        place_order(rig.site, f"cart-{number}")
        new = {event.id: event for event in await watching.after(300) if event.id not in told}  # late ones come again
        assert keys(list(new.values())) == [f"order sparklayer:cart-{number}"]
        told |= new.keys()


async def test_an_order_stamped_in_the_future_hides_nothing(watching: Watching, rig: Rig) -> None:
    far = (rig.clock.now() + timedelta(days=900)).isoformat()
    place_order(rig.site, "odd", dates={"placed": rig.site.stamp(), "last_updated": far})
    (odd,) = await watching.after(0)
    assert odd.time <= rig.clock.now()
    rig.clock.advance(30)
    place_order(rig.site, "cart-1")
    assert keys(await watching.look()) == ["order sparklayer:cart-1"]


async def test_one_that_cannot_be_told_holds_up_nobody(watching: Watching, rig: Rig) -> None:
    place_order(
        rig.site,
        "bad",
        packages=[{"line_items": [{"name_parent": "x", "quantity": 0, "line_total": {"total_net": money("1")}}]}],
    )
    place_order(rig.site, "good")
    assert keys(await watching.look()) == ["order sparklayer:good"]


async def test_a_late_order_is_told_again_ever_more_seldom_and_as_it_was(watching: Watching, rig: Rig) -> None:
    place_order(rig.site, "cart-1")
    (first,) = await watching.after(0)
    again = [event for _ in range(16) for event in await watching.after(900)]
    assert {(event.id, event.time) for event in again} == {(first.id, first.time)}
    assert len(again) == 5, "after 15, 30, 60, 120 and 240 minutes"
    take_order(rig.site, "cart-1", "100021")
    assert [event for _ in range(40) for event in await watching.after(900)] == []


async def test_an_empty_site_is_asked_seldom_and_one_with_news_often(watching: Watching, rig: Rig) -> None:
    waits = []
    for _ in range(6):
        waits.append(await watching.watch.step())
        rig.clock.advance(waits[-1])
    assert max(waits) == watching.settings.watch.purchases_seconds
    place_order(rig.site, "cart-1")
    assert await watching.watch.step() == 5.0


async def test_nobody_waits_for_so_long_that_it_looks_stuck(rig: Rig) -> None:
    watching = Watching(rig, **{"watch.purchases_seconds": "86400"})
    for _ in range(20):
        assert await watching.watch.step() <= 60
        rig.clock.advance(60)


async def test_shipped_pieces_of_one_line_are_one_line_again(watching: Watching, rig: Rig) -> None:
    place_order(rig.site, "cart-1")
    take_order(rig.site, "cart-1", "9")
    await watching.after(0)

    def pieces(quantity: int, net: str, **package: Any) -> dict[str, Any]:
        ids = {"sku": "ROPE", "platform": "77"}
        line = {
            "identifiers": ids,
            "name_parent": "Rope",
            "quantity": quantity,
            "line_total": {"total_net": money(net)},
        }
        return {"line_items": [line], **package}

    rig.clock.advance(10)
    sent = pieces(1, "10.00", identifiers={"platform": "sh-5"}, shipments=[{"carrier": "UPS", "carrier_id": "1Z"}])
    take_order(rig.site, "cart-1", "9", packages=[sent, pieces(2, "20.00")])
    (event,) = await watching.look()
    order = event.data
    assert isinstance(order, Order)
    (line,) = order.lines
    assert (line.id, line.quantity, line.net, line.refs) == ("77", 3, 30, {"sparkpay": "77"})
    (shipment,) = order.shipments
    assert (shipment.refs, [(one.line, one.quantity) for one in shipment.lines or ()]) == (
        {"sparkpay": "5"},
        [("77", 1)],
    )
    assert [(one.carrier, one.number) for one in shipment.tracking] == [("UPS", "1Z")]
    assert order.status is OrderStatus.PARTIALLY_SHIPPED


async def test_an_order_that_cannot_be_mapped_is_a_problem_until_it_can(watching: Watching, rig: Rig) -> None:
    whole = json.loads(json.dumps(place_order(rig.site, "cart-1"), default=float))
    undated = {name: value for name, value in whole.items() if name not in ("dates", "created_at")}
    watching.answers("/api/v1/purchases", [undated])
    assert await watching.look() == []
    assert watching.findings.codes == {("order", "sparklayer:cart-1"): ["date_missing"]}
    watching.answers("/api/v1/purchases", [whole])
    assert keys(await watching.look()) == ["order sparklayer:cart-1"]
    assert watching.findings.codes == {}
