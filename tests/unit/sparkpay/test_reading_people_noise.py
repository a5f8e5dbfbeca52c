"""Customers and orders under answers that nobody can read, and under random edits with failures in between."""

import asyncio
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import PayLayerError
from contracts.events import is_deletion
from tests.fakes.sparkpay_noise import Noise, Spoil, misleading_about, spoiled
from tests.fakes.sparkpay_people import Counter, with_people
from tests.fakes.sparkpay_shop import Shop, open_shop, synced

KINDS = ("customer", "order")


def positions(shop: Shop) -> dict[str, datetime]:
    found = {name: at for name, at in shop.memory.cursors.items() if name.startswith("live:")}
    return {name: datetime.fromisoformat(position["at"]) for name, position in found.items()}


@pytest.mark.parametrize("work", ["look", "catch_up", "full_sync"])
@settings(max_examples=15)
@given(noise=st.lists(st.none() | misleading_about, max_size=20))
def test_whatever_is_answered_the_poller_fails_on_purpose_and_keeps_its_positions_within_time(
    work: str, noise: list[Spoil | None]
) -> None:
    async def run() -> None:
        async with open_shop(values=with_people(), page_size=10) as shop:
            counter = Counter(shop)
            for number in range(12):
                order = counter.order(counter.customer(), cart=f"cart-{number}" if number % 3 == 0 else None)
                if number % 2:
                    counter.shipment(order)
            poller = await synced(shop)
            before = positions(shop)
            shop.wire._inner = Noise(shop.wire._inner, noise)
            for _ in range(2):
                with suppress(PayLayerError):
                    match work:
                        case "look":
                            await poller.poll_once()
                        case "catch_up":
                            await poller.catch_up()
                        case _:
                            await poller.full_sync("again")
            now = shop.client.server_clock.now()
            after = positions(shop)
            assert all(before[name] <= after[name] <= now for name in before)
            await poller.close()

    asyncio.run(run())


@settings(max_examples=15)
@given(
    noise=st.lists(st.none() | spoiled, max_size=30),
    skipped=st.integers(0, 15),
    fresh_process=st.booleans(),
)
def test_no_change_is_lost_behind_answers_that_nobody_can_read(
    noise: list[Spoil | None], skipped: int, *, fresh_process: bool
) -> None:
    async def run() -> None:
        async with open_shop(values=with_people(), page_size=10, expand_page_size=10) as shop:
            counter = Counter(shop)
            buyers = [counter.customer() for _ in range(12)]
            orders = [counter.order(buyer) for buyer in buyers]
            poller = await synced(shop)
            for number, (buyer, order) in enumerate(zip(buyers, orders, strict=True)):
                if number % 2:
                    shop.store.update("orders", order, order_status_id=counter.shipped)
                    counter.address(buyer, address_line_1="9 New St")
                else:
                    counter.shipment(order)
                    shop.store.update("customers", buyer, company="Other")
                shop.clock.advance(1)
            quiet, shop.wire._inner = shop.wire._inner, Noise(shop.wire._inner, [*[None] * skipped, *noise])
            for _ in range(3):
                with suppress(PayLayerError):
                    await poller.poll_once()
                shop.clock.advance(200)  # whatever a position has passed lies beyond the overlap by now
            shop.wire._inner = quiet
            poller = shop.poller() if fresh_process else poller
            await poller.poll_once()
            assert shop.outlet.newest("customer").keys() == {f"sparkpay:{id_}" for id_ in buyers}
            assert shop.outlet.newest("order").keys() == {f"sparkpay:{id_}" for id_ in orders}

    asyncio.run(run())


class Merchant:
    """Edits at random what customers and orders consist of, some of it without moving a time."""

    def __init__(self, counter: Counter, seed: int) -> None:
        self.counter, self.store, self.random = counter, counter.store, Random(seed)

    def pick(self, resource: str) -> int | None:
        rows = self.store.rows(resource)
        return int(str(self.random.choice(rows)["id"])) if rows else None

    def edit(self) -> None:
        counter, pick = self.counter, self.random
        touch = pick.random() < 0.8
        word = f"w{pick.randrange(1000)}"
        buyer, order = self.pick("customers"), self.pick("orders")
        choice = pick.randrange(12)
        if buyer is None or choice == 0:
            counter.customer(addresses=pick.randrange(3))
        elif order is None or choice == 1:
            counter.order(buyer, lines=pick.randrange(3), cart=word if pick.random() < 0.3 else None)
        elif choice == 2:
            counter.address(buyer, address_line_1=word)
        elif choice == 3:
            counter.shipment(order, shipment_name=word)
        elif choice == 4:
            resource = pick.choice(["addresses", "order_shipments"])
            if (id_ := self.pick(resource)) is not None:
                self.store.delete(resource, id_)
        elif choice == 5 and len(self.store.rows("orders")) > 3:
            self.store.delete("orders", order)
        else:
            resource, change = pick.choice(
                [
                    ("customers", {"company": word}),
                    ("addresses", {"city": word}),
                    ("orders", {"admin_comments": word}),
                    ("orders", {"order_status_id": pick.choice([counter.open, counter.shipped, counter.cancelled])}),
                    ("order_items", {"line_item_note": word}),
                    ("order_payments", {"amount": Decimal(pick.randrange(100))}),
                    ("order_shipments", {"tracking_numbers": word}),
                    ("order_addresses", {"city": word}),
                ]
            )
            if (id_ := self.pick(resource)) is not None:
                self.store.change(resource, id_, change, touch=touch)


@pytest.mark.parametrize("seed", range(6))
async def test_after_random_edits_and_failures_everything_that_differs_was_told(seed: int) -> None:
    values = with_people(poll__deletion_sweep_seconds="600", poll__deletions_at_once="1")
    async with open_shop(values=values, page_size=10, expand_page_size=10) as shop:
        counter, rng = Counter(shop), Random(seed)
        merchant = Merchant(counter, seed)
        for _ in range(20):
            merchant.edit()
        poller = shop.poller()
        await poller.full_sync("first")
        for _ in range(60):
            merchant.edit()
            shop.clock.advance(rng.choice([1, 5, 60, 300]))
            shop.outlet.broken = rng.random() < 0.15
            with suppress(PayLayerError):
                await (poller.step() if rng.random() < 0.8 else poller.poll_once())
            if rng.random() < 0.05:
                await poller.close()
                poller = shop.poller()
        shop.outlet.broken = False
        await poller.catch_up()
        told = {kind: shop.outlet.newest(kind) for kind in KINDS}
        truth = await _truth(shop)
        for kind in KINDS:
            shown: dict[str, Any] = {key: one.data for key, one in told[kind].items() if not is_deletion(one)}
            assert shown == truth[kind]
        shop.outlet.take()
        assert (await poller.catch_up()).published == 0
        await poller.close()


async def _truth(shop: Shop) -> dict[str, dict[str, Any]]:
    """What a poller that knows nothing says."""
    kept, cursors, events = shop.memory.kept, shop.memory.cursors, shop.outlet.take()
    shop.memory.kept, shop.memory.cursors = {}, {}
    await shop.poller().full_sync("truth")
    found = {kind: {key: one.data for key, one in shop.outlet.newest(kind).items()} for kind in KINDS}
    shop.memory.kept, shop.memory.cursors, shop.outlet.events = kept, cursors, events
    return found
