from collections import Counter
from datetime import datetime
from decimal import Decimal
from itertools import product

import pytest

from connector.sandbox.sparkpay import (
    CatalogueFacts,
    CatalogueShape,
    SparkPayStore,
    add_duplicate_sku,
    add_product_without_sku,
    add_unacceptable_price,
    fill_catalogue,
)


@pytest.fixture
def filled(store: SparkPayStore) -> tuple[SparkPayStore, CatalogueFacts]:
    catalogue = SparkPayStore(clock=store.clock)
    return catalogue, fill_catalogue(catalogue, CatalogueShape(), 7)


def skus(store: SparkPayStore) -> list[str]:
    """Every sellable SKU, as the platform would write it on an order line."""
    options: dict[object, dict[object, list[str]]] = {}
    for row in store.rows("product_variants"):
        options.setdefault(row["product_id"], {}).setdefault(row["variant_group_id"], []).append(
            str(row["item_number_extension"])
        )
    with_stock_rows = {row["product_id"] for row in store.rows("variant_inventory")}
    found = [str(row["item_number"]) for row in store.rows("variant_inventory")]
    for row in store.rows("products"):
        if row["id"] in options and row["id"] not in with_stock_rows:
            found += [str(row["item_number"]) + "".join(parts) for parts in product(*options[row["id"]].values())]
        elif row["id"] not in with_stock_rows:
            found.append(str(row["item_number"]))
    return found


def test_it_is_as_large_as_asked(filled: tuple[SparkPayStore, CatalogueFacts]) -> None:
    store, facts = filled
    assert len(store.rows("products")) == 500
    assert 1500 <= facts.sku_count < 1700
    assert len(skus(store)) == facts.sku_count
    assert (len(facts.customer_type_ids), len(facts.warehouse_ids)) == (4, 2)
    kinds = [facts.plain, facts.with_variants, facts.option_only, facts.kits, facts.children]
    assert sum(map(len, kinds)) == len(set().union(*kinds)) == 500


def test_a_clean_catalogue_has_every_sku_once(filled: tuple[SparkPayStore, CatalogueFacts]) -> None:
    store, facts = filled
    found = Counter(sku.casefold() for sku in skus(store))
    assert "" not in found
    assert max(found.values()) == 1
    assert set(facts.blank_item_number) <= set(facts.with_variants)


def test_it_has_some_of_everything(filled: tuple[SparkPayStore, CatalogueFacts]) -> None:
    store, facts = filled
    assert [name for name, size in facts.counts.items() if not size] == []
    descriptions = [row["description"] for row in store.rows("variant_inventory")]
    assert "" in descriptions
    assert any(str(text).startswith("Color: ") for text in descriptions)
    products = store.rows("products")
    assert {row["weight_unit"] for row in products} == {"Lbs", "Oz", "Kg"}
    assert any("\r\n" in str(row["long_description_1"]) for row in products)
    assert {bool(row["url_rewrite"]) for row in products} == {True, False}
    stamps = Counter(row["updated_at"] for row in products)
    assert stamps.most_common(1)[0][1] > 50
    assert stamps[None] == len(facts.null_updated_at)
    adjustments = {row["price_adjustment_type"] for row in store.rows("product_variants")}
    assert adjustments == {"", "+ dollars", "+ percent"}
    assert all(len(row["child_products"]) == 2 for row in products if row["id"] in facts.kits)


def test_sales_lie_where_the_facts_say(filled: tuple[SparkPayStore, CatalogueFacts]) -> None:
    store, facts = filled
    now = store.clock()
    running = set()
    for row in store.rows("product_pricing"):
        start, end = row["start_date"], row["end_date"]
        if isinstance(start, datetime) and isinstance(end, datetime):
            assert start.astimezone(store.zone).hour == end.astimezone(store.zone).hour == 0
            if start <= now < end:
                running.add(row["product_id"])
    assert running == set(facts.on_sale)


def test_the_same_seed_makes_the_same_catalogue(filled: tuple[SparkPayStore, CatalogueFacts]) -> None:
    store, facts = filled
    again, other = SparkPayStore(clock=store.clock), SparkPayStore(clock=store.clock)
    assert fill_catalogue(again, CatalogueShape(), 7) == facts
    assert again.dump() == store.dump()
    assert fill_catalogue(other, CatalogueShape(), 8) != facts


@pytest.mark.parametrize(("products", "wanted"), [(1, 1), (7, 7), (40, 400), (300, 300)])
def test_other_sizes(store: SparkPayStore, products: int, wanted: int) -> None:
    catalogue = SparkPayStore(clock=store.clock)
    facts = fill_catalogue(
        catalogue, CatalogueShape(products=products, skus_at_least=wanted, customer_types=10, warehouses=1), 1
    )
    assert len(catalogue.rows("products")) == products
    assert len(skus(catalogue)) == facts.sku_count >= wanted
    assert len(catalogue.rows("customer_types")) == 10


def test_impossible_shapes_are_refused(store: SparkPayStore) -> None:
    with pytest.raises(ValueError, match="too many"):
        fill_catalogue(SparkPayStore(clock=store.clock), CatalogueShape(products=10, skus_at_least=100_000), 1)
    with pytest.raises(ValueError, match="exceed"):
        CatalogueShape(with_variants=0.9, option_only=0.2)


def test_defects(filled: tuple[SparkPayStore, CatalogueFacts]) -> None:
    store, facts = filled
    older, newer = add_duplicate_sku(store)
    assert older < newer
    assert (store.get("products", older) or {})["item_number"] == (store.get("products", newer) or {})["item_number"]
    named, _ = add_duplicate_sku(store, product_id=facts.plain[5])
    assert named == facts.plain[5]
    assert (store.get("products", add_product_without_sku(store)) or {})["item_number"] == ""
    assert (store.get("products", add_unacceptable_price(store)) or {})["price"] >= Decimal(10_000_000)
    assert Counter(skus(store)).most_common(1)[0][1] == 2
    with pytest.raises(ValueError, match="no SKU"):
        add_duplicate_sku(SparkPayStore(clock=store.clock))
