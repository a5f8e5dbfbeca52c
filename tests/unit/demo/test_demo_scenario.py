"""The demo's merchant: the same one every time, and each act changes exactly what it says."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import pytest
from mirrored_site import bundles, reference

from connector.demo import scenario
from connector.demo.scenario import Change, Facts
from connector.sandbox.sparkpay import CatalogueShape, SparkPayStore
from connector.settings import ConnectionSettings
from connector.sparkpay.mapping import price_entities, product_entity, stock_entities

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CONNECTION = ConnectionSettings().with_values({"b2b.customer_type_ids": "all", "store.timezone": "America/Chicago"})
SMALL = CatalogueShape(products=160, skus_at_least=480)
Act = Callable[[SparkPayStore, Facts], list[Change]]


def opened(shape: CatalogueShape = SMALL) -> tuple[SparkPayStore, Facts]:
    store = SparkPayStore(clock=lambda: NOW)
    return store, scenario.prepare(store, shape)


def entities(store: SparkPayStore) -> dict[tuple[str, str], str]:
    """Everything that the mapping makes of the shop, as JSON by kind and key."""
    dump = store.dump()
    known = reference(dump)
    found: dict[tuple[str, str], str] = {}
    for bundle in bundles(dump):
        product = product_entity(bundle, known, CONNECTION)
        if product is not None:
            found["product", product.key] = product.model_dump_json()
        for price in price_entities(bundle, known, CONNECTION, NOW):
            found.setdefault(("price", price.sku), price.model_dump_json())
        for stock in stock_entities(bundle, known, CONNECTION):
            found.setdefault(("stock", stock.sku), stock.model_dump_json())
    return found


def test_the_shop_of_the_demo_is_as_large_as_promised() -> None:
    store, facts = opened(scenario.SHAPE)
    assert len(store.rows("products")) == scenario.SHAPE.products + 3 >= 503
    assert facts.catalogue.sku_count >= 1500
    assert len(store.rows("customer_types")) == 4
    assert len(store.rows("warehouses")) == 2
    assert store.get("products", facts.without_sku)["item_number"] == ""  # type: ignore[index]
    twice = [store.get("products", id_)["item_number"] for id_ in (facts.sku_holder, facts.duplicate_sku)]  # type: ignore[index]
    assert twice[0] == twice[1] != ""
    assert facts.sku_holder < facts.duplicate_sku
    assert store.get("products", facts.unacceptable_price)["price"] >= 10_000_000  # type: ignore[index,operator]
    assert len(facts.renamed) == len(scenario.TITLES)
    assert facts.deleted
    assert facts.switched_off


def test_no_two_acts_touch_the_same_product() -> None:
    _, facts = opened()
    acts = (facts.priced, facts.repriced_for_types, facts.stocked, facts.renamed, facts.switched_off, facts.deleted)
    defects = (facts.sku_holder, facts.duplicate_sku, facts.without_sku, facts.unacceptable_price)
    ids = [id_ for act in (*acts, defects) for id_ in act]
    assert len(ids) == len(set(ids))


def test_the_same_seed_gives_the_same_show() -> None:
    shows = []
    for _ in range(2):
        store, facts = opened()
        changes = [
            change
            for act in (
                scenario.edit_prices,
                scenario.edit_stock,
                scenario.rename_products,
                scenario.switch_off,
                scenario.delete,
            )
            for change in act(store, facts)
        ]
        shows.append((facts, changes, json.dumps(store.dump())))
    assert shows[0] == shows[1]


@pytest.mark.parametrize(
    "act",
    [scenario.edit_prices, scenario.edit_stock, scenario.rename_products, scenario.switch_off, scenario.delete],
)
def test_an_act_changes_what_it_says_and_nothing_else(act: Act) -> None:
    store, facts = opened()
    before = entities(store)
    changes = act(store, facts)
    after = entities(store)
    differ = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert {(change.entity, change.key) for change in changes} == differ
    assert len(changes) == len(differ)
    assert all(change.words for change in changes)


def test_a_shop_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="too small for the demo"):
        scenario.prepare(SparkPayStore(clock=lambda: NOW), CatalogueShape(products=8, skus_at_least=12))


def test_random_edits_are_repeatable_touch_everything_and_are_often_silent() -> None:
    stories = []
    for _ in range(2):
        store, _ = opened()
        rng = Random(11)
        stories.append([scenario.random_edit(store, rng, conflicts=True) for _ in range(400)])
    assert stories[0] == stories[1]
    text = "\n".join(stories[0])
    assert all(word in text for word in ("deleted", "added", "moves from", "item_number", "price", "(silently)"))


def test_without_conflicts_no_sku_is_sold_twice() -> None:
    store, facts = opened()
    store.delete("products", facts.duplicate_sku)
    rng = Random(12)
    for _ in range(300):
        scenario.random_edit(store, rng)
    dump = store.dump()
    known = reference(dump)
    skus = [s.sku for bundle in bundles(dump) for s in stock_entities(bundle, known, CONNECTION)]
    assert len(skus) == len(set(skus))


def test_an_empty_shop_gets_its_first_product() -> None:
    store = SparkPayStore(clock=lambda: NOW)
    words = [scenario.random_edit(store, Random(seed)) for seed in range(3)]
    assert any("added as" in each for each in words)
    assert store.rows("products")
