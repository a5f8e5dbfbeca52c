"""How large a generated catalogue is, and what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True)
class CatalogueShape:
    """What `fill_catalogue` makes.

    `products` counts rows of products, children of kits included; `skus_at_least` the sellable SKUs: one per plain
    product, kit and child, one per row of variant_inventory, one per combination where options have no stock rows.
    Shares are parts of all products; what is left over is plain.
    """

    products: int = 500
    skus_at_least: int = 1500
    customer_types: int = 4
    warehouses: int = 2
    categories: int = 24
    manufacturers: int = 12
    with_variants: float = 0.3
    option_only: float = 0.06
    kits: float = 0.02
    priced: float = 0.5

    def __post_init__(self) -> None:
        if self.products < 1 or self.customer_types < 1 or self.warehouses < 1 or self.categories <= 1:
            raise ValueError(f"a catalogue needs at least a product, a customer type and a warehouse: {self}")
        if self.with_variants + self.option_only + 3 * self.kits > 1 or not 0 <= self.priced <= 1:
            raise ValueError(f"the shares exceed the whole: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFacts:
    """What was made: product ids by kind, and the ids that they refer to.

    A product is in exactly one of plain, with_variants, option_only, kits and children; the further groups overlap
    with these. `on_sale` holds products whose sale runs at the time of the store's clock.
    """

    store_id: int
    sku_count: int
    customer_type_ids: tuple[int, ...]
    warehouse_ids: tuple[int, ...]
    category_ids: tuple[int, ...]
    statuses: Mapping[str, int] = field(default_factory=dict)
    plain: tuple[int, ...] = ()
    with_variants: tuple[int, ...] = ()
    option_only: tuple[int, ...] = ()
    kits: tuple[int, ...] = ()
    children: tuple[int, ...] = ()
    hidden: tuple[int, ...] = ()
    discontinued: tuple[int, ...] = ()
    unavailable: tuple[int, ...] = ()
    out_of_stock: tuple[int, ...] = ()
    back_ordered: tuple[int, ...] = ()
    non_inventory: tuple[int, ...] = ()
    call_for_pricing: tuple[int, ...] = ()
    inactive_in_store: tuple[int, ...] = ()
    blank_item_number: tuple[int, ...] = ()
    unicode_title: tuple[int, ...] = ()
    null_updated_at: tuple[int, ...] = ()
    with_breaks: tuple[int, ...] = ()
    with_type_prices: tuple[int, ...] = ()
    on_sale: tuple[int, ...] = ()
    sale_past: tuple[int, ...] = ()
    sale_future: tuple[int, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        sized = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: len(ids) for name, ids in sized.items() if isinstance(ids, tuple)} | {"skus": self.sku_count}
