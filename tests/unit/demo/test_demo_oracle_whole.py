"""The judge over whole catalogues: it agrees with the mapping, and notices each single thing that is then spoilt."""

import ast
import copy
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from mirrored_site import mirrored

from connector.demo import oracle
from connector.demo.oracle import OracleSettings, compare, differences
from connector.demo.random_edits import random_edit
from connector.sandbox.sparkpay import (
    CatalogueShape,
    SparkPayStore,
    add_duplicate_sku,
    add_product_without_sku,
    fill_catalogue,
)
from connector.settings import ConnectionSettings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CONNECTION = ConnectionSettings().with_values(
    {"b2b.customer_type_ids": "all", "store.timezone": "America/Chicago", "stock.mode": "per_warehouse"}
)
SETTINGS = OracleSettings(stock_mode="per_warehouse")


def filled(seed: int, products: int = 80) -> SparkPayStore:
    store = SparkPayStore(clock=lambda: NOW)
    fill_catalogue(store, CatalogueShape(products=products, skus_at_least=products * 3), seed)
    return store


def test_a_whole_catalogue_with_mistakes_in_it_agrees_with_the_mapping() -> None:
    store = filled(3, products=200)
    add_duplicate_sku(store)
    add_product_without_sku(store)
    dump = store.dump()
    result = compare(dump, mirrored(dump, CONNECTION, NOW), settings=SETTINGS, now=NOW)
    assert result.differences == ()
    assert result.entities["product"] == 202
    assert result.fields_compared > 8_000


@pytest.mark.parametrize("seed", range(6))
def test_it_agrees_after_hundreds_of_random_edits(seed: int) -> None:
    store, rng = filled(seed), Random(seed)
    done = [random_edit(store, rng, conflicts=seed % 2 == 1) for _ in range(300)]
    dump = store.dump()
    assert differences(dump, mirrored(dump, CONNECTION, NOW), settings=SETTINGS, now=NOW) == [], done


def spoil(site: dict[str, Any], rng: Random) -> str:
    """Changes one value of one thing that the shop explains; says which."""
    kind = rng.choice(("title", "slug", "variant", "gone", "price", "break", "stock", "list", "extra"))
    product = rng.choice(site["products"])
    variant = rng.choice(product["variants"])
    priced = rng.choice([sku for sku, lists in site["prices"].items() if lists])
    blocks = site["prices"][priced]
    slug = rng.choice(sorted(blocks))
    level = rng.choice(list(rng.choice(list(site["stock"].values())).values()))
    match kind:
        case "title" | "slug":
            product[kind] += "x"
        case "variant":
            kind = rng.choice(("sku", "status", "weight_in_grams", "cart_image_url", "options", "rrp", "settings"))
            other: dict[str, Any] = {
                "weight_in_grams": 1,
                "options": [{"group": "Color", "value": "None"}],
                "rrp": [{"value": 1, "currency_code": "usd"}],
                "settings": [{"customer_group": "base", "pack_size": 77}],
            }
            variant[kind] = other.get(kind, "x")
        case "gone":
            product["variants"].remove(variant)
        case "price":
            blocks[slug][0] = {**blocks[slug][0], "price": "0.0001"}
        case "break":
            blocks[slug].append({"quantity": 9999, "price": "1"})
        case "list":
            del blocks[slug]
        case "stock":
            kind = rng.choice(("stock_level", "min_stock_level", "restock_date"))
            level[kind] = {"stock_level": 123_456, "min_stock_level": -1, "restock_date": "2031-01-01"}[kind]
        case "extra":
            product["variants"].append({**variant, "external_id": "vi-999999", "sku": "EXTRA", "position": 999})
    return kind


def test_each_thing_that_is_spoilt_is_noticed() -> None:
    dump = filled(5, products=30).dump()
    right = mirrored(dump, CONNECTION, NOW)
    rng = Random(5)
    for _ in range(60):
        site = copy.deepcopy(right)
        what = spoil(site, rng)
        assert differences(dump, site, settings=SETTINGS, now=NOW), what


def test_an_edit_that_sparklayer_never_heard_of_is_noticed() -> None:
    store = filled(6, products=30)
    before = mirrored(store.dump(), CONNECTION, NOW)
    for row in store.rows("products")[:20]:
        old = {name: row[name] for name in ("item_name", "quantity_on_hand", "weight", "is_hidden")}
        store.update(
            "products", row["id"], touch=False, item_name="Not told", quantity_on_hand=7_777, weight=8, is_hidden=1
        )  # type: ignore[arg-type]
        told = differences(store.dump(), before, settings=SETTINGS, now=NOW)
        store.update("products", row["id"], touch=False, **old)  # type: ignore[arg-type]
        heading = row.get("child_products") and not row["price"]
        assert bool(told) != bool(heading), row["id"]


def test_the_oracle_imports_nothing_but_itself_the_standard_library_and_the_list_of_countries() -> None:
    files = sorted(Path(oracle.__file__).parent.glob("**/*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file.name}: a relative import can lead anywhere"
                names = [node.module or ""]
            for name in names:
                own = name == "connector.demo.oracle" or name.startswith("connector.demo.oracle.")
                free = name == "pycountry" or name.split(".")[0] in sys.stdlib_module_names
                assert own or free, f"{file.name} imports {name}"
                assert name != "importlib", f"{file.name} could import anything"
