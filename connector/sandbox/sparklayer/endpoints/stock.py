"""Stock levels: in bulk, or of one SKU."""

from collections.abc import Iterator

from connector.sandbox.sparklayer.endpoints.products import STOCK_ITEM
from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.problems import FieldError, invalid, not_found
from connector.sandbox.sparklayer.shapes import Day, Fields, Flag, Many, Number, Text, demand
from connector.sandbox.sparklayer.wire import Row

_LEVEL = frozenset({"stock_level", "restock_date", "min_stock_level"})
_BULK = Many(
    Fields(
        {
            "sku": Text(longest=100, shortest=1),
            "stock_location_id": Text(),
            "stock_location_external_id": Text(),
            "stock_level": Number(whole=True),
            "restock_date": Day(),
            "min_stock_level": Number(whole=True),
        },
        required=frozenset({"sku"}),
    )
)
_FETCH = Fields(
    {
        "skus": Many(Text()),
        "filter": Fields({"stock_location_ids": Many(Text()), "all_stock_locations": Flag()}),
    },
    required=frozenset({"skus"}),
)
_DELETE = Fields({"skus": Many(Text())}, required=frozenset({"skus"}))


def update_batch(call: Call) -> Answer:
    """Upsert per (SKU, location); one bad row and nothing is applied."""
    demand(_BULK, call.body)
    errors = list(_batch_errors(call, call.body))
    if errors:
        raise invalid(errors)
    for row in call.body:
        variant, place = call.site.catalogue.variant_by_sku(row["sku"]), _place(call, row)
        if variant is not None and place is not None:
            call.site.levels.put(variant["id"], place["id"], _level(row))
    return Answer(204)


def fetch_batch(call: Call) -> Answer:
    """Levels of many SKUs: of the location `default` alone unless the filter says otherwise."""
    demand(_FETCH, call.body)
    wanted = call.body.get("filter", {})
    places: set[str] | None = None
    if not wanted.get("all_stock_locations"):
        keys = wanted.get("stock_location_ids", ["default"])
        places = {place["id"] for key in keys if (place := call.site.locations.find(key)) is not None}
    return Answer(200, [row for sku in call.body["skus"] for row in _rows(call, sku, places)])


def delete_batch(call: Call) -> Answer:
    """Forget every level of the SKUs; unknown ones do not matter."""
    demand(_DELETE, call.body)
    for sku in call.body["skus"]:
        variant = call.site.catalogue.variant_by_sku(sku)
        if variant is not None:
            call.site.levels.drop_variant(variant["id"])
    return Answer(204)


def read(call: Call) -> Answer:
    """Levels of one SKU at all locations."""
    return Answer(200, call.site.show_levels(_variant(call)["id"]))


def change(call: Call) -> Answer:
    """Upsert the levels of one SKU."""
    variant = _variant(call)
    demand(Many(STOCK_ITEM), call.body)
    errors = list(_batch_errors(call, [{"sku": call.params["sku"], **row} for row in call.body]))
    if errors:
        raise invalid(errors)
    for row in call.body:
        place = _place(call, row)
        if place is not None:
            call.site.levels.put(variant["id"], place["id"], _level(row))
    return Answer(204)


def _batch_errors(call: Call, rows: list[Row]) -> Iterator[FieldError]:
    seen: set[tuple[str, str]] = set()
    for row in rows:
        sku = row["sku"]
        if call.refuses_sku(sku):
            yield FieldError("invalid-value", "sku", f"{sku!r} is refused")
        if call.policy.unknown_sku_in_stock == "refuse" and call.site.catalogue.variant_by_sku(sku) is None:
            yield FieldError("resource-not-found", "sku", f"{sku!r} does not exist")
        named = row.keys() & {"stock_location_id", "stock_location_external_id"}
        if len(named) != 1:
            yield FieldError("required", "stock_location_id", f"{sku!r} needs either the id or the external id")
            continue
        place = _place(call, row)
        if place is None:
            field = named.pop()
            yield FieldError("resource-not-found", field, f"{row[field]!r} does not exist")
        elif (sku, place["id"]) in seen:
            yield FieldError("duplicate-entry", "sku", f"{sku!r} is named twice for one location")
        else:
            seen.add((sku, place["id"]))


def _place(call: Call, row: Row) -> Row | None:
    if "stock_location_external_id" in row:
        return call.site.locations.find_external(row["stock_location_external_id"])
    return call.site.locations.find(row["stock_location_id"])


def _level(row: Row) -> Row:
    return {name: value for name, value in row.items() if name in _LEVEL}


def _variant(call: Call) -> Row:
    found = call.site.catalogue.variant_by_sku(call.params["sku"])
    if found is None:
        raise not_found("SKU", call.params["sku"])
    return found


def _rows(call: Call, sku: str, places: set[str] | None) -> Iterator[Row]:
    variant = call.site.catalogue.variant_by_sku(sku)
    if variant is None:
        return
    for place_id, level in call.site.levels.of(variant["id"]).items():
        if places is None or place_id in places:
            external_id = call.site.locations.by_id(place_id)["external_id"]
            yield {"sku": sku, "stock_location_id": place_id, "stock_location_external_id": external_id, **level}


OPERATIONS = (
    Operation("POST", "/api/v1/batch-update-stock", "products.stock", update_batch),
    Operation("POST", "/api/v1/batch-fetch-stock", "products.stock", fetch_batch, writes=False),
    Operation("POST", "/api/v1/batch-delete-stock", "products.stock", delete_batch),
    Operation("GET", "/api/v1/variants/{sku}/stock", "products.stock", read, writes=False),
    Operation("PATCH", "/api/v1/variants/{sku}/stock", "products.stock", change),
)
