import json
from datetime import timedelta

import httpx
import pytest

from connector.errors import TargetIll
from connector.sandbox.sparkpay import FaultRule
from connector.sparkpay.hinted import GATHER_SECONDS, HintedReads
from connector.sparkpay.poller import Poller
from connector.sparkpay.webhook_body import named_rows
from connector.sparkpay.webhook_trust import WebhookTrust
from tests.fakes.hints import FakeHints
from tests.fakes.sparkpay_people import Counter, with_people
from tests.fakes.sparkpay_shop import Shop, open_shop, synced, told


async def followed(shop: Shop, hints: FakeHints) -> Poller:
    await synced(shop)
    poller = Poller(shop.client, shop.memory, shop.outlet, shop.settings, "acme", shop.clock, hints=hints)
    await poller.poll_once()
    shop.outlet.take()
    shop.wire.requests.clear()
    return poller


async def test_what_is_named_is_read_together_and_told_once() -> None:
    async with open_shop() as shop:
        ids = [shop.product(item_number=f"P{number}") for number in range(30)]
        hints = FakeHints()
        poller = await followed(shop, hints)
        for id_ in ids[:20]:
            shop.store.update("products", id_, quantity_on_hand=id_ + 100)
        hints.name("products", *ids)
        hints.name("products", *ids)
        hints.name("quotes", 4)  # nobody follows quotes
        await poller.hint_step()
        assert shop.wire.paths == ["products/select_many"]
        assert sorted(told(shop.outlet.take())) == sorted(("stock", f"P{number}") for number in range(20))
        assert hints.kept == {}
        await poller.hint_step()
        assert shop.calls == 1


async def test_what_is_named_again_while_it_is_read_is_read_again() -> None:
    async with open_shop() as shop:
        id_ = shop.product(item_number="A")
        hints = FakeHints()
        poller = await followed(shop, hints)

        def meddle(_: httpx.Request) -> None:
            shop.store.update("products", id_, quantity_on_hand=shop.calls)
            hints.name("products", id_)

        hints.name("products", id_)
        shop.wire.before = meddle
        await poller.hint_step()
        shop.wire.before = None
        assert list(hints.kept) == [("products", id_)]
        shop.store.update("products", id_, quantity_on_hand=99)
        await poller.hint_step()
        assert [event.data.levels[0].level for event in shop.outlet.take()] == [1, 99]  # type: ignore[union-attr]
        assert hints.kept == {}


async def test_a_failed_read_keeps_the_hint() -> None:
    async with open_shop() as shop:
        id_ = shop.product(item_number="A")
        hints = FakeHints()
        poller = await followed(shop, hints)
        shop.store.update("products", id_, quantity_on_hand=3)
        hints.name("products", id_)
        shop.app.state.faults.add(FaultRule("status", path="*/select_many", times=None))  # type: ignore[attr-defined]
        with pytest.raises(TargetIll):
            await poller.hint_step()
        shop.app.state.faults.clear()  # type: ignore[attr-defined]
        assert list(hints.kept) == [("products", id_)]
        await poller.hint_step()
        assert told(shop.outlet.take()) == [("stock", "A")]


async def test_a_named_product_that_is_gone_is_told_as_gone_and_one_that_never_was_as_nothing() -> None:
    async with open_shop() as shop:
        id_ = shop.product(item_number="A")
        hints = FakeHints()
        poller = await followed(shop, hints)
        shop.store.delete("products", id_)
        hints.name("products", id_, 987654)
        await poller.hint_step()
        events = shop.outlet.take()
        assert {event.type for event in events} >= {"paylayer.product.deleted.v1"}
        assert hints.kept == {}


async def test_single_changes_are_read_as_they_come_and_a_flood_within_half_of_the_plan() -> None:
    async with open_shop() as shop:
        hints = FakeHints()
        reads: list[int] = []

        async def read(numbers: list[int]) -> None:
            reads.append(len(numbers))

        clock = shop.clock
        hinted = HintedReads(hints, {"products": read}, clock, WebhookTrust(clock, 4), 5.0)  # type: ignore[dict-item]
        began, pauses = clock.monotonic(), []
        for _ in range(30):
            hints.name("products", 1, 2, 3)
            pauses.append(await hinted.step())
            clock.advance(pauses[-1])
        assert pauses[:5] == [0.0] * 5
        assert reads == [3] * 30
        assert 30 / (clock.monotonic() - began) < 3.1
        assert pauses[-1] == pytest.approx(0.4 - GATHER_SECONDS)
        hints.name("quotes", 4)
        clock.advance(10)
        before = clock.monotonic()
        assert await hinted.step() == 0.0  # nobody follows quotes: that costs no call
        assert clock.monotonic() == pytest.approx(before + GATHER_SECONDS)


