"""Customers: a first sync, changes of them and of what belongs to them, deletions, and what each costs."""

from typing import Any

import pytest

from connector.errors import ConfirmationNeeded
from connector.ports import Priority
from contracts.entities import Customer, CustomerRole, CustomerStatus
from contracts.events import is_deletion
from tests.fakes.sparkpay_people import Counter, with_people
from tests.fakes.sparkpay_shop import Shop, open_shop, synced, told

ALONE = {"flow.order": "off"}


def newest(shop: Shop, key: str) -> Customer:
    entity: Any = shop.outlet.newest("customer")[key].data
    assert isinstance(entity, Customer)
    return entity


async def test_a_first_sync_tells_every_served_customer_with_addresses_and_the_second_nothing() -> None:
    async with open_shop(values=with_people(**{"b2b.customer_type_ids": "1"})) as shop:
        counter = Counter(shop)
        served, blank = counter.customer(addresses=2), counter.customer(addresses=0, company="", first_name="")
        counter.customer(customer_type_id=0)
        counter.customer(no_account=True)
        await shop.poller().full_sync("r")
        assert told(shop.outlet.events) == [("customer", f"sparkpay:{served}"), ("customer", f"sparkpay:{blank}")]
        found = newest(shop, f"sparkpay:{served}")
        assert [one.line1 for one in found.addresses or ()] == ["1 Oak St", "2 Oak St"]
        assert (found.refs, found.group, found.status) == (
            {"sparkpay": str(served)},
            "ct-1",
            CustomerStatus.ACTIVE,
        )
        assert newest(shop, f"sparkpay:{blank}").addresses == ()
        shop.outlet.take()
        assert (await shop.poller().full_sync("again")).published == 0
        assert (await shop.poller().full_sync("forced", force=True)).published == 2


async def test_both_ways_of_reading_say_the_same() -> None:
    values = with_people(customers__association_type_id="3")
    async with open_shop(values=values) as shop:
        counter = Counter(shop)
        field = int(str(shop.store.insert("custom_fields", name="Region", resource_type="Customers")["id"]))
        above, below = counter.customer(), counter.customer()
        counter.field(field, below, "North")
        shop.store.insert(
            "customer_association", association_type_id=3, parent_customer_id=above, child_customer_id=below
        )
        shop.store.insert(
            "customer_association", association_type_id=4, parent_customer_id=below, child_customer_id=above
        )
        poller = await synced(shop)
        entity = shop.memory.kept["customer", f"sparkpay:{below}"]
        shop.store.update("customers", below, comments="nothing that is mapped")
        shop.clock.advance(30)
        assert (await poller.poll_once()).published == 0
        assert shop.memory.kept["customer", f"sparkpay:{below}"] == entity
        shop.store.update("customers", below, company="Other")
        shop.clock.advance(30)
        await poller.poll_once()
        found = newest(shop, f"sparkpay:{below}")
        assert (found.role, found.parent) == (CustomerRole.LIMITED, f"sparkpay:{above}")
        assert found.attributes == {"Region": "North"}


async def test_detecting_one_changed_customer_takes_one_call() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        customer = counter.customer()
        poller = await synced(shop)
        shop.store.update("customers", customer, company="Other")
        shop.clock.advance(30)
        await poller.streams[0].poll(["customer:customers"], Priority.LIVE)
        assert told(shop.outlet.take()) == [("customer", f"sparkpay:{customer}")]
        assert shop.wire.paths == ["customers"]


async def test_a_changed_address_is_a_change_of_its_customer() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        customer, other = counter.customer(addresses=2), counter.customer()
        poller = await synced(shop)
        book = [row for row in shop.store.rows("addresses") if row["customer_id"] == customer]
        shop.store.update("addresses", int(str(book[1]["id"])), city="Waco")
        counter.address(other, address_line_1="9 New St")
        shop.clock.advance(30)
        await poller.streams[0].poll(["customer:addresses"], Priority.LIVE)
        assert sorted(told(shop.outlet.events)) == sorted(("customer", f"sparkpay:{id_}") for id_ in (customer, other))
        assert [one.city for one in newest(shop, f"sparkpay:{customer}").addresses or ()] == ["Austin", "Waco"]
        assert len(newest(shop, f"sparkpay:{other}").addresses or ()) == 2
        assert shop.wire.paths == ["addresses", "customers/select_many"]
        shop.clock.advance(30)
        await poller.streams[0].poll(["customer:customers", "customer:addresses"], Priority.LIVE)
        assert shop.wire.paths[2:] == ["addresses", "customers"], "known rows have nobody read again"


