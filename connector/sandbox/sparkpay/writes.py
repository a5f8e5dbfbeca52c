"""What POST, PUT and DELETE do to a store (vendor docs: common usage; the errors as seen on live stores)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.sandbox.sparkpay import moments
from connector.sandbox.sparkpay.errors import Refused, missing_column, removed_row
from connector.sandbox.sparkpay.fields import BodyTypes, type_problem
from connector.sandbox.sparkpay.orders import changed_status
from connector.sandbox.sparkpay.resources import RESOURCES, Resource
from connector.sandbox.sparkpay.store import SparkPayStore
from connector.sandbox.sparkpay.table import Row
from connector.sandbox.sparkpay.webhook_events import subscription_problems

_SERVER_MANAGED = frozenset({"id", "created_at", "updated_at"})
_CHILD_LINK = {
    "id": "integer",
    "is_child_product": "boolean",
    "is_default_child": "boolean",
    "bind_quantity_to_parent": "boolean",
    "is_required": "boolean",
    "child_required_quantity": "integer",
}
_LINK_TARGETS = (("variants", "product_variants"), ("child_products", "products"), ("items", "order_items"))
_SHIPPED_ITEM = {"id": "integer", "quantity_shipped": "integer"}


@dataclass(frozen=True, slots=True)
class Written:
    """The row after a write, and its times as only the answer to the write shows them: unrounded."""

    row: Row
    created: bool
    shown: Mapping[str, object]


def post(store: SparkPayStore, resource: Resource, body: object) -> Written:
    """Upsert by id: the body of an existing id changes that row, anything else makes a new one."""
    fields = _object(body)
    row_id = fields.get("id")
    if row_id is not None:
        if not isinstance(row_id, int) or isinstance(row_id, bool):
            raise Refused(409, "id: must be integer", violation=True)
        table = store.tables[resource.name]
        if row_id in table.removed:
            raise removed_row(resource.table, row_id)
        if row_id in table:
            return _update(store, resource, row_id, fields, resource.create)
    fields = {name: value for name, value in fields.items() if name != "id"}
    if resource.name == "order_shipments" and (known := _shipment(store, fields)) is not None:
        return _update(store, resource, known, fields, resource.create)
    accepted = _checked(store, resource, fields, resource.create)
    required = resource.create.required if resource.create else frozenset()
    for column in sorted(required - fields.keys()):
        raise missing_column(resource.table, column)
    row = store.insert(resource.name, **accepted)
    return _written(store, resource, row, created=True)


def put(store: SparkPayStore, resource: Resource, row_id: int, body: object) -> Written:
    """Partial update. 404 for an id that never was, 500 for a row that was removed."""
    table = store.tables[resource.name]
    if row_id in table.removed:
        raise removed_row(resource.table, row_id)
    if row_id not in table:
        raise Refused(404, f"{resource.name} {row_id} was not found.")
    fields = _object(body)
    if fields.get("id", row_id) != row_id:
        raise Refused(409, f"id: the body says {fields['id']}, the path {row_id}", violation=True)
    return _update(store, resource, row_id, fields, resource.update)


def delete(store: SparkPayStore, resource: Resource, row_id: int) -> None:
    """Remove the row. 404 when there is none."""
    if row_id not in store.tables[resource.name]:
        raise Refused(404, f"{resource.name} {row_id} was not found.")
    store.delete(resource.name, row_id)


def _shipment(store: SparkPayStore, fields: Mapping[str, object]) -> int | None:
    """The order's shipment of that name: a POST of the same name changes it (vendor docs: order_shipments)."""
    rows = store.tables["order_shipments"].equal("order_id", fields.get("order_id"))
    return next((row["id"] for row in rows if row.get("shipment_name", "") == fields.get("shipment_name", "")), None)


def _update(
    store: SparkPayStore, resource: Resource, row_id: int, fields: Mapping[str, object], body: BodyTypes | None
) -> Written:
    fields = {name: value for name, value in fields.items() if name != "id"}
    accepted = _checked(store, resource, fields, body)
    if resource.name == "orders":
        row = changed_status(store, row_id, accepted)
    else:
        row = store.change(resource.name, row_id, accepted)
    return _written(store, resource, row, created=False)


