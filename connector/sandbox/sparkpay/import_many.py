"""POST /products/importMany: many products in one call, each line with its own result (vendor docs: products)."""

from __future__ import annotations

from collections.abc import Mapping

from connector.sandbox.sparkpay import writes
from connector.sandbox.sparkpay.errors import Refused
from connector.sandbox.sparkpay.resources import RESOURCES
from connector.sandbox.sparkpay.store import SparkPayStore

_LINE = frozenset({"lookup_by_sku", "product", "category", "manufacturer"})


def import_many(store: SparkPayStore, body: object, violations: list[str]) -> dict[str, object]:
    """Apply the lines one after another; a line that fails stops no other.

    The vendor documents `line_item`, `status_code` and `entity_id` of a line; a failed one carries a `message` too.
    Lines that break the description of the API are added to `violations`.
    """
    if not isinstance(body, list):
        raise Refused(400, "The body must be an array of lines.", violation=True)
    results: list[dict[str, object]] = []
    for number, line in enumerate(body):
        try:
            written = _import(store, line)
            results.append(
                {"line_item": number, "status_code": 201 if written.created else 200, "entity_id": written.row["id"]}
            )
        except Refused as refusal:
            if refusal.violation:
                violations.append(f"line {number}: {refusal.details}")
            results.append(
                {"line_item": number, "status_code": refusal.status, "entity_id": 0, "message": refusal.details}
            )
    errors = sum("message" in result for result in results)
    return {"total_errors": errors, "results": results}


def _import(store: SparkPayStore, line: object) -> writes.Written:
    if not isinstance(line, dict) or not isinstance(line.get("product"), dict) or line.keys() - _LINE:
        raise Refused(409, f"A line holds {', '.join(sorted(_LINE))}, and product is an object.", violation=True)
    product = dict(line["product"])
    for name, target, field in (
        ("category", "categories", "primary_category_id"),
        ("manufacturer", "manufacturers", "manufacturer_id"),
    ):
        if name in line:
            # The platform looks nothing up here: sent again, it makes another one.
            product[field] = writes.post(store, RESOURCES[target], line[name]).row["id"]
    products = RESOURCES["products"]
    row_id = _by_sku(store, product) if line.get("lookup_by_sku") else product.get("id")
    if row_id is None:
        return writes.post(store, products, product)
    return writes.put(store, products, _integer(row_id), {**product, "id": row_id})


def _by_sku(store: SparkPayStore, product: Mapping[str, object]) -> object:
    sku = product.get("item_number")
    if not isinstance(sku, str) or not sku:
        raise Refused(409, "item_number: needed to look a product up", violation=True)
    found = store.tables["products"].equal("item_number", sku)
    if len(found) > 1:
        raise Refused(409, f"item_number: {len(found)} products have '{sku}'")
    return found[0]["id"] if found else None


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(409, "id: must be integer", violation=True)
    return value
