"""Reading the dump of a Spark Pay store: rows by id and by product, and values in their many empty forms."""

import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]
Dump = Mapping[str, list[dict[str, Any]]]
_NOT_SET_YEAR = 1900


class Shop:
    """One store's rows. Raises ValueError where the store is not clear or not there."""

    def __init__(self, dump: Dump, store_id: int | None) -> None:
        self.products = by_id(dump, "products")
        self.options = by_id(dump, "product_variants")
        self.groups = by_id(dump, "variant_groups")
        self.statuses = by_id(dump, "product_statuses")
        self.customer_types = by_id(dump, "customer_types")
        self.warehouses = by_id(dump, "warehouses")
        self.options_of = by_owner(dump, "product_variants", "product_id")
        self.combinations_of = by_owner(dump, "variant_inventory", "product_id")
        self.prices_of = by_owner(dump, "product_pricing", "product_id")
        self.pictures_of = by_owner(dump, "product_pictures", "product_id")
        self.inactive_of = by_owner(dump, "product_inactive_in_store", "item_id")
        self.inventory: Row = next(iter(dump.get("inventory_settings", [])), {})
        stores = by_id(dump, "stores")
        if store_id is None and len(stores) > 1:
            raise ValueError(f"the shop has the stores {sorted(stores)}: name one of them")
        self.store_id = store_id if store_id is not None else next(iter(stores), 0)
        self.domain = words(stores.get(self.store_id, {}).get("domain_name"))
        self.children_of: dict[int, list[int]] = {}
        self.parents_of: dict[int, list[int]] = defaultdict(list)
        for id_, product in self.products.items():
            children = [int(link["id"]) for link in product.get("child_products") or () if link["id"] in self.products]
            self.children_of[id_] = children
            for child in children:
                self.parents_of[child].append(id_)

    def group_of(self, option: Row) -> Row:
        """The option group that an option value belongs to."""
        return self.groups.get(ref(option, "variant_group_id"), {})

    def status(self, status_id: int) -> Row:
        """Flags of a product status; none are set where it is unknown."""
        return self.statuses.get(status_id, {})


def number(row: Row, name: str) -> Decimal:
    """An exact number; every empty form is 0."""
    value = row.get(name)
    return Decimal(0) if value in (None, "") else Decimal(str(value))


def whole(row: Row, name: str) -> int:
    """A whole number; every empty form is 0."""
    return int(number(row, name))


def ref(row: Row, name: str) -> int:
    """The id of another row; 0 is none."""
    return whole(row, name)


def flag(row: Row, name: str) -> bool:
    """True or 1."""
    return row.get(name) in (True, 1, "1", "true", "True")


def words(value: object) -> str:
    """Trimmed, white space collapsed, no control characters; "" where nothing is there."""
    spaced = " ".join(str(value or "").split())
    kept = "".join(char for char in spaced if unicodedata.category(char) != "Cc")
    return " ".join(kept.split())


def moment(row: Row, name: str) -> datetime | None:
    """An instant, or none for every empty form."""
    text = row.get(name)
    if not text:
        return None
    found = datetime.fromisoformat(str(text))
    return None if found.year <= _NOT_SET_YEAR else found.astimezone(UTC)


def by_id(dump: Dump, resource: str) -> dict[int, Row]:
    """The rows of a table in the order of their ids."""
    return {int(row["id"]): row for row in sorted(dump.get(resource, []), key=lambda row: int(row["id"]))}


def by_owner(dump: Dump, resource: str, owner: str) -> dict[int, list[Row]]:
    """The rows of a table by the id of the row that they belong to."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in by_id(dump, resource).values():
        found[ref(row, owner)].append(row)
    return found
