"""What merchants change by hand in SparkLayer: prices, stock, customers, groups."""

from decimal import Decimal
from typing import Any

import pytest

from connector.errors import ConfirmationNeeded, TargetIll, UserFault
from connector.sandbox.sparklayer import FaultRule
from connector.settings.flows import require_consistent_flows
from contracts.entities import Customer, CustomerGroup, Price, Stock
from contracts.events import Event, entity_name, is_deletion
from tests.support.sparklayer_buyers import add_customer, place_order, take_order
from tests.support.sparklayer_rig import Rig
from tests.support.sparklayer_watching import Watching, keys

PRICE_LISTS, LIST_ROWS = "GET /api/v2/price-lists", "GET /api/v1/price-lists/{slug}/pricing"


async def _priced(rig: Rig, **amounts: str) -> None:
    client = rig.client()
    await rig.seed(client, *amounts)
    for slug in ("sp-base-usd", "sp-ct-4-usd", "vip"):
        await client.price_lists.create({"slug": slug, "name": slug.upper(), "currency_code": "usd"})
    await _set(rig, "sp-base-usd", **amounts)


async def _set(rig: Rig, slug: str, **amounts: str) -> None:
    breaks = {sku: [{"quantity": 1, "price": Decimal(amount)}] for sku, amount in amounts.items()}
    await rig.client().prices.update_list(slug, [{"sku": sku, "pricing": rows} for sku, rows in breaks.items()])


def _prices(event: Event) -> dict[str, list[tuple[int, Decimal]]]:
    assert isinstance(event.data, Price)
    return {one.list: [(row.from_quantity, row.amount) for row in one.rows] for one in event.data.lists}


class TestPrices:
    @pytest.fixture
    async def watching(self, rig: Rig) -> Watching:
        await _priced(rig, ROPE="10", BOLT="2")
        watching = Watching(rig, "price=to_sparkpay")
        assert sorted(keys(await watching.after(0))) == ["price BOLT", "price ROPE"]
        watching.calls()
        return watching

    async def test_a_price_edited_by_hand_is_told_with_all_lists(self, watching: Watching, rig: Rig) -> None:
        rig.clock.advance(10)
        await _set(rig, "sp-ct-4-usd", ROPE="9.5")
        watching.calls()
        (event,) = await watching.after(300)
        assert _prices(event) == {"base": [(1, Decimal(10))], "ct-4": [(1, Decimal("9.5"))]}
        assert watching.calls() == [PRICE_LISTS, LIST_ROWS, LIST_ROWS]

    async def test_lists_that_did_not_move_cost_one_call(self, watching: Watching) -> None:
        assert await watching.after(300) == []
        assert watching.calls() == [PRICE_LISTS]

    async def test_everything_is_compared_from_time_to_time_whatever_the_dates_say(
        self, watching: Watching, rig: Rig
    ) -> None:
        variant = rig.site.catalogue.variant_by_sku("ROPE")
        assert variant is not None
        rig.site.price_blocks.put(variant["id"], "sp-base-usd", [{"quantity": 1, "price": Decimal(11)}])
        assert await watching.after(300) == []
        assert keys(await watching.after(600)) == ["price ROPE"]

    async def test_a_sku_that_no_list_has_any_more_cannot_be_bought(self, watching: Watching, rig: Rig) -> None:
        watching.known.all_skus = ["BOLT", "NEVER", "ROPE"]
        rig.clock.advance(10)
        await rig.client().prices.update_list(
            "sp-base-usd", [{"sku": "ROPE", "pricing": [{"quantity": None, "price": None}]}]
        )
        (event,) = await watching.after(300)
        assert (event.data.key, _prices(event)) == ("ROPE", {"base": [], "ct-4": []})
        assert await watching.after(1000) == []

    async def test_a_list_that_stands_for_no_customer_type_is_left_alone(self, watching: Watching, rig: Rig) -> None:
        rig.clock.advance(10)
        await _set(rig, "vip", ROPE="1")
        assert await watching.after(1000) == []

    async def test_a_full_sync_repeats_what_was_told(self, watching: Watching) -> None:
        told = await watching.watch.full_sync("run-1", force=True)
        assert (told.published, sorted(keys(watching.outlet.take()))) == (2, ["price BOLT", "price ROPE"])


