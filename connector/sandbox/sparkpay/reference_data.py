"""The slow tables of a generated store: statuses, customer types, warehouses, categories, option groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from connector.sandbox.sparkpay.shape import CatalogueShape
from connector.sandbox.sparkpay.store import SETTINGS_ID, SparkPayStore

_TYPES = (
    "Wholesale",
    "Dealer",
    "Distributor",
    "Contractor",
    "School & Government",
    "Export",
    "Key Account",
    "Employee",
)
_PLACES = (
    ("Reno", "Nevada", "89501"),
    ("Tulsa", "Oklahoma", "74103"),
    ("Dayton", "Ohio", "45402"),
    ("Macon", "Georgia", "31201"),
)
_AISLES = ("Fasteners", "Safety", "Plumbing", "Storage", "Electrical", "Abrasives", "Furniture", "Workwear")
_STATUSES: tuple[tuple[str, dict[str, object]], ...] = (
    ("in_stock", {"name": "In Stock", "time_frame": "Ships in 1-2 days", "show_quantity": True}),
    ("out_of_stock", {"name": "Sold Out", "is_unavailable": True}),
    ("back_ordered", {"name": "On Backorder", "is_back_ordered": True, "time_frame": "3-4 weeks"}),
    ("discontinued", {"name": "No Longer Made", "is_unavailable": True}),
    ("unavailable", {"name": "Seasonal Item", "is_unavailable": True}),
    ("hidden", {"name": "Internal", "is_hidden": True}),
)


@dataclass(frozen=True, slots=True)
class Reference:
    """Ids of what products refer to; `statuses` and `group_ids` by their short names."""

    store_id: int
    statuses: Mapping[str, int]
    customer_type_ids: tuple[int, ...]
    warehouse_ids: tuple[int, ...]
    category_ids: tuple[int, ...]
    manufacturer_ids: tuple[int, ...]
    group_ids: Mapping[str, int]


def add_reference_data(store: SparkPayStore, shape: CatalogueShape, random: Random) -> Reference:
    """Add everything that products refer to."""

    def add(resource: str, **fields: object) -> int:
        return store.add(resource, fields)

    def pick(names: tuple[str, ...], number: int) -> str:
        return names[number] if number < len(names) else f"{names[number % len(names)]} {number // len(names) + 1}"

    statuses = {name: add("product_statuses", **fields) for name, fields in _STATUSES}
    store.update(
        "inventory_settings",
        SETTINGS_ID,
        in_stock_product_status_id=statuses["in_stock"],
        out_of_stock_product_status_id=statuses["out_of_stock"],
        back_order_product_status_id=statuses["back_ordered"],
        discontinued_product_status_id=statuses["discontinued"],
    )
    aisles = _AISLES[: min(len(_AISLES), shape.categories // 2)]
    roots = {name: add("categories", name=name, lookup_path=name) for name in aisles}
    categories = list(roots.values())
    while len(categories) < shape.categories:
        aisle = random.choice(aisles)
        name = f"{aisle} {len(categories) + 1}"
        path = f"{aisle} > {name}"
        categories.append(add("categories", name=name, parent_category_id=roots[aisle], lookup_path=path))
    warehouses = []
    for number in range(shape.warehouses):
        city, state, code = _PLACES[number % len(_PLACES)]
        warehouses.append(
            add(
                "warehouses",
                name=pick(tuple(f"{place[0]} Warehouse" for place in _PLACES), number),
                city=city,
                state=state,
                postal_code=code,
                country="United States",
                is_default=number == 0,
            )
        )
    return Reference(
        store_id=add(
            "stores", name="Trade Counter", domain_name="trade.example.com", country="United States", all_catalog=True
        ),
        statuses=statuses,
        customer_type_ids=tuple(
            add("customer_types", name=pick(_TYPES, number), customer_level=number + 1)
            for number in range(shape.customer_types)
        ),
        warehouse_ids=tuple(warehouses),
        category_ids=tuple(categories),
        manufacturer_ids=tuple(
            add("manufacturers", name=f"Maker {number + 1}") for number in range(max(1, shape.manufacturers))
        ),
        group_ids={
            name: add("variant_groups", name=name, sort_order=number)
            for number, name in enumerate(("Color", "Size", "Length"))
        },
    )
