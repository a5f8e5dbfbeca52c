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
    order_statuses: Mapping[int, Row] = field(default_factory=dict)
    regions: Mapping[int, Row] = field(default_factory=dict)
    custom_fields: Mapping[int, Row] = field(default_factory=dict)
    payment_methods: Mapping[int, Row] = field(default_factory=dict)


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
    custom_fields: tuple[Row, ...] | None = None  # rows of name and value; none: not read
    parent: Parent | None = None
    has_children: bool = False
    read_at: datetime | None = field(default=None, compare=False)
    read_order: int = field(default=0, compare=False)

    @property
    def id(self) -> int:
        """`products.id`."""
        return int(self.product["id"])


@dataclass(frozen=True, slots=True)
class CustomerBundle:
    """One customer row with its address book.

    `parent_id` is the customer that a `customer_association` row of the configured type puts above it. `addresses` is
    none where they were not read. `custom_fields` are rows of name and value.
    """

    customer: Row
    addresses: tuple[Row, ...] | None = None
    parent_id: int | None = None
    custom_fields: tuple[Row, ...] = ()

    @property
    def id(self) -> int:
        """`customers.id`."""
        return int(self.customer["id"])


@dataclass(frozen=True, slots=True)
class OrderBundle:
    """One order row with all that belongs to it.

    `shipments` rows carry the key `items` (id of the order item, quantity_shipped) where that was read; `addresses`
    are rows of `order_addresses` by id; `payments` may carry `fields`, the answers to a payment method's questions.
    """

    order: Row
    items: tuple[Row, ...] = ()
    payments: tuple[Row, ...] = ()
    shipments: tuple[Row, ...] = ()
    addresses: Mapping[int, Row] = field(default_factory=dict)
    custom_fields: tuple[Row, ...] = ()
    customer: Row | None = None

    @property
    def id(self) -> int:
        """`orders.id`."""
        return int(self.order["id"])
