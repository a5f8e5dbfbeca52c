"""Faults of data that a merchant's catalogue may have, inserted on demand."""

from __future__ import annotations

from decimal import Decimal

from connector.sandbox.sparkpay.store import SparkPayStore


def add_duplicate_sku(store: SparkPayStore, *, product_id: int | None = None) -> tuple[int, int]:
    """Add a product with the SKU of another one: of `product_id`, else of the first that has its own.

    Returns the ids of the older and the new product. Raises ValueError when there is no SKU to repeat.
    """
    for row in store.tables["products"]:
        wanted = row["id"] == product_id if product_id is not None else not row.get("use_variant_inventory")
        if wanted and row.get("item_number"):
            holder = row["id"]
            return holder, _add(store, "Copied Item", item_number=row["item_number"])
    raise ValueError(f"there is no SKU to repeat (product {product_id})")


def add_product_without_sku(store: SparkPayStore) -> int:
    """Add a plain product whose item number is blank; returns its id."""
    return _add(store, "Item Without Number", item_number="")


def add_unacceptable_price(store: SparkPayStore, *, price: Decimal = Decimal("10000000.00")) -> int:
    """Add a product with a SKU of its own at a price that SparkLayer refuses; returns its id."""
    number = store.tables["products"].next_id()
    return _add(store, "Priceless Item", item_number=f"PRICELESS-{number}", price=price)


def _add(store: SparkPayStore, name: str, **fields: object) -> int:
    values: dict[str, object] = {
        "item_name": f"{name} {store.tables['products'].next_id()}",
        "price": Decimal("19.95"),
        "product_status_id": _first(store, "product_statuses"),
        "primary_category_id": _first(store, "categories"),
        "quantity_on_hand": 5,
    }
    return store.add("products", {**values, **fields})


def _first(store: SparkPayStore, resource: str) -> object:
    return next((row["id"] for row in store.tables[resource]), 0)
