"""A small shop written out by hand, and what SparkLayer should hold of it according to the mapping's rules."""

from datetime import UTC, datetime
from typing import Any

from connector.demo.oracle import OracleSettings, differences

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SETTINGS = OracleSettings(currency="USD")


def shop(**changes: Any) -> dict[str, list[dict[str, Any]]]:
    """One plain product with a price for one customer type; a key such as `products` replaces that table."""
    tables: dict[str, list[dict[str, Any]]] = {
        "stores": [{"id": 1, "domain_name": "trade.example.com"}],
        "customer_types": [{"id": 3, "name": "Dealer"}],
        "product_statuses": [
            {"id": 1, "name": "In Stock"},
            {"id": 2, "name": "Sold Out", "is_unavailable": True},
            {"id": 3, "name": "Season", "is_unavailable": True},
            {"id": 4, "name": "Later", "is_back_ordered": True},
        ],
        "inventory_settings": [{"id": 1, "track_inventory": True, "out_of_stock_product_status_id": 2}],
        "warehouses": [{"id": 1, "name": "Main", "is_default": True}, {"id": 2, "name": "Reno", "is_default": False}],
        "variant_groups": [{"id": 1, "name": "Color"}, {"id": 2, "name": "Size", "sort_order": 1}],
        "products": [product()],
        "product_pricing": [price(customer_type_id=3, price="8.5")],
        "product_pictures": [{"id": 1, "product_id": 7, "image_file": "/i/7.jpg", "is_primary": True}],
    }
    return {**tables, **changes}


def product(**changes: Any) -> dict[str, Any]:
    row = {
        "id": 7,
        "item_number": "BOLT",
        "item_name": " Bolt \r\n M8 ",
        "url_rewrite": "https://trade.example.com/bolt-m8.aspx?src=1",
        "price": "10.00",
        "retail": "12.5",
        "product_status_id": 1,
        "quantity_on_hand": 40,
        "weight": "2",
        "weight_unit": "Lbs",
        "minimum_quantity": 6,
        "maximum_quantity": 0,
        "quantity_increment": 6,
        "warehouse_id": 2,
        "eta_date": "",
    }
    return {**row, **changes}


def price(**changes: Any) -> dict[str, Any]:
    row = {"id": 1, "product_id": 7, "starting_quantity": 1, "price": "8", "start_date": None, "end_date": ""}
    return {**row, **changes}


def site(**changes: Any) -> dict[str, Any]:
    """What SparkLayer should hold of `shop()`."""
    tables: dict[str, Any] = {
        "products": [{"external_id": "7", "title": "Bolt M8", "slug": "bolt-m8.aspx", "variants": [variant()]}],
        "stock_locations": [{"id": "sl_1", "external_id": "default", "name": "Default"}],
        "stock": {"BOLT": {"default": level()}},
        "price_lists": [
            {"slug": "sp-base-usd", "name": "Base", "currency_code": "usd", "source": "integration"},
            {"slug": "sp-ct-3-usd", "name": "Dealer", "currency_code": "usd", "source": "integration"},
        ],
        "prices": {"BOLT": {"sp-base-usd": [one("10")], "sp-ct-3-usd": [one("8.50")]}},
    }
    return {**tables, **changes}


def variant(**changes: Any) -> dict[str, Any]:
    row = {
        "external_id": "p-7",
        "sku": "BOLT",
        "status": "live",
        "position": 1,
        "options": [],
        "weight_in_grams": "907.185",
        "cart_image_url": "https://trade.example.com/i/7.jpg",
        "rrp": [{"value": "12.50", "currency_code": "usd"}],
        "settings": [{"customer_group": "base", "pack_size": 6, "min_order_quantity": 6, "max_order_quantity": None}],
    }
    return {**row, **changes}


def level(**changes: Any) -> dict[str, Any]:
    return {"stock_level": 40, "min_stock_level": 0, "restock_date": None, **changes}


def one(amount: str, quantity: int = 1) -> dict[str, Any]:
    return {"quantity": quantity, "price": amount}


def found(store: Any, there: Any, **more: Any) -> list[tuple[str, str, str]]:
    more.setdefault("settings", SETTINGS)
    return [(each.entity, each.key, each.field) for each in differences(store, there, now=NOW, **more)]


def with_variant(**changes: Any) -> dict[str, Any]:
    there = site()
    there["products"][0]["variants"] = [variant(**changes)]
    return there


def with_prices(**lists: list[dict[str, Any]]) -> dict[str, Any]:
    return site(prices={"BOLT": {slug.replace("_", "-"): rows for slug, rows in lists.items()}})


def rows_of_variants() -> tuple[dict[str, Any], dict[str, Any]]:
    """A product with two SKUs, as the shop and as SparkLayer have it."""
    options = [
        {
            "id": 5,
            "product_id": 7,
            "variant_group_id": 1,
            "description": "Red",
            "sort_order": 2,
            "weight": "1",
            "weight_type": "+",
        },
        {"id": 6, "product_id": 7, "variant_group_id": 1, "description": "Blue", "sort_order": 1},
    ]
    combinations = [
        {"id": 50, "product_id": 7, "item_number": "BOLT-R", "inventory": 4, "variants": [5], "retail": None},
        {
            "id": 51,
            "product_id": 7,
            "item_number": "BOLT-B",
            "inventory": 5,
            "variants": [6],
            "weight": "3",
            "retail": "20",
        }
        | {"product_status_id": 3, "variant_inventory_image": "/i/blue.jpg"},
    ]
    store = shop(products=[product(use_variant_inventory=True, item_number="")], product_variants=options)
    store |= {"variant_inventory": combinations, "product_pricing": [price(variant_inventory_id=50, price="6")]}
    red = variant(external_id="vi-50", sku="BOLT-R", weight_in_grams="1360.777", position=2)
    blue = variant(external_id="vi-51", sku="BOLT-B", weight_in_grams="1360.777", position=1, status="suspended")
    blue |= {"rrp": [{"value": 20, "currency_code": "USD"}], "cart_image_url": "https://trade.example.com/i/blue.jpg"}
    there = site(
        prices={
            sku: {"sp-base-usd": [one(amount)], "sp-ct-3-usd": [one(amount)]}
            for sku, amount in (("BOLT-R", "6"), ("BOLT-B", "10"))
        },
        stock={"BOLT-R": {"default": level(stock_level=4)}, "BOLT-B": {"default": level(stock_level=5)}},
    )
    there["products"][0]["variants"] = [
        red | {"options": [{"group": "Color", "value": "Red"}]},
        blue | {"options": [{"group": "Color", "value": "Blue"}]},
    ]
    return store, there