class TestStock:
    @pytest.fixture
    async def watching(self, rig: Rig) -> Watching:
        client = rig.client()
        await rig.seed(client, "ROPE", "BOLT")
        await client.stock_locations.create("wh-2", "Second")
        await self._levels(rig, ("ROPE", "default", 5), ("ROPE", "wh-2", 7))
        watching = Watching(rig, "stock=to_sparkpay")
        watching.known.all_skus = ["BOLT", "GONE", "ROPE"]
        (event,) = await watching.after(0)
        assert isinstance(event.data, Stock)
        assert [(one.location, one.name, one.level) for one in event.data.levels] == [
            ("default", "Default", 5), ("wh-2", "Second", 7),
        ]  # fmt: skip
        watching.calls()
        return watching

    async def _levels(self, rig: Rig, *levels: tuple[str, str, int], **more: Any) -> None:
        rows = [
            {"sku": sku, "stock_location_external_id": place, "stock_level": level, **more}
            for sku, place, level in levels
        ]
        await rig.client().stock.update(rows)

    async def test_a_level_edited_by_hand_is_seen_in_one_call(self, watching: Watching, rig: Rig) -> None:
        await self._levels(rig, ("BOLT", "default", 3), restock_date="2026-05-01", min_stock_level=-2)
        watching.calls()
        (event,) = await watching.after(300)
        assert isinstance(event.data, Stock)
        (level,) = event.data.levels
        assert (level.level, str(level.restock_date), level.minimum) == (3, "2026-05-01", -2)
        assert watching.calls() == ["POST /api/v1/batch-fetch-stock"]

    async def test_nothing_new_is_nothing_told(self, watching: Watching) -> None:
        assert await watching.after(300) == []

    async def test_no_levels_any_more_is_told_of_what_had_some(self, watching: Watching, rig: Rig) -> None:
        await rig.client().stock.delete(["ROPE", "BOLT"])
        (event,) = await watching.after(300)
        assert isinstance(event.data, Stock)
        assert (event.data.sku, event.data.levels) == ("ROPE", ())
        assert await watching.after(300) == []

    async def test_the_level_that_stands_for_unlimited_is_unlimited(self, watching: Watching, rig: Rig) -> None:
        await self._levels(rig, ("ROPE", "default", 999_999))
        (event,) = await watching.after(300)
        assert isinstance(event.data, Stock)
        assert [(one.unlimited, one.level) for one in event.data.levels] == [(True, 0), (False, 7)]

    async def test_many_skus_take_a_call_for_each_five_hundred(self, watching: Watching) -> None:
        watching.known.all_skus = [f"S-{number:04}" for number in range(1200)]
        await watching.after(300)
        assert watching.calls() == ["POST /api/v1/batch-fetch-stock"] * 3

    async def test_a_full_sync_goes_on_where_it_was(self, watching: Watching) -> None:
        watching.known.all_skus = [f"S-{number:04}" for number in range(1200)]
        watching.memory.cursors["full:run-1:stock"] = {"after": "S-0999"}
        await watching.watch.full_sync("run-1")
        assert watching.calls() == ["POST /api/v1/batch-fetch-stock"]
        assert not [name for name in watching.memory.cursors if name.startswith("full:")]


