"""Everything that Spark Pay says about one product, read together; rows as the API sends them, numbers as Decimal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReferenceData:
    """Slow data of a store, by id; read once and kept for hours."""

    store_id: int
    image_base: str
    variant_groups: Mapping[int, Row] = field(default_factory=dict)
    product_statuses: Mapping[int, Row] = field(default_factory=dict)
    customer_types: Mapping[int, Row] = field(default_factory=dict)
    warehouses: Mapping[int, Row] = field(default_factory=dict)
    inventory_settings: Row = field(default_factory=dict)
    inactive: Mapping[int, tuple[Row, ...]] = field(default_factory=dict)  # product id -> product_inactive_in_store


@dataclass(frozen=True, slots=True)
class Parent:
    """The head of a product family, for children that take their price from it."""

    product: Row
    prices: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductBundle:
    """One product row with all its children.

    `combinations` are `variant_inventory` rows, each with the key `variants` (rows of product_variants) where
    `products.use_variant_inventory` is set. `has_children` says that it heads a family of child products.
    `read_at` is when the oldest of the reads left, by the server's clock, and `read_order` its running number.
    """

    product: Row
    options: tuple[Row, ...] = ()
    combinations: tuple[Row, ...] = ()
    prices: tuple[Row, ...] = ()
    pictures: tuple[Row, ...] = ()
    parent: Parent | None = None
    has_children: bool = False
    read_at: datetime | None = field(default=None, compare=False)
    read_order: int = field(default=0, compare=False)

    @property
    def id(self) -> int:
        """`products.id`."""
        return int(self.product["id"])
