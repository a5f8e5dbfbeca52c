"""Products and variants: create, read, change. The platform has no list and no delete."""

from collections.abc import Iterator
from dataclasses import replace

from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.problems import FieldError, invalid, not_found
from connector.sandbox.sparklayer.shapes import Day, Fields, Flag, Many, Number, Text, demand
from connector.sandbox.sparklayer.wire import Row

STOCK_ITEM = Fields(
    {
        "stock_location_id": Text(),
        "stock_level": Number(whole=True),
        "restock_date": Day(),
        "min_stock_level": Number(whole=True),
    },
    required=frozenset({"stock_location_id", "stock_level"}),
)
_AMOUNT = Number(nullable=True)
_SETTINGS = Fields(
    {
        "customer_group": Text(shortest=1, longest=30),
        "pack_size": _AMOUNT,
        "reserve_stock_quantity": _AMOUNT,
        "min_order_quantity": _AMOUNT,
        "max_order_quantity": _AMOUNT,
        "min_order_parent_quantity": _AMOUNT,
        "max_order_parent_quantity": _AMOUNT,
        "display": Flag(nullable=True),
        "sell": Flag(nullable=True),
    },
    required=frozenset({"customer_group"}),
)
_VARIANT = Fields(
    {
        "external_id": Text(longest=100, shortest=1, not_prefix="pv_"),
        "sku": Text(longest=100, shortest=1),
        "weight_in_grams": Number(),
        "tax_type": Number(),
        "position": Number(nullable=True),
        "cart_image_url": Text(longest=512, nullable=True),
        "rrp": Many(
            Fields(
                {"value": Number(), "currency_code": Text(longest=3, shortest=3)}, frozenset({"value", "currency_code"})
            )
        ),
        "options": Many(Fields({"group": Text(), "value": Text()}, frozenset({"group", "value"}))),
        "status": Text(choices=frozenset({"pending", "discontinued", "suspended", "live"})),
        "settings": Many(_SETTINGS),
        "stock": Many(STOCK_ITEM),
    }
)
_PRODUCT_CHANGE = Fields(
    {
        "external_id": Text(longest=100, shortest=1, not_prefix="pp_"),
        "title": Text(longest=255, shortest=1),
        "slug": Text(longest=255, shortest=1),
        "variants": Many(_VARIANT),
    }
)
_PRODUCT = replace(_PRODUCT_CHANGE, required=frozenset({"title", "slug"}))


def create(call: Call) -> Answer:
    """Add a product with its variants."""
    demand(_PRODUCT, call.body)
    _check_variants(call, call.body.get("variants", []))
    fields, levels = _without_stock(call.body)
    product = call.site.catalogue.create(fields)
    _put_levels(call, product["variants"], levels)
    return Answer(200, call.site.show_product(product))


def read(call: Call) -> Answer:
    """One product by internal or external id."""
    return Answer(200, call.site.show_product(_product(call)))


def change(call: Call) -> Answer:
    """Change a product; the policy says what becomes of variants that the body leaves out."""
    product = _product(call)
    demand(_PRODUCT_CHANGE, call.body)
    _check_variants(call, call.body.get("variants", []))
    fields, levels = _without_stock(call.body)
    changed, gone = call.site.catalogue.change(product, fields, call.policy.variants_patch)
    for variant_id in gone:
        call.site.drop_variant(variant_id)
    named = [call.site.catalogue.match(changed, item) for item in fields.get("variants", [])]
    _put_levels(call, named, levels)
    return Answer(200, call.site.show_product(changed))


def read_variant(call: Call) -> Answer:
    """One variant by internal or external id."""
    return Answer(200, call.site.show_variant(_variant(call)))


def change_variant(call: Call) -> Answer:
    """Change one variant."""
    variant = _variant(call)
    demand(_VARIANT, call.body)
    _check_variants(call, [call.body])
    fields, levels = _without_stock({"variants": [call.body]})
    changed = call.site.catalogue.change_variant(variant, fields["variants"][0])
    _put_levels(call, [changed], levels)
    return Answer(200, call.site.show_variant(changed))


def _product(call: Call) -> Row:
    found = call.site.catalogue.product(call.params["id"])
    if found is None:
        raise not_found("Product", call.params["id"])
    return found


def _variant(call: Call) -> Row:
    found = call.site.catalogue.variant(call.params["id"])
    if found is None:
        raise not_found("Variant", call.params["id"])
    return found


def _check_variants(call: Call, variants: list[Row]) -> None:
    errors = list(_variant_errors(call, variants))
    if errors:
        raise invalid(errors)


def _variant_errors(call: Call, variants: list[Row]) -> Iterator[FieldError]:
    for at, variant in enumerate(variants):
        if "sku" in variant and call.refuses_sku(variant["sku"]):
            yield FieldError("invalid-value", f"variants[{at}].sku", f"{variant['sku']!r} is refused")
        for place, row in enumerate(variant.get("stock", [])):
            if call.site.locations.find(row["stock_location_id"]) is None:
                at_row = f"variants[{at}].stock[{place}].stock_location_id"
                yield FieldError("resource-not-found", at_row, f"{row['stock_location_id']!r} does not exist")


def _without_stock(body: Row) -> tuple[Row, list[list[Row]]]:
    """The body's fields, and the stock rows of each of its variants in order."""
    variants = body.get("variants")
    if variants is None:
        return dict(body), []
    bare = [{name: value for name, value in variant.items() if name != "stock"} for variant in variants]
    return {**body, "variants": bare}, [variant.get("stock", []) for variant in variants]


def _put_levels(call: Call, variants: list[Row | None] | list[Row], levels: list[list[Row]]) -> None:
    for variant, rows in zip(variants, levels, strict=True):
        for row in rows:
            place = call.site.locations.find(row["stock_location_id"])
            if variant is not None and place is not None:
                fields = {name: value for name, value in row.items() if name != "stock_location_id"}
                call.site.levels.put(variant["id"], place["id"], fields)


OPERATIONS = (
    Operation("POST", "/api/v1/products", "products", create),
    Operation("GET", "/api/v1/products/{id}", "products", read, writes=False),
    Operation("PATCH", "/api/v1/products/{id}", "products", change),
    Operation("GET", "/api/v1/variants/{id}", "products", read_variant, writes=False),
    Operation("PATCH", "/api/v1/variants/{id}", "products", change_variant),
)