async def test_an_address_that_could_not_be_published_is_told_by_the_next_look() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        customer = counter.customer()
        poller = await synced(shop)
        counter.address(customer, address_line_1="9 New St")
        shop.clock.advance(30)
        shop.outlet.broken = True
        with pytest.raises(Exception, match="does not answer"):
            await poller.poll_once()
        shop.outlet.broken = False
        await poller.poll_once()
        assert told(shop.outlet.take()) == [("customer", f"sparkpay:{customer}")]


async def test_who_leaves_the_scope_is_told_as_inactive_once() -> None:
    async with open_shop(values=with_people(**{"b2b.customer_type_ids": "1"})) as shop:
        counter = Counter(shop)
        customer = counter.customer()
        poller = await synced(shop)
        for company in ("One", "One"):
            shop.store.update("customers", customer, customer_type_id=0, company=company)
            shop.clock.advance(30)
            await poller.poll_once()
        assert told(shop.outlet.events) == [("customer", f"sparkpay:{customer}")]
        assert newest(shop, f"sparkpay:{customer}").status is CustomerStatus.INACTIVE


async def test_a_sub_account_that_is_linked_or_removed_is_found_by_a_slow_look() -> None:
    async with open_shop(values=with_people(customers__association_type_id="3")) as shop:
        counter = Counter(shop)
        above, below = counter.customer(), counter.customer()
        poller = await synced(shop)
        link = shop.store.insert(
            "customer_association", association_type_id=3, parent_customer_id=above, child_customer_id=below
        )
        shop.outlet.broken = True
        with pytest.raises(Exception, match="does not answer"):
            await poller.streams[0].poll(["customer:customer_association"], Priority.LIVE)
        shop.outlet.broken = False
        for parent in (f"sparkpay:{above}", None):
            shop.wire.requests.clear()
            await poller.streams[0].poll(["customer:customer_association"], Priority.LIVE)
            assert shop.wire.paths == ["customer_association", "customers/select_many", "customer_association"]
            assert newest(shop, f"sparkpay:{below}").parent == parent
            if parent is not None:
                shop.store.delete("customer_association", int(str(link["id"])))
        shop.wire.requests.clear()
        await poller.streams[0].poll(["customer:customer_association"], Priority.LIVE)
        assert shop.wire.paths == ["customer_association"]


async def test_deleted_customers_are_found_by_the_sweep_and_a_mass_of_them_needs_a_person() -> None:
    async with open_shop(values=with_people(poll__deletion_sweep_seconds="60")) as shop:
        counter = Counter(shop)
        made = [counter.customer() for _ in range(60)]
        poller = await synced(shop)
        shop.store.delete("customers", made[3])
        await _sweep(shop, poller)
        events = shop.outlet.take()
        assert told(events) == [("customer", f"sparkpay:{made[3]}")]
        assert is_deletion(events[0])
        assert shop.wire.count(f"customers/{made[3]}") == 1
        for customer in made[10:40]:
            shop.store.delete("customers", customer)
        with pytest.raises(ConfirmationNeeded, match=r"30 or more of the customers that connection acme"):
            await _sweep(shop, poller)
        assert shop.outlet.take() == []


async def test_customers_without_a_time_are_found_by_the_sweep() -> None:
    async with open_shop(values=with_people(poll__deletion_sweep_seconds="60")) as shop:
        counter = Counter(shop)
        counter.customer()
        poller = await synced(shop)
        silent = counter.customer(updated_at=None, created_at=None)
        shop.clock.advance(30)
        assert (await poller.poll_once()).published == 1, "its address has a time"
        shop.outlet.take()
        shop.store.update("customers", silent, touch=False, company="Silently renamed")
        assert (await poller.poll_once()).published == 0
        await _sweep(shop, poller)
        assert told(shop.outlet.take()) == [("customer", f"sparkpay:{silent}")]


async def test_a_full_sync_can_stop_at_any_call_and_go_on() -> None:
    async with open_shop(values=with_people(), page_size=10) as shop:
        counter = Counter(shop)
        for _ in range(35):
            counter.order(counter.customer(addresses=2))
        await shop.poller().full_sync("whole")
        expected = {kind: shop.outlet.newest(kind).keys() for kind in ("customer", "order")}
        assert all(len(keys) == 35 for keys in expected.values())
        total = shop.calls
        for stop_at in range(1, total, 4):
            shop.memory.kept.clear()
            shop.memory.cursors.clear()
            shop.outlet.take()
            start = shop.calls

            def stop(_: object, last: int = start + stop_at) -> None:
                if shop.calls > last:
                    raise RuntimeError("the process died")

            shop.wire.before = stop
            with pytest.raises(RuntimeError):
                await shop.poller().full_sync("r")
            shop.wire.before = None
            await shop.poller().full_sync("r")
            assert {kind: shop.outlet.newest(kind).keys() for kind in ("customer", "order")} == expected
            assert not any(name.startswith("full:") for name in shop.memory.cursors)


