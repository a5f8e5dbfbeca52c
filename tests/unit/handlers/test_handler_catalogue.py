"""A whole simulated catalogue through mapping and handlers: nothing is lost, and the calls are the least possible."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from connector.sandbox.sparkpay import CatalogueShape, SparkPayStore, fill_catalogue
from connector.sparkpay.bundle import Parent, ProductBundle, ReferenceData
from connector.sparkpay.mapping import price_entities, product_entity, stock_entities
from contracts.entities import Availability, Price, Product, Stock
from handlers.outcome import Applied
from tests.support.handler_desk import NOW, Desk


def bundles_of(store: SparkPayStore, store_id: int) -> tuple[list[ProductBundle], ReferenceData]:
    """Everything that the store holds, joined without its API."""
    children: dict[str, dict[int, list[Any]]] = {}
    for resource in ("product_variants", "variant_inventory", "product_pricing", "product_pictures"):
        children[resource] = defaultdict(list)
        for row in store.rows(resource):
            children[resource][int(str(row["product_id"]))].append(row)

    def by_id(resource: str) -> dict[int, Any]:
        return {int(str(row["id"])): row for row in store.rows(resource)}

    options = by_id("product_variants")
    for rows in children["variant_inventory"].values():
        rows[:] = [{**row, "variants": [options[id_] for id_ in row["variants"]]} for row in rows]

    def joined(row: Any) -> ProductBundle:
        id_ = row["id"]
        return ProductBundle(
            product=row,
            options=tuple(children["product_variants"][id_]),
            combinations=tuple(children["variant_inventory"][id_]),
            prices=tuple(children["product_pricing"][id_]),
            pictures=tuple(children["product_pictures"][id_]),
        )

    reference = ReferenceData(
        store_id=store_id,
        image_base="https://shop.example",
        variant_groups=by_id("variant_groups"),
        product_statuses=by_id("product_statuses"),
        customer_types=by_id("customer_types"),
        warehouses=by_id("warehouses"),
    )
    return [joined(row) for row in store.rows("products")], reference


def mapped(desk: Desk, bundles: list[ProductBundle], reference: ReferenceData) -> Iterator[Product | Price | Stock]:
    for bundle in bundles:
        product = product_entity(bundle, reference, desk.settings)
        if product is not None:
            yield product
        yield from price_entities(bundle, reference, desk.settings, NOW)
        yield from stock_entities(bundle, reference, desk.settings)


async def everything(desk: Desk, entities: list[Product | Price | Stock]) -> list[Applied]:
    done: list[Applied] = []
    for kind, size in ((Product, 100), (Price, 1000), (Stock, 1000)):
        rows = [entity for entity in entities if isinstance(entity, kind)]
        for at in range(0, len(rows), size):
            outcomes = await desk.apply(*rows[at : at + size])
            assert [outcome for outcome in outcomes if not isinstance(outcome, Applied)] == []
            done += [outcome for outcome in outcomes if isinstance(outcome, Applied)]
    return done


async def test_a_catalogue_arrives_whole() -> None:
    store = SparkPayStore(clock=lambda: datetime(2026, 4, 1, tzinfo=UTC))
    facts = fill_catalogue(store, CatalogueShape(products=300, skus_at_least=900), seed=3)
    desk = Desk(b2b__customer_type_ids="all", stock__mode="per_warehouse")
    bundles, reference = bundles_of(store, facts.store_id)
    entities = list(mapped(desk, bundles, reference))
    products = [entity for entity in entities if isinstance(entity, Product)]
    prices = [entity for entity in entities if isinstance(entity, Price)]
    assert len(prices) == len({price.sku for price in prices})
    await everything(desk, entities)
    calls = desk.calls()
    writes = [call for call in calls if not call.startswith("GET")]
    lists = 1 + len(facts.customer_type_ids)
    rows = len(prices) * lists
    assert calls.count("POST /api/v1/products") == len(products)
    assert calls.count("PATCH /api/v1/products/{id}") == 0
    assert calls.count("PATCH /api/v1/batch-update-pricing") <= -(-rows // 1000) + 1
    assert len(writes) <= 1.02 * len(products) + 0.02 * len(prices) + lists + 2
    again = await everything(desk, entities)
    assert all(outcome.unchanged for outcome in again)
    assert desk.calls() == []
    for product in products:
        shown = desk.site.product(product.key.partition(":")[2])
        assert shown is not None
        assert shown["title"] == product.title
        status = {
            Availability.ACTIVE: "live",
            Availability.HIDDEN: "suspended",
            Availability.DISCONTINUED: "discontinued",
        }
        sent = {variant.sku: status[variant.status] for variant in product.variants if variant.sku}
        assert {variant["sku"]: variant["status"] for variant in shown["variants"]} == sent
    for price in prices:
        expected = {
            f"sp-{item.list}-usd": {row.from_quantity: row.amount for row in item.rows if _valid(row)}
            for item in price.lists
        }
        assert {
            slug: {row["quantity"]: row["price"] for row in found}
            for slug, found in desk.site.prices(price.sku).items()
        } == {slug: breaks for slug, breaks in expected.items() if breaks}
    for stock in (entity for entity in entities if isinstance(entity, Stock)):
        (level,) = stock.levels
        expected_level = 999_999 if level.unlimited else max(0, level.level)
        shown_levels = {place: row["stock_level"] for place, row in desk.site.stock(stock.sku).items()}
        assert shown_levels.pop(level.location) == expected_level
        assert not any(shown_levels.values())
    await desk.client.aclose()


def _valid(row: Any) -> bool:
    return (row.valid_from is None or row.valid_from <= NOW) and (row.valid_until is None or row.valid_until > NOW)


def test_children_of_families_can_take_prices_from_their_head() -> None:
    head = {"id": 1, "item_name": "Kit", "item_number": "K", "price": 50}
    child = {"id": 2, "item_number": "C", "is_child_product": True, "use_pricing_from_parent": True, "price": 0}
    desk_settings = Desk().settings
    bundle = ProductBundle(child, parent=Parent(head))
    (price,) = price_entities(bundle, ReferenceData(1, "https://x"), desk_settings, NOW)
    assert price.lists[0].rows[0].amount == 50
