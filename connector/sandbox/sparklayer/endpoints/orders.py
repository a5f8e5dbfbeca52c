"""Orders of the older interface over HTTP; every operation answers with the whole order."""

from collections.abc import Callable

from connector.sandbox.sparklayer.endpoints.customers import ADDRESS
from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.orders import Move
from connector.sandbox.sparklayer.problems import FieldError, invalid, not_found
from connector.sandbox.sparklayer.shapes import Anything, Fields, Flag, Many, Number, Shape, Text, demand
from connector.sandbox.sparklayer.wire import Row

_TEXT = Text(nullable=True)
_TOTAL = Fields({"gross": Number(), "net": Number()})
_TRACKING = Many(Fields({"company": _TEXT, "url": _TEXT, "reference": _TEXT}))
_ITEM = Fields(
    {"variant_id": _TEXT, "sku": _TEXT, "name": _TEXT, "quantity": Number(), "line_total": _TOTAL},
    required=frozenset({"quantity", "line_total"}),
)
_MOVED = Fields({"variant_id": _TEXT, "sku": _TEXT, "quantity": Number()}, required=frozenset({"quantity"}))
_RETURNED = Fields({**_MOVED.fields, "refund_total": _TOTAL}, required=frozenset({"quantity"}))
_NAMES: dict[str, Shape] = {"external_id": _TEXT, "visible_id": _TEXT}
_TO: dict[str, Shape] = {"shipping_address": ADDRESS, "shipping_address_id": _TEXT}
_PACKAGE = Fields(
    {
        **_NAMES,
        **_TO,
        "created_at": _TEXT,
        "shipped_at": _TEXT,
        "cancelled_at": _TEXT,
        "returned_at": _TEXT,
        "items": Many(_ITEM),
        "shipping_name": _TEXT,
        "shipping_sku": _TEXT,
        "total_shipping": _TOTAL,
    },
    required=frozenset({"items"}),
)
_METHODS = frozenset({"upfrontPayment", "paymentByInvoice", "paymentOnAccount", "hokodoPayment", "other", "quote"})
_CREATE = Fields(
    {
        **_NAMES,
        "created_at": Text(shortest=1),
        "payment_method": Text(choices=_METHODS),
        "customer_id": Text(shortest=1),
        "currency_code": Text(longest=3, shortest=3),
        "packages": Many(_PACKAGE),
        "customer_reference": Text(longest=512, nullable=True),
        "billing_address": ADDRESS,
        "billing_address_id": _TEXT,
        "spark_billing_chargeable": Flag(),
        "metadata": Anything(),
        "invoice_url": _TEXT,
    },
    required=frozenset({"created_at", "payment_method", "customer_id", "currency_code", "packages"}),
)
_CHANGE = Fields({"invoice_url": _TEXT})
_SHIP = Fields(
    {
        **_NAMES,
        **_TO,
        "shipped_at": Text(shortest=1),
        "items": Many(_MOVED),
        "shipment_tracking": _TRACKING,
        "total_shipping": _TOTAL,
    },
    required=frozenset({"shipped_at", "items"}),
)
_CANCEL = Fields(
    {**_NAMES, "cancelled_at": _TEXT, "items": Many(_MOVED)}, required=frozenset({"cancelled_at", "items"})
)
_RETURN = Fields(
    {**_NAMES, "returned_at": _TEXT, "items": Many(_RETURNED), "refund_shipping": _TOTAL},
    required=frozenset({"returned_at", "items"}),
)
_UPDATE = Fields({"items": Many(_ITEM), "total_shipping": _TOTAL}, required=frozenset({"items"}))


def create(call: Call) -> Answer:
    """Add an order."""
    demand(_CREATE, call.body)
    _filled(call.body["packages"], "packages")
    if not {"billing_address", "billing_address_id"} & call.body.keys():
        raise invalid([FieldError("required", "billing_address", "give it or its id")])
    customer = call.site.customers.any_id(call.body["customer_id"])
    if customer is None:
        raise invalid([FieldError("resource-not-found", "customer_id", f"{call.body['customer_id']!r} does not exist")])
    return Answer(201, call.site.orders.create({**call.body, "customer_id": customer["legacy_id"]}))


def read(call: Call) -> Answer:
    """One order."""
    return Answer(200, _order(call))


def change(call: Call) -> Answer:
    """Set the invoice's address."""
    row = _order(call)
    demand(_CHANGE, call.body)
    call.site.orders.change(row, call.body)
    return Answer(200, row)


def change_package(call: Call) -> Answer:
    """Replace the items of a package."""
    row = _order(call)
    demand(_UPDATE, call.body)
    _filled(call.body["items"], "items")
    if not call.site.orders.change_package(row, call.params["package_id"], call.body):
        raise not_found("Package", call.params["package_id"])
    return Answer(200, row)


def _move(how: Move, shape: Fields) -> Callable[[Call], Answer]:
    def move(call: Call) -> Answer:
        row = _order(call)
        demand(shape, call.body)
        _filled(call.body["items"], "items")
        call.site.orders.move(row, how, call.body)
        return Answer(200, row)

    return move


def _filled(rows: object, name: str) -> None:
    if not rows:
        raise invalid([FieldError("too-short", name, "must not be empty")])


def _order(call: Call) -> Row:
    found = call.site.orders.find(call.params["id"])
    if found is None:
        raise not_found("Order", call.params["id"])
    return found


OPERATIONS = (
    Operation("POST", "/api/v1/orders", "orders", create),
    Operation("GET", "/api/v1/orders/{id}", "orders", read, writes=False),
    Operation("PATCH", "/api/v1/orders/{id}", "orders", change),
    Operation("POST", "/api/v1/orders/{id}/ship", "orders", _move("shipped", _SHIP)),
    Operation("POST", "/api/v1/orders/{id}/cancel", "orders", _move("cancelled", _CANCEL)),
    Operation("POST", "/api/v1/orders/{id}/return", "orders", _move("returned", _RETURN)),
    Operation("PATCH", "/api/v1/orders/{id}/packages/{package_id}", "orders", change_package),
)