async def test_a_busy_process_reads_more_together() -> None:
    async with open_shop() as shop:
        hints = FakeHints()
        clock = shop.clock
        takes = 0.7

        async def slow(_: list[int]) -> None:
            clock.advance(takes)

        hinted = HintedReads(hints, {"products": slow}, clock, WebhookTrust(clock, 4), 100.0)  # type: ignore[dict-item]
        hints.name("products", 1)
        assert await hinted.step() == pytest.approx(0.7)
        takes = 60.0
        hints.name("products", 1)
        assert await hinted.step() == 2.0


async def test_polls_are_slack_where_webhooks_come_and_narrow_where_one_was_missed() -> None:
    async with open_shop() as shop:
        clock = shop.clock
        trust = WebhookTrust(clock, 4)
        assert trust.factor("orders") == 1
        trust.arrivals({"orders": clock.now(), "products": clock.now()})
        assert (trust.factor("orders"), trust.factor("customers")) == (4, 1)
        assert trust.factor("products") == 1  # their stock changes without an event
        trust.polled("orders", [1, 2])
        clock.advance(20)
        trust.announced("orders", [1, 2])  # they were only late
        clock.advance(20)
        assert trust.factor("orders") == 4
        trust.polled("orders", [1, 3])
        clock.advance(31)
        assert trust.factor("orders") == 1  # 3 was never announced
        clock.advance(3601)
        assert trust.factor("orders") == 4
        trust.arrivals({"orders": clock.now() - timedelta(hours=25)})
        assert trust.factor("orders") == 1


async def test_named_customers_and_orders_are_read_by_the_streams_that_tell_them() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        buyer = counter.customer()
        order = counter.order(buyer)
        hints = FakeHints()
        poller = await followed(shop, hints)
        newcomer = counter.customer()
        shop.store.update("orders", order, special_instructions="Ring twice")
        hints.name("customers", buyer, newcomer)
        hints.name("orders", order)
        await poller.hint_step()
        assert shop.wire.count("customers/select_many") == 1
        assert shop.wire.count("orders/select_many") == 1
        assert sorted(told(shop.outlet.take())) == [
            ("customer", f"sparkpay:{newcomer}"),
            ("order", f"sparkpay:{order}"),
        ]
        assert hints.kept == {}
        await poller.poll_once()
        assert told(shop.outlet.take()) == []


async def test_a_named_customer_that_nobody_takes_costs_nothing() -> None:
    async with open_shop() as shop:
        hints = FakeHints()
        poller = await followed(shop, hints)
        hints.name("customers", 1)
        await poller.hint_step()
        assert (shop.calls, hints.kept) == (0, {})


async def test_looks_at_orders_are_slack_while_their_webhooks_come() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        buyer = counter.customer()
        hints = FakeHints()
        poller = await followed(shop, hints)
        idle = poller.paces["order:orders"].idle
        hints.arrived = {"orders": shop.clock.now()}
        shop.clock.advance(61)
        for _ in range(12):
            await poller.poll_once()
        assert poller.paces["order:orders"].pause == pytest.approx(4 * idle)
        assert poller.paces["customer:customers"].pause == pytest.approx(poller.paces["customer:customers"].idle)
        counter.order(buyer)
        await poller.poll_once()
        shop.clock.advance(31)  # no webhook told of it
        for _ in range(12):
            await poller.poll_once()
        assert poller.paces["order:orders"].pause == pytest.approx(idle)


async def test_deliveries_that_come_twice_or_in_the_wrong_order_tell_what_is_true_once() -> None:
    async with open_shop() as shop:
        id_ = shop.product(item_number="A")
        hints = FakeHints()
        poller = await followed(shop, hints)
        bodies = []
        for title in ("First", "Second", "Third"):
            shop.store.update("products", id_, item_name=title)
            bodies.append(json.dumps({"product": {"id": id_, "item_name": title}}).encode())
        for body in (bodies[2], bodies[0], bodies[0], bodies[1]):
            for resource, number in named_rows(body):
                hints.name(resource, number)
            await poller.hint_step()
        (event,) = [event for event in shop.outlet.take() if event.type == "paylayer.product.changed.v1"]
        assert event.data.title == "Third"  # type: ignore[union-attr]


async def test_looks_are_as_often_as_ever_once_no_webhook_came_for_a_day() -> None:
    async with open_shop(values=with_people()) as shop:
        Counter(shop).order(Counter(shop).customer())
        hints = FakeHints()
        poller = await followed(shop, hints)
        pace = poller.paces["order:orders"]
        hints.arrived = {"orders": shop.clock.now()}
        shop.clock.advance(61)
        for _ in range(12):
            await poller.poll_once()
        assert pace.pause == pytest.approx(4 * pace.idle)
        shop.clock.advance(24 * 3600)
        for _ in range(12):
            await poller.poll_once()
        assert pace.pause == pytest.approx(pace.idle)