class TestCustomers:
    @pytest.fixture
    async def watching(self, rig: Rig) -> Watching:
        return Watching(rig, "customer=both order=both")

    async def test_whom_an_order_names_is_told_before_it(self, watching: Watching, rig: Rig) -> None:
        address = {"address_line1": "12 Oak St", "city": "Austin", "country_code": "US"}
        address["external_id"] = "8801"
        buyer = add_customer(
            rig.site, "ana@x.example", company_name="Ruiz", group="base", addresses=[address],
            default_shipping_address_id="8801", price_lists=["sp-ct-4-usd", "vip"], tax_exempt=True,
            payment_on_account={"credit_limit": Decimal(500), "currency_code": "usd", "net_terms": "30_days"},
        )  # fmt: skip
        place_order(rig.site, "cart-1", buyer["legacy_id"])
        person, order = await watching.after(0)
        assert [entity_name(person), entity_name(order)] == ["customer", "order"]
        customer = person.data
        assert isinstance(customer, Customer)
        assert (customer.key, customer.company, customer.group) == (f"sparklayer:{buyer['legacy_id']}", "Ruiz", "base")
        assert (customer.default_shipping, customer.default_billing, customer.price_lists) == ("8801", None, ("ct-4",))
        assert customer.tax_exempt is None, "where both sides edit customers, the shop decides that"
        assert customer.credit is not None
        assert (customer.credit.limit, customer.credit.net_days) == (500, 30)
        assert customer.addresses is not None
        assert [(one.id, one.country, one.refs["sparkpay"]) for one in customer.addresses] == [("8801", "US", "8801")]

    async def test_those_who_are_known_are_read_again_in_rounds(self, watching: Watching, rig: Rig) -> None:
        ids = [add_customer(rig.site, f"b{number}@x.example")["legacy_id"] for number in range(25)]
        watching.known.ids = {f"sparkpay:{number}": id_ for number, id_ in enumerate(ids)}
        first = [event for _ in range(3) for event in await watching.after(60)]
        assert sorted(event.data.key for event in first) == sorted(watching.known.ids)
        add_customer(rig.site, "b7@x.example", first_name="Bea")
        later = [event for _ in range(3) for event in await watching.after(60)]
        assert keys(later) == ["customer sparkpay:7"]
        assert watching.calls().count("GET /api/v2/customers/{look_up}/{key}") == 50

    async def test_one_who_was_deleted_is_gone(self, watching: Watching, rig: Rig) -> None:
        kept, lost = (add_customer(rig.site, f"{name}@x.example") for name in ("kept", "lost"))
        watching.known.ids = {"sparkpay:1": kept["legacy_id"], "sparkpay:2": lost["legacy_id"]}
        await watching.after(0)
        rig.site.customers.remove(lost)
        (event,) = await watching.after(60)
        assert (is_deletion(event), event.data.key) == (True, "sparkpay:2")

    async def test_when_all_are_gone_at_once_a_person_is_asked(self, watching: Watching, rig: Rig) -> None:
        rows = [add_customer(rig.site, f"b{number}@x.example") for number in range(8)]
        watching.known.ids = {f"sparkpay:{number}": row["legacy_id"] for number, row in enumerate(rows)}
        await watching.after(0)
        for row in rows:
            rig.site.customers.remove(row)
        rig.clock.advance(60)
        with pytest.raises(ConfirmationNeeded, match="8 of 8 customers"):
            await watching.watch.step()
        assert watching.outlet.take() == []

    async def test_a_sub_account_names_its_parent(self, watching: Watching, rig: Rig) -> None:
        parent = add_customer(rig.site, "main@x.example", external_id="12")
        child = add_customer(rig.site, "sub@x.example", parent_customer_id=parent["legacy_id"], role="limited-customer")
        place_order(rig.site, "cart-1", child["legacy_id"])
        person, _ = await watching.after(0)
        assert isinstance(person.data, Customer)
        assert (person.data.parent, person.data.role.value) == ("sparkpay:12", "limited")


class TestGroups:
    async def test_groups_by_their_slug_and_those_that_are_gone(self, rig: Rig) -> None:
        groups = rig.client().customer_groups
        await groups.create("ct-4", "Trade", "base")
        watching = Watching(rig, "customer_group=to_sparkpay")
        (event,) = await watching.after(0)
        assert isinstance(event.data, CustomerGroup)
        assert (event.data.key, event.data.name, event.data.parent) == ("ct-4", "Trade", "base")
        await groups.change("ct-4", "Trade customers", "base")
        assert keys(await watching.after(300)) == ["customer-group ct-4"]
        await groups.delete("ct-4")
        (gone,) = await watching.after(300)
        assert is_deletion(gone)
        watching.calls()
        assert await watching.after(300) == []
        assert watching.calls() == ["GET /api/v1/customer-groups"]

    async def test_a_list_that_is_empty_all_of_a_sudden_proves_nothing(self, rig: Rig) -> None:
        await rig.client().customer_groups.create("ct-4", "Trade", "base")
        watching = Watching(rig, "customer_group=to_sparkpay")
        assert len(await watching.after(0)) == 1
        watching.answers("/api/v1/customer-groups", [])
        assert await watching.after(300) == []
        watching.answers("/api/v1/customer-groups", [{"slug": "base", "name": "Base"}])
        assert [is_deletion(event) for event in await watching.after(300)] == [True]


async def test_only_what_a_flow_takes_from_there_is_read(rig: Rig) -> None:
    watching = Watching(rig, "product=to_sparklayer price=to_sparklayer order=to_sparklayer stock=to_sparklayer")
    for _ in range(10):
        await watching.after(300)
    assert watching.calls() == []


