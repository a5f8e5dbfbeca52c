"""Customer types, warehouses, shipping methods and settings: read as a whole, told where they differ."""

from typing import Any

import pytest

from contracts.entities import CustomerGroup, ShippingMethod, StockLocation
from contracts.events import is_deletion
from tests.fakes.sparkpay_people import Counter, with_people
from tests.fakes.sparkpay_shop import Shop, open_shop, told

FLOWS = {
    "flow.customer": "off",
    "flow.order": "off",
    "flow.customer_group": "to_sparklayer",
    "flow.stock_location": "both",
    "flow.shipping_method": "to_sparklayer",
    "flow.setting": "to_sparklayer",
}


def tables(**values: str) -> dict[str, str]:
    return {**with_people(), **FLOWS, **{key.replace("__", "."): value for key, value in values.items()}}


def entity(shop: Shop, kind: str, key: str) -> Any:
    return shop.outlet.newest(kind)[key].data


def with_shipping(shop: Shop) -> int:
    region = shop.store.insert("regions", name="Home", countries=["United States"], states=[], postal_codes=[])
    rule = {"id": 1, "region_id": region["id"], "bound_type": "weight", "lower_bound": 0, "upper_bound": 0, "amount": 5}
    method = shop.store.insert("custom_shipping_methods", name="Van", is_enabled=True, rules=[rule])
    return int(str(method["id"]))


async def test_a_first_sync_asks_for_the_customer_types_once() -> None:
    async with open_shop(products=1, values={"flow.customer_group": "to_sparklayer"}) as shop:
        poller = shop.poller()
        await poller.full_sync("r")
        assert shop.wire.paths.count("customer_types") == 1
        known = await poller.reference.current()
        assert known.customer_types.keys() == {row["id"] for row in shop.store.rows("customer_types")}
        assert shop.wire.paths.count("customer_types") == 1
        await poller.reference.refresh()
        assert shop.wire.paths.count("customer_types") == 2


async def test_a_first_sync_reads_every_small_table_once() -> None:
    every = dict.fromkeys(("product", "price", "stock"), "to_sparklayer")
    async with open_shop(products=1, values=tables(**{f"flow__{kind}": to for kind, to in every.items()})) as shop:
        poller = shop.poller()
        await poller.full_sync("r")
        known = await poller.reference.current()
        for table in (
            "customer_types",
            "warehouses",
            "inventory/settings",
            "custom_shipping_methods",
        ):
            assert shop.wire.paths.count(table) == 1, table
        assert known.warehouses.keys() == {row["id"] for row in shop.store.rows("warehouses")}
        assert known.inventory_settings["track_inventory"] is not None


async def test_a_first_sync_tells_every_table_and_a_look_what_changed() -> None:
    async with open_shop(values=tables(stock__mode="per_warehouse")) as shop:
        method = with_shipping(shop)
        second = int(str(shop.store.insert("warehouses", name="Harbour")["id"]))
        poller = shop.poller()
        await poller.full_sync("r")
        found = told(shop.outlet.events)
        assert ("customer-group", "ct-1") in found
        assert ("stock-location", "default") in found
        assert ("stock-location", f"wh-{second}") in found
        assert ("setting", "track_inventory") in found
        group: CustomerGroup = entity(shop, "customer-group", "ct-1")
        assert (group.name, group.refs) == ("Trade", {"sparkpay": "1"})
        van: ShippingMethod = entity(shop, "shipping-method", f"sp-csm-{method}")
        assert (van.name, van.countries, van.enabled, van.unsupported) == ("Van", ("US",), True, None)
        shop.outlet.take()
        shop.wire.requests.clear()
        assert (await poller.poll_once()).published == 0
        assert sorted(shop.wire.paths) == [
            "custom_shipping_methods",
            "customer_types",
            "inventory/settings",
            "regions",
            "warehouses",
        ]
        shop.store.update("customer_types", 1, name="Trade and craft")
        shop.store.update("warehouses", second, touch=False, name="Old harbour")
        shop.store.delete("custom_shipping_methods", method)
        await poller.poll_once()
        location: StockLocation = entity(shop, "stock-location", f"wh-{second}")
        assert location.name == "Old harbour"
        events = shop.outlet.take()
        assert told(events) == [
            ("customer-group", "ct-1"),
            ("stock-location", f"wh-{second}"),
            ("shipping-method", f"sp-csm-{method}"),
        ]
        assert [is_deletion(event) for event in events] == [False, False, True]


async def test_only_served_types_and_the_one_location_that_stock_has_are_told() -> None:
    async with open_shop(values=tables(b2b__customer_type_ids="1")) as shop:
        shop.store.insert("customer_types", name="Shoppers")
        shop.store.insert("warehouses", name="Harbour")
        await shop.poller().full_sync("r")
        assert list(shop.outlet.newest("customer-group")) == ["ct-1"]
        assert list(shop.outlet.newest("stock-location")) == ["default"]


@pytest.mark.parametrize("kind", ["customer-group", "stock-location", "customer"])
async def test_a_sync_of_one_kind_reads_and_tells_that_kind_alone(kind: str) -> None:
    async with open_shop(values=tables(flow__customer="to_sparklayer", flow__order="to_sparklayer")) as shop:
        counter = Counter(shop)
        counter.order(counter.customer())
        await shop.poller().full_sync("r", only=frozenset({kind}))
        assert {name for name, _ in told(shop.outlet.events)} == {kind}
        assert shop.wire.count("orders") == 0


async def test_tables_are_looked_at_seldom() -> None:
    async with open_shop(values=tables()) as shop:
        poller = shop.poller()
        await poller.full_sync("r")
        shop.wire.requests.clear()
        start = shop.clock.now()
        while (shop.clock.now() - start).total_seconds() < 3000:
            shop.clock.advance(max(await poller.step(), 0.1))
        assert shop.calls <= 5 * (3000 / 300 + 2)
