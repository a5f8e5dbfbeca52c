"""Custom fields of products: read where somebody needs them, and nowhere else."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from connector.choice import Choice
from contracts.entities import Product
from contracts.events import Event
from tests.fakes.sparkpay_shop import Shop, open_shop, synced

RULES = "[to_sparklayer.product.compute]\ntitle = 'first(attributes[\"B2B name\"], title)'\n"
NO_PEOPLE = {"flow.customer": "off", "flow.customer_group": "off", "flow.order": "off"}


@asynccontextmanager
async def shop_with_fields(values: Mapping[str, str]) -> AsyncIterator[Shop]:
    async with open_shop(values={**NO_PEOPLE, **values}) as shop:
        shop.store.insert("custom_fields", name="Elsewhere", resource_type="Orders")
        field = shop.store.insert("custom_fields", name="B2B name", resource_type="Products")["id"]
        for number in range(3):
            shop.product(item_number=f"A-{number}")
        shop.store.insert("custom_field_values", custom_field_id=field, resource_id=2, value="Trade rope")
        shop.store.insert("custom_field_values", custom_field_id=1, resource_id=1, value="of order 1, not of product 1")
        shop.clock.advance(600)
        yield shop


def attributes(events: list[Event]) -> dict[str, Mapping[str, str] | None]:
    return {event.data.key: event.data.attributes for event in events if isinstance(event.data, Product)}


async def test_without_need_they_are_neither_read_nor_told() -> None:
    async with shop_with_fields({}) as shop:
        await shop.poller().full_sync("run-1")
        assert set(attributes(shop.outlet.take()).values()) == {None}
        assert not [path for path in shop.wire.paths if path.startswith("custom_")]


@pytest.mark.parametrize("values", [{"products.custom_fields": "true"}, {"mapping.rules": RULES}])
async def test_a_full_sync_tells_them_for_two_more_calls(values: Mapping[str, str]) -> None:
    async with shop_with_fields(values) as shop:
        await shop.poller().full_sync("run-1")
        told = attributes(shop.outlet.take())
        assert told == {"sparkpay:1": {}, "sparkpay:2": {"B2B name": "Trade rope"}, "sparkpay:3": {}}
        assert shop.wire.count("custom_fields") == 1
        assert shop.wire.count("custom_field_values") == 1


async def test_a_change_of_a_value_alone_is_seen_by_the_next_look() -> None:
    async with shop_with_fields({"mapping.rules": RULES}) as shop:
        poller = await synced(shop)
        shop.store.update("custom_field_values", 1, value="Strong rope")
        shop.clock.advance(5)
        await poller.poll_once()
        assert attributes(shop.outlet.take()) == {"sparkpay:2": {"B2B name": "Strong rope"}}


async def test_single_products_are_read_with_them() -> None:
    async with shop_with_fields({"mapping.rules": RULES}) as shop:
        await shop.poller().sync_chosen("run-1", Choice(ids=(2,)))
        assert attributes(shop.outlet.take()) == {"sparkpay:2": {"B2B name": "Trade rope"}}


async def test_a_rule_that_only_sets_them_reads_none() -> None:
    rules = "[to_sparkpay.product.compute]\n'attributes[\"B2B name\"]' = 'title'\n"
    async with shop_with_fields({"mapping.rules": rules}) as shop:
        assert not shop.settings.reads_product_fields