async def test_the_older_order_interface_has_no_list(rig: Rig) -> None:
    place_order(rig.site, "cart-1")
    watching = Watching(rig, "order=both", **{"orders.api": "orders_v1"})
    assert await watching.after(300) == []
    assert watching.calls() == []
    with pytest.raises(UserFault, match=r"orders\.api=orders_v1: the older interface has no list"):
        require_consistent_flows(watching.settings)


async def test_a_full_sync_reads_every_kind_or_those_that_are_named(rig: Rig) -> None:
    await _priced(rig, ROPE="10")
    await rig.client().customer_groups.create("ct-4", "Trade", "base")
    place_order(rig.site, "cart-1")
    watching = Watching(rig, "price=to_sparkpay order=to_sparkpay customer_group=to_sparkpay")
    counts: dict[str, int] = {}

    async def progress(**added: int) -> None:
        counts.update({name: counts.get(name, 0) + number for name, number in added.items()})

    await watching.watch.full_sync("run-1", progress, force=True, only=frozenset({"customer-group"}))
    assert keys(watching.outlet.take()) == ["customer-group ct-4"]
    told = await watching.watch.full_sync("run-2", progress, force=True)
    assert sorted(keys(watching.outlet.take())) == ["customer-group ct-4", "order sparklayer:cart-1", "price ROPE"]
    assert (told.published, counts["published"]) == (3, 4)
    assert watching.memory.cursors.keys() == {"listed:customer-group", "live:price-lists", "live:purchases"}


async def test_catching_up_finds_what_no_date_shows(rig: Rig) -> None:
    await _priced(rig, ROPE="10")
    watching = Watching(rig, "price=both")
    await watching.after(0)
    variant = rig.site.catalogue.variant_by_sku("ROPE")
    assert variant is not None
    rig.site.price_blocks.put(variant["id"], "sp-base-usd", [{"quantity": 1, "price": Decimal(11)}])
    assert (await watching.watch.catch_up()).published == 1


async def test_a_kind_in_trouble_holds_up_no_other(rig: Rig) -> None:
    place_order(rig.site, "cart-1")
    watching = Watching(rig, "price=both order=both")
    rig.faults.add(FaultRule("status", path="/api/v2/price-lists", times=None))
    with pytest.raises(TargetIll):
        await watching.watch.steps["price"]()
    assert await watching.watch.steps["order"]() > 0
    assert keys(watching.outlet.take()) == ["order sparklayer:cart-1"]
    assert watching.watch.steps.keys() == {"price", "order", "late-orders"}


async def test_where_both_sides_edit_what_was_there_before_anybody_looked_is_nobodys_edit(rig: Rig) -> None:
    await _priced(rig, ROPE="10", BOLT="2")
    client = rig.client()
    for group in ("ct-4", "vip"):
        await client.customer_groups.create(group, "Trade", "base")
    await client.stock.update([{"sku": "ROPE", "stock_location_external_id": "default", "stock_level": 5}])
    watching = Watching(rig, "price=both stock=both customer_group=both")
    watching.known.all_skus = ["BOLT", "ROPE"]
    assert keys(await watching.after(0)) == ["customer-group vip"], "the other is a customer type"
    rig.clock.advance(10)
    await _set(rig, "sp-ct-4-usd", ROPE="9")
    await client.customer_groups.change("ct-4", "Trade customers", "base")
    await client.stock.update(
        [{"sku": sku, "stock_location_external_id": "default", "stock_level": 3} for sku in ("ROPE", "BOLT")]
    )
    edits = await watching.after(300)
    assert sorted(keys(edits)) == ["customer-group ct-4", "price ROPE", "stock BOLT", "stock ROPE"]
    assert all(event.time.year == 2026 for event in edits)
    await watching.watch.full_sync("run-1", force=True)
    repeated = {f"{entity_name(event)} {event.data.key}": event.time.year for event in watching.outlet.take()}
    assert repeated["price BOLT"] == 1970, "what nobody changed is older than any edit of the other side"
    assert repeated["price ROPE"] == 2026


async def test_a_full_sync_does_not_repeat_what_a_shop_has_taken(rig: Rig) -> None:
    place_order(rig.site, "cart-1")
    take_order(rig.site, "cart-1", "9")
    place_order(rig.site, "cart-2")
    watching = Watching(rig, "order=both")
    assert keys(await watching.after(0)) == ["order sparklayer:cart-2"]
    await watching.watch.full_sync("run-1", force=True)
    assert keys(watching.outlet.take()) == ["order sparklayer:cart-2"]
