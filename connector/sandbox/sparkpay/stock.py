"""The inventory routes: one SKU per call, found by any of five identifiers (vendor docs: inventory)."""

from __future__ import annotations

from collections.abc import Mapping

from connector.sandbox.sparkpay.errors import Refused
from connector.sandbox.sparkpay.fields import type_problem
from connector.sandbox.sparkpay.resources import RESOURCES
from connector.sandbox.sparkpay.store import SETTINGS_ID, SparkPayStore
from connector.sandbox.sparkpay.table import Row

IDENTIFIERS = {
    "product_id": "integer",
    "variant_inventory_id": "integer",
    "item_number": "string",
    "gtin": "string",
    "item_name": "string",
}


def read(store: SparkPayStore, given: Mapping[str, str]) -> dict[str, object]:
    """GET /inventory."""
    wanted: dict[str, object] = {}
    for name, text in given.items():
        if name not in IDENTIFIERS:
            raise Refused(400, f"The parameter '{name}' is not known here.", violation=True)
        value = text.removeprefix("eq:")
        if IDENTIFIERS[name] == "integer" and not value.isdecimal():
            raise Refused(400, f"'{name}' must be a number.", violation=True)
        wanted[name] = int(value) if IDENTIFIERS[name] == "integer" else value
    return _shown(store, *_find(store, wanted))


def write(store: SparkPayStore, how: str, body: object) -> dict[str, object]:
    """POST /inventory/set, /add and /remove. Changes the status where stock begins or ends, as a sale does."""
    if not isinstance(body, dict):
        raise Refused(400, "The body must be a JSON object.", violation=True)
    for name, value in body.items():
        kind = "integer" if name == "quantity" else IDENTIFIERS.get(name)
        problem = "unknown field" if kind is None else type_problem(kind, value, store.zone)
        if problem is not None:
            raise Refused(409, f"{name}: {problem}", violation=True)
    if "quantity" not in body:
        raise Refused(400, "A quantity is needed.", violation=True)
    resource, row = _find(store, {name: value for name, value in body.items() if name != "quantity"})
    field = _quantity_field(resource)
    before = row.get(field, 0)
    quantity: int = {"set": body["quantity"], "add": before + body["quantity"], "remove": before - body["quantity"]}[
        how
    ]
    fields: dict[str, object] = {field: quantity}
    settings = read_settings(store)
    out, in_stock = settings["out_of_stock_product_status_id"], settings["in_stock_product_status_id"]
    if settings["track_inventory"] and out and quantity <= 0:
        fields["product_status_id"] = out
    elif in_stock and quantity > 0 and row.get("product_status_id") == out:
        fields["product_status_id"] = in_stock
    row_id = row["id"]
    store.change(resource, row_id, fields)
    return _shown(store, resource, row)


def read_settings(store: SparkPayStore) -> dict[str, object]:
    """GET /inventory/settings."""
    settings = store.rows("inventory_settings")[0]
    return {name: value for name, value in settings.items() if name != "id"}


def write_settings(store: SparkPayStore, body: object) -> dict[str, object]:
    """PUT /inventory/settings: partial."""
    if not isinstance(body, dict):
        raise Refused(400, "The body must be a JSON object.", violation=True)
    types = RESOURCES["inventory_settings"].types
    for name, value in body.items():
        problem = "unknown field" if name not in types else type_problem(types[name], value, store.zone)
        if problem is not None:
            raise Refused(409, f"{name}: {problem}", violation=True)
    store.update("inventory_settings", SETTINGS_ID, **body)
    return read_settings(store)


def _quantity_field(resource: str) -> str:
    return "inventory" if resource == "variant_inventory" else "quantity_on_hand"


def _find(store: SparkPayStore, wanted: Mapping[str, object]) -> tuple[str, Row]:
    """Return the one row that all identifiers name; several hits are refused, since nothing says which one is meant."""
    if not wanted:
        raise Refused(400, f"One of {', '.join(IDENTIFIERS)} is needed.", violation=True)
    by_id = {"products": "product_id", "variant_inventory": "variant_inventory_id"}
    hits: list[tuple[str, Row]] = []
    if "variant_inventory_id" not in wanted:
        hits += [("products", row) for row in _matching(store, "products", by_id["products"], wanted)]
    if "item_name" not in wanted and ("product_id" not in wanted or "variant_inventory_id" in wanted):
        hits += [
            ("variant_inventory", row) for row in _matching(store, "variant_inventory", "variant_inventory_id", wanted)
        ]
    if not hits:
        raise Refused(404, "No inventory was found.")
    if len(hits) > 1:
        raise Refused(409, f"{len(hits)} items match.")
    return hits[0]


def _matching(store: SparkPayStore, resource: str, id_name: str, wanted: Mapping[str, object]) -> list[Row]:
    table = store.tables[resource]
    conditions = {"id" if name == id_name else name: value for name, value in wanted.items()}
    first, *others = conditions.items()
    rows = table.equal(*first)
    return [row for row in rows if all(row.get(name) == value for name, value in others)]


def _shown(store: SparkPayStore, resource: str, row: Row) -> dict[str, object]:
    is_variant = resource == "variant_inventory"
    product_id = row["product_id"] if is_variant else row["id"]
    product = store.tables["products"].row(product_id) or {}
    return {
        "product_id": product_id,
        "variant_inventory_id": row["id"] if is_variant else None,
        "item_number": row.get("item_number", ""),
        "item_name": product.get("item_name", ""),
        "gtin": row.get("gtin", ""),
        "quantity": row.get(_quantity_field(resource), 0),
    }