def _object(body: object) -> dict[str, object]:
    if not isinstance(body, dict):
        raise Refused(400, "The body must be a JSON object.", violation=True)
    return body


def _checked(
    store: SparkPayStore, resource: Resource, fields: Mapping[str, object], body: BodyTypes | None
) -> dict[str, object]:
    """Return the fields that are applied. Raises Refused(409) that names everything that is wrong."""
    if body is None:
        raise Refused(405, f"'{resource.name}' cannot be written so.", violation=True)
    wrong_shape = list(_shape_problems(store, resource, fields, body))
    if wrong_shape:
        raise Refused(409, "; ".join(wrong_shape), violation=True)
    wrong_data = list(_data_problems(store, resource, fields))
    if resource.name == "webhooks":
        wrong_data += subscription_problems(fields, of_2020=store.has_events_of_2020)
    if wrong_data:
        raise Refused(409, "; ".join(wrong_data))
    accepted = {name: value for name, value in fields.items() if name not in _SERVER_MANAGED}
    if "variants" in accepted and "variants" in resource.links:
        accepted["variants"] = [link["id"] for link in accepted["variants"]]  # type: ignore[attr-defined]
    return accepted


def _shape_problems(
    store: SparkPayStore, resource: Resource, fields: Mapping[str, object], body: BodyTypes
) -> Iterable[str]:
    for name, value in fields.items():
        if name not in body.types:
            yield f"{name}: unknown field"
        elif value is None:
            if not resource.takes_null(name):
                yield f"{name}: must not be null"
        elif (problem := type_problem(body.types[name], value, store.zone)) is not None:
            yield f"{name}: {problem}"
        elif isinstance(value, list) and name not in resource.arrays:
            if name not in resource.links:
                yield f"{name}: this nested collection is written through its own resource"
            else:
                yield from _link_problems(store, name, value)


def _link_problems(store: SparkPayStore, name: str, links: list[object]) -> Iterable[str]:
    """Links of a body: options of a combination (rows of product_variants) or child products."""
    option_types = {**RESOURCES["product_variants"].types, "id": "integer", "variant_inventory_id": "integer"}
    types, needed = {
        "child_products": (_CHILD_LINK, {"id"}),
        "items": (_SHIPPED_ITEM, {"id", "quantity_shipped"}),
    }.get(name, (option_types, {"id", "product_id", "variant_group_id"}))
    for place, link in enumerate(links):
        if not isinstance(link, dict):
            yield f"{name}[{place}]: must be an object"
            continue
        for key in sorted(needed - link.keys()):
            yield f"{name}[{place}].{key}: missing"
        for key, value in link.items():
            if key not in types:
                yield f"{name}[{place}].{key}: unknown field"
            elif value is not None and (problem := type_problem(types[key], value, store.zone)) is not None:
                yield f"{name}[{place}].{key}: {problem}"


def _data_problems(store: SparkPayStore, resource: Resource, fields: Mapping[str, object]) -> Iterable[str]:
    for name, target in resource.references.items():
        # 0 stands for "none" in every reference.
        if fields.get(name) not in (None, 0) and fields[name] not in store.tables[target]:
            yield f"{name}: {target} {fields[name]} does not exist"
    for name in ("price", "cost", "retail"):
        value = fields.get(name)
        if value is not None and value < 0 and name in resource.types:  # type: ignore[operator]
            yield f"{name}: must not be negative"
    for link_name, target in _LINK_TARGETS:
        links: Any = fields.get(link_name, ()) if link_name in resource.links else ()
        for link in links:
            row = store.tables[target].row(link["id"])
            if row is None:
                yield f"{link_name}: {target} {link['id']} does not exist"
            elif link_name == "items" and "order_id" in fields and row.get("order_id") != fields["order_id"]:
                yield f"items: order item {link['id']} belongs to another order"
            elif link_name == "variants" and row.get("product_id") != fields.get("product_id"):
                yield f"variants: option {link['id']} belongs to another product"


def _written(store: SparkPayStore, resource: Resource, row: Row, *, created: bool) -> Written:
    shown: dict[str, object] = {}
    if resource.timed:
        exact = moments.written_text(store.clock(), store.zone, store.random.randint(1, 9))
        shown = dict.fromkeys(("created_at", "updated_at") if created else ("updated_at",), exact)
    return Written(row, created, shown)
