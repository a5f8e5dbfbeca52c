"""Nested collections: what `expand`, `/filled` and `/{id}/{nested}` find below a row (vendor docs: resource list)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from connector.sandbox.sparkpay.table import Row, Table

Tables = Mapping[str, Table]


@dataclass(frozen=True, slots=True)
class NestedRow:
    """One row below another: its own resource and row, what the relation adds, or only the latter."""

    resource: str | None
    row: Row
    extra: Mapping[str, object] = field(default_factory=dict)


Finder = Callable[[Tables, Row], Iterable[NestedRow]]


def nothing(_tables: Tables, _row: Row) -> Iterable[NestedRow]:
    """Return a collection that exists but that this simulation never fills."""
    return ()


def owned(resource: str, by: str, *, null_timestamps: bool = False) -> Finder:
    """Return the rows of `resource` whose field `by` is the id of the outer row.

    `null_timestamps`: the vendor's samples show null times for this collection where the resource itself has them.
    """
    extra: Mapping[str, object] = {"updated_at": None, "created_at": None} if null_timestamps else {}

    def find(tables: Tables, row: Row) -> Iterable[NestedRow]:
        return [NestedRow(resource, child, extra) for child in tables[resource].equal(by, row["id"])]

    return find


def combination(tables: Tables, row: Row) -> Iterable[NestedRow]:
    """Return the option values that make up a row of variant_inventory."""
    options = tables["product_variants"]
    ids = row.get("variants", ())
    found = (options.row(option_id) for option_id in ids)
    extra = {"variant_inventory_id": row["id"]}
    return [NestedRow("product_variants", option, extra) for option in found if option is not None]


def children(tables: Tables, row: Row) -> Iterable[NestedRow]:
    """Child products: whole products with the fields of the link."""
    products = tables["products"]
    links = row.get("child_products", ())
    for link in links:
        child = products.row(link["id"])
        if child is not None:
            yield NestedRow("products", child, {name: value for name, value in link.items() if name != "id"})


def category_links(tables: Tables, row: Row) -> Iterable[NestedRow]:
    """Return the primary category and the further ones as `{id, is_primary, name}`."""
    categories = tables["categories"]
    primary = row.get("primary_category_id")
    further = row.get("categories", ())
    for category_id in dict.fromkeys((primary, *further)):
        category = categories.row(category_id) if isinstance(category_id, int) else None
        if category is not None:
            link = {"id": category_id, "is_primary": category_id == primary, "name": category.get("name", "")}
            yield NestedRow(None, link)


def kept_rows(name: str) -> Finder:
    """Return rows that the outer row keeps itself."""
    return lambda _tables, row: [NestedRow(None, kept) for kept in row.get(name, ())]


def field_values(resource_type: str) -> Finder:
    """Return the custom fields of a row that have a value, as `{name, value}`."""

    def find(tables: Tables, row: Row) -> Iterable[NestedRow]:
        names = tables["custom_fields"]
        for value in tables["custom_field_values"].equal("resource_id", row["id"]):
            declared = names.row(value["custom_field_id"])
            if declared is not None and declared.get("resource_type") == resource_type:
                yield NestedRow(None, {"name": declared.get("name", ""), "value": value.get("value", "")})

    return find


def shipped_items(tables: Tables, row: Row) -> Iterable[NestedRow]:
    """Return what a shipment holds: the order item's id and the quantity, with the item's product and name."""
    items = tables["order_items"]
    for link in row.get("items", ()):
        item = items.row(link["id"]) or {}
        yield NestedRow(
            None,
            {
                "id": link["id"],
                "quantity_shipped": link["quantity_shipped"],
                "product_id": item.get("product_id", 0),
                "item_name": item.get("item_name", ""),
                "item_nr": item.get("item_number", ""),
            },
        )