async def test_only_what_the_flow_names_is_read() -> None:
    async with open_shop(values=with_people(flow__customer="to_sparkpay", flow__order="off")) as shop:
        Counter(shop).customer()
        poller = shop.poller()
        assert poller.kinds == frozenset()
        await poller.full_sync("r")
        assert await poller.step() > 0
        assert (shop.outlet.events, shop.calls) == ([], 0)


async def _sweep(shop: Shop, poller: Any) -> None:
    shop.clock.advance(61)
    for _ in range(6):
        shop.clock.advance(max(await poller.sweep_step(), 0.1))


async def test_where_nobody_is_served_customers_cost_no_calls() -> None:
    async with open_shop(values=with_people(**{"b2b.customer_type_ids": "[]"})) as shop:
        counter = Counter(shop)
        buyer = counter.customer()
        order = counter.order(buyer, cart="3b241101-e2bb-4255-8caf-4136c566a962")
        poller = await synced(shop)
        shop.store.update("customers", buyer, company="Other")
        shop.clock.advance(30)
        assert (await poller.catch_up()).published == 0
        assert {"customers", "customer_association", "addresses"}.isdisjoint(shop.wire.paths)
        shop.store.update("orders", order, order_status_id=counter.shipped)
        shop.clock.advance(30)
        await poller.poll_once()
        assert told(shop.outlet.take()) == [("order", "sparklayer:3b241101-e2bb-4255-8caf-4136c566a962")]


async def test_where_nobody_is_served_any_more_those_who_were_are_told_as_inactive() -> None:
    async with open_shop(values=with_people(**{"b2b.customer_type_ids": "1"})) as shop:
        customer = Counter(shop).customer()
        await synced(shop)
        shop.settings = shop.settings.with_values({"b2b.customer_type_ids": "[]"})
        await shop.poller().full_sync("second")
        assert told(shop.outlet.events) == [("customer", f"sparkpay:{customer}")]
        assert newest(shop, f"sparkpay:{customer}").status is CustomerStatus.INACTIVE


async def test_several_custom_fields_of_many_customers_are_read_page_by_page() -> None:
    async with open_shop(values=with_people(), page_size=5) as shop:
        counter = Counter(shop)
        first, other, last = (
            int(str(shop.store.insert("custom_fields", name=name, resource_type=kind)["id"]))
            for name, kind in (("Region", "Customers"), ("Gift", "Orders"), ("Rank", "Customers"))
        )
        customers = [counter.customer() for _ in range(13)]
        for number, customer in enumerate(customers):
            for field in (first, other, last):
                counter.field(field, customer, f"{field}/{number}")
        poller = await synced(shop)
        expected = {
            f"sparkpay:{customer}": {"Region": f"{first}/{number}", "Rank": f"{last}/{number}"}
            for number, customer in enumerate(customers)
        }
        kept = {key: entity for (kind, key), entity in shop.memory.kept.items() if kind == "customer"}
        assert kept.keys() == expected.keys()
        for customer in customers[10:]:
            shop.store.update("customers", customer, company="Changed")
        shop.clock.advance(30)
        await poller.poll_once()
        changed = [f"sparkpay:{customer}" for customer in customers[10:]]
        assert {key: newest(shop, key).attributes for key in changed} == {key: expected[key] for key in changed}
        await poller.full_sync("forced", force=True)
        assert {key: newest(shop, key).attributes for key in expected} == expected


async def test_accounts_above_are_found_for_many_customers_that_changed_at_once() -> None:
    async with open_shop(values=with_people(customers__association_type_id="3"), page_size=5) as shop:
        counter = Counter(shop)
        above, stranger = counter.customer(), counter.customer()
        below = [counter.customer() for _ in range(9)]
        for customer in below:
            for kind, parent in ((4, stranger), (3, above)):
                shop.store.insert(
                    "customer_association",
                    association_type_id=kind,
                    parent_customer_id=parent,
                    child_customer_id=customer,
                )
        poller = await synced(shop)
        for customer in below:
            shop.store.update("customers", customer, company="Changed")
        shop.clock.advance(30)
        await poller.poll_once()
        assert {newest(shop, f"sparkpay:{customer}").parent for customer in below} == {f"sparkpay:{above}"}
