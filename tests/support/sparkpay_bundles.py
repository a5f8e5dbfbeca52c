"""Spark Pay rows of the vendor's shapes with values of our own, and bundles made of them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connector.sparkpay.bundle import Parent, ProductBundle, ReferenceData

STATUSES = {
    1: {"id": 1, "name": "On the shelf", "is_unavailable": False, "is_hidden": False, "is_back_ordered": False},
    2: {"id": 2, "name": "Sold out", "is_unavailable": True, "is_hidden": False, "is_back_ordered": False},
    3: {"id": 3, "name": "Withdrawn", "is_unavailable": True, "is_hidden": False, "is_back_ordered": False},
    4: {"id": 4, "name": "Unlisted", "is_unavailable": False, "is_hidden": True, "is_back_ordered": False},
    5: {"id": 5, "name": "On order", "is_unavailable": False, "is_hidden": False, "is_back_ordered": True},
}
GROUPS = {
    10: {"id": 10, "name": "Colour", "sort_order": 1, "is_hidden": False, "is_non_inventory": False},
    11: {"id": 11, "name": "Length", "sort_order": 2, "is_hidden": False, "is_non_inventory": False},
    12: {"id": 12, "name": "Engraving", "sort_order": 3, "is_hidden": False, "is_non_inventory": True},
}
TYPES = {
    7: {"id": 7, "name": "Dealers", "customer_level": 1},
    9: {"id": 9, "name": "Schools", "customer_level": 2},
}
WAREHOUSES = {
    1: {"id": 1, "name": "Main hall", "is_default": True},
    2: {"id": 2, "name": "Harbour", "is_default": False},
}
SHOP = {"track_inventory": True, "out_of_stock_product_status_id": 2, "in_stock_product_status_id": 1}


def known(**changes: Any) -> ReferenceData:
    """The slow data of a store."""
    facts: dict[str, Any] = {
        "store_id": 60,
        "image_base": "https://shop.example",
        "variant_groups": GROUPS,
        "product_statuses": STATUSES,
        "customer_types": TYPES,
        "warehouses": WAREHOUSES,
        "inventory_settings": SHOP,
    }
    return ReferenceData(**{**facts, **changes})


def product(**changes: Any) -> dict[str, Any]:
    """A row of `products`, with the API's own empty forms."""
    row: dict[str, Any] = {
        "id": 501,
        "item_number": "ROPE-60",
        "item_name": "Trail Rope 60 m",
        "price": Decimal("100.0000"),
        "cost": 0,
        "retail": 0,
        "product_status_id": 1,
        "quantity_on_hand": 14,
        "minimum_quantity": 0,
        "maximum_quantity": 0,
        "quantity_increment": 1,
        "is_hidden": 0,
        "is_discontinued": False,
        "is_subscription_product": False,
        "is_non_inventory": False,
        "use_variant_inventory": False,
        "use_pricing_from_parent": False,
        "is_child_product": False,
        "call_for_pricing": 0,
        "weight": 2,
        "weight_unit": "Lbs",
        "warehouse_id": 0,
        "eta_date": None,
        "url_rewrite": "",
        "gtin": "",
    }
    return {**row, **changes}


def option(id_: int, group: int, value: str, **changes: Any) -> dict[str, Any]:
    """A row of `product_variants`."""
    row: dict[str, Any] = {
        "id": id_,
        "product_id": 501,
        "variant_group_id": group,
        "description": value,
        "price_adjustment": 0,
        "price_adjustment_type": "",
        "sort_order": 0,
        "item_number_extension": "",
        "item_number_sort_order": 0,
        "is_hidden": False,
        "weight": 0,
        "weight_type": "+",
    }
    return {**row, **changes}


def combination(id_: int, sku: str, options: Sequence[Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    """A row of `variant_inventory`."""
    row: dict[str, Any] = {
        "id": id_,
        "product_id": 501,
        "inventory": 5,
        "item_number": sku,
        "product_status_id": 1,
        "weight": 0,
        "retail": None,
        "gtin": "",
        "variant_inventory_image": "",
        "description": "",
        "variants": [dict(row) for row in options],
    }
    return {**row, **changes}


def price_row(id_: int, price: str, **changes: Any) -> dict[str, Any]:
    """A row of `product_pricing`."""
    row: dict[str, Any] = {
        "id": id_,
        "product_id": 501,
        "store_id": None,
        "customer_type_id": None,
        "variant_inventory_id": None,
        "variant_id": None,
        "variant_price_surcharge": "",
        "sale_type_id": None,
        "start_date": "",
        "end_date": None,
        "starting_quantity": 1,
        "price": Decimal(price),
        "price_calculation_id": None,
    }
    return {**row, **changes}


def bundle(row: Mapping[str, Any] | None = None, **parts: Any) -> ProductBundle:
    """A product with its children; lists become tuples."""
    fixed: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in parts.items()}
    return ProductBundle(product=row if row is not None else product(), **fixed)


def child_of(head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = (), **changes: Any) -> ProductBundle:
    """A child that takes its prices from the head of its family."""
    row = product(is_child_product=True, use_pricing_from_parent=True, price=0, **changes)
    return ProductBundle(product=row, parent=Parent(head, tuple(rows)))
