"""What the generic routes do not do for orders: the status route and the integration routes (vendor docs).

The integration routes take names in place of ids, make what they do not find, and find an order by its number, then by
e-mail and date. Posting an order again adds its items and payments once more: nothing in the vendor's documents says
that it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from connector.sandbox.sparkpay import moments
from connector.sandbox.sparkpay.errors import Refused
from connector.sandbox.sparkpay.fields import type_problem
from connector.sandbox.sparkpay.store import SparkPayStore
from connector.sandbox.sparkpay.table import Row

_TEXT, _WHOLE, _NUMBER, _FLAG, _DATE, _LIST = "string", "integer", "number", "boolean", "date", "array"


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _types(kind: str, names: str) -> dict[str, str]:
    return dict.fromkeys(_names(names), kind)


_CUSTOM_FIELD = _types(_TEXT, "custom_field_name custom_field_value")
_ADDRESS = _types(
    _TEXT,
    "address_line_1 address_line_2 city state postal_code country address_first_name address_last_name address_company "
    "address_phone address_alternate_phone address_fax address_comments",
) | _types(_FLAG, "default_shipping_address default_billing_address")
_CUSTOMER = (
    _types(
        _TEXT,
        "email customer_number first_name last_name phone_number alternate_phone_number company customer_type "
        "tax_exemption_number reward_tier source source_group sales_note adcode comments",
    )
    | _types(_FLAG, "taxable")
    | _types(_NUMBER, "tax_rate")
    | _types(_LIST, "addresses custom_fields")
)
_ITEM = (
    _types(
        _TEXT,
        "item_number item_name weight_unit warehouse_name size_unit tax_code item_gift_message item_description",
    )
    | _types(_NUMBER, "price cost quantity weight height length width")
    | _types(_FLAG, "is_taxable do_not_discount is_non_shipping_item")
)
_PAYMENT = (
    _types(
        _TEXT,
        "payment_method_name payment_type card_type cardholder_name authorization_code reject_reason avs_code "
        "transaction_type payment_note transaction_id last_four gateway_response_code cvv_response_code "
        "payment_ref_num",
    )
    | _types(_FLAG, "is_approved is_declined is_captured is_void")
    | _types(_WHOLE, "order_payment_id card_expiration_month card_expiration_year")
    | _types(_DATE, "paid_at approved_at")
    | _types(_NUMBER, "amount")
)
_PLACE = _names("line_1 line_2 city state postal_code country company phone alt_phone first_name last_name")
_ORDER = (
    _types(
        _TEXT,
        "order_number customer_email customer_first_name customer_last_name customer_phone customer_type adcode "
        "order_status selected_shipping_method referrer admin_comments public_comments gift_message source "
        "search_phrase source_group coupon_code manufacturer_invoice_number",
    )
    | _types(
        _NUMBER,
        "subtotal tax_total shipping_total discount_total handling_total additional_fees grand_total cost_total "
        "manufacturer_invoice_amount",
    )
    | _types(_FLAG, "exported_to_accounting_system is_gift manufacturer_invoice_paid")
    | _types(_DATE, "ordered_at")
    | _types(_LIST, "items payments shipments custom_fields")
    | {f"{kind}_address_{name}": _TEXT for kind in ("shipping", "billing") for name in _PLACE}
)


def set_status(store: SparkPayStore, order_id: int, body: object) -> Row:
    """PUT /orders/{id}/status."""
    fields = _object(store, body, {"order_status_id": _WHOLE}, "")
    if fields.get("order_status_id") not in store.tables["order_statuses"]:
        raise Refused(409, f"order_status_id: order_statuses {fields.get('order_status_id')} does not exist")
    if order_id not in store.tables["orders"]:
        raise Refused(404, f"orders {order_id} was not found.")
    return changed_status(store, order_id, fields)


def changed_status(store: SparkPayStore, order_id: int, fields: Mapping[str, Any]) -> Row:
    """Apply fields; where the status changes, its history of depth one moves along."""
    before = store.tables["orders"].row(order_id) or {}
    more = dict(fields)
    if "order_status_id" in fields and fields["order_status_id"] != before.get("order_status_id"):
        more["previous_order_status_id"] = before.get("order_status_id")
        more["order_status_last_changed_at"] = store.now()
    return store.change("orders", order_id, more)


def customer_integration(store: SparkPayStore, body: object) -> Row:
    """POST /customers/integration: found by e-mail, else made; addresses are added each time."""
    fields = _object(store, body, _CUSTOMER, "")
    for at, address in enumerate(fields.get("addresses") or ()):
        _object(store, address, _ADDRESS, f"addresses[{at}].")
    if not fields.get("email"):
        raise Refused(409, "email: needed to look the customer up")
    customer_id = _customer(store, fields["email"], fields)
    plain = {name: value for name, value in fields.items() if name in _PLAIN_CUSTOMER}
    if "taxable" in fields:
        plain["is_no_tax_customer"] = not fields["taxable"]
    row = store.change("customers", customer_id, plain)
    for address in fields.get("addresses") or ():
        given = {name.removeprefix("address_"): value for name, value in address.items() if name in _RENAMED}
        kept = {name: value for name, value in address.items() if name in _KEPT_ADDRESS}
        flags = {
            f"is_default_{kind}_address": address.get(f"default_{kind}_address", False)
            for kind in ("shipping", "billing")
        }
        store.add("addresses", {"customer_id": customer_id, **given, **kept, **flags})
    _set_custom_fields(store, "Customers", customer_id, fields.get("custom_fields") or ())
    return row


_PLAIN_CUSTOMER = _names(
    "customer_number first_name last_name phone_number alternate_phone_number company tax_exemption_number comments "
    "source source_group tax_rate"
)
_RENAMED = {f"address_{name}" for name in _names("first_name last_name company phone alternate_phone fax comments")}
_KEPT_ADDRESS = _names("address_line_1 address_line_2 city state postal_code country")


def order_integration(store: SparkPayStore, body: object) -> Row:
    """POST /orders/integration: found by number, else by e-mail and date, else made with all that the body holds."""
    fields = _object(store, body, _ORDER, "")
    for name, types in (("items", _ITEM), ("payments", _PAYMENT), ("custom_fields", _CUSTOM_FIELD)):
        for at, part in enumerate(fields.get(name) or ()):
            _object(store, part, types, f"{name}[{at}].")
    if not fields.get("customer_email"):
        raise Refused(409, "customer_email: needed")
    found = _orders(store, fields)
    if len(found) > 1:
        raise Refused(409, f"{len(found)} orders match.")
    customer_id = _customer(store, fields["customer_email"], fields)
    kept = {name: value for name, value in fields.items() if name in _KEPT_ORDER}
    if "exported_to_accounting_system" in fields:
        kept["exported_to_accounting_system"] = int(fields["exported_to_accounting_system"])
    if fields.get("order_status"):
        kept["order_status_id"] = _named(store, "order_statuses", fields["order_status"])
    kept |= _places(store, fields, customer_id)
    if found:
        order_id = found[0]["id"]
        changed_status(store, order_id, kept)
    else:
        kept.setdefault("order_status_id", next((row["id"] for row in store.tables["order_statuses"]), 0))
        kept.setdefault("ordered_at", store.now())
        type_id = (store.tables["customers"].row(customer_id) or {}).get("customer_type_id", 0)
        order_id = store.add("orders", {"customer_id": customer_id, "customer_type_id": type_id or 0, **kept})
    for item in fields.get("items") or ():
        store.add("order_items", {"order_id": order_id, **_item(store, item)})
    for payment in fields.get("payments") or ():
        given = {name: value for name, value in payment.items() if name != "order_payment_id"}
        store.add("order_payments", {"order_id": order_id, "customer_id": customer_id, **given})
    _set_custom_fields(store, "Orders", order_id, fields.get("custom_fields") or ())
    return store.tables["orders"].row(order_id) or {}


_KEPT_ORDER = _names(
    "order_number ordered_at subtotal tax_total shipping_total discount_total handling_total additional_fees "
    "grand_total cost_total selected_shipping_method admin_comments public_comments is_gift gift_message source "
    "source_group coupon_code manufacturer_invoice_number manufacturer_invoice_amount manufacturer_invoice_paid"
)


def _orders(store: SparkPayStore, fields: Mapping[str, Any]) -> list[Row]:
    if fields.get("order_number"):
        return list(store.tables["orders"].equal("order_number", fields["order_number"]))
    ids = {row["id"] for row in store.tables["customers"].equal("email", fields["customer_email"])}
    if not ids or not fields.get("ordered_at"):
        return []
    at = moments.parse(fields["ordered_at"], store.zone)
    return [row for row in store.tables["orders"] if row.get("customer_id") in ids and row.get("ordered_at") == at]


def _customer(store: SparkPayStore, email: str, fields: Mapping[str, Any]) -> int:
    found = list(store.tables["customers"].equal("email", email))
    if len(found) > 1:
        raise Refused(409, f"{len(found)} customers have the e-mail {email}.")
    if found:
        customer_id = int(found[0]["id"])
    else:
        names = {name: fields.get(name, fields.get(f"customer_{name}", "")) for name in ("first_name", "last_name")}
        store_id = next((row["id"] for row in store.tables["stores"]), 0)
        customer_id = store.add("customers", {"email": email, "store_id": store_id, **names})
    if fields.get("customer_type"):
        store.change(
            "customers", customer_id, {"customer_type_id": _named(store, "customer_types", fields["customer_type"])}
        )
    return customer_id


def _named(store: SparkPayStore, resource: str, name: str) -> int:
    """By name, and made where there is none: a typing mistake makes a new status."""
    found = list(store.tables[resource].equal("name", name))
    return int(found[0]["id"]) if found else store.add(resource, {"name": name})


def _places(store: SparkPayStore, fields: Mapping[str, Any], customer_id: int) -> dict[str, int]:
    ids = {}
    for kind in ("shipping", "billing"):
        given = {name: fields[f"{kind}_address_{name}"] for name in _PLACE if f"{kind}_address_{name}" in fields}
        if given:
            renamed = {_PLACE_FIELDS.get(name, name): value for name, value in given.items()}
            ids[f"order_{kind}_address_id"] = store.add("order_addresses", {"customer_id": customer_id, **renamed})
    return ids


_PLACE_FIELDS = {"line_1": "address_line_1", "line_2": "address_line_2", "alt_phone": "alternate_phone"}


def _item(store: SparkPayStore, item: Mapping[str, Any]) -> dict[str, object]:
    """The line's product by its number; a number that nobody has makes a line without a product."""
    number = item.get("item_number", "")
    variants = list(store.tables["variant_inventory"].equal("item_number", number)) if number else []
    products = list(store.tables["products"].equal("item_number", number)) if number else []
    fields: dict[str, object] = {name: value for name, value in item.items() if name in _KEPT_ITEM}
    fields["quantity"] = int(Decimal(item.get("quantity", 1)))
    fields["item_number_full"] = number
    fields["description"] = item.get("item_description", "")
    if variants:
        fields |= {"variant_inventory_id": variants[0]["id"], "product_id": variants[0]["product_id"]}
    elif products:
        fields["product_id"] = products[0]["id"]
    return fields


_KEPT_ITEM = _names(
    "item_number item_name price cost weight weight_unit is_taxable tax_code do_not_discount is_non_shipping_item"
)


def _set_custom_fields(store: SparkPayStore, kind: str, row_id: int, given: Iterable[Mapping[str, Any]]) -> None:
    for field in given:
        name, value = field.get("custom_field_name"), field.get("custom_field_value")
        declared = [
            row for row in store.tables["custom_fields"].equal("name", name) if row.get("resource_type") == kind
        ]
        if not declared:
            raise Refused(409, f"custom_fields: there is no field {name!r} for {kind}")
        store.add("custom_field_values", {"custom_field_id": declared[0]["id"], "resource_id": row_id, "value": value})


def _object(store: SparkPayStore, body: object, types: Mapping[str, str], at: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Refused(400, f"{at or 'The body'} must be a JSON object.", violation=True)
    problems = [
        f"{at}{name}: " + ("unknown field" if name not in types else problem)
        for name, value in body.items()
        if value is not None
        for problem in [type_problem(types[name], value, store.zone) if name in types else ""]
        if problem is not None
    ]
    if problems:
        raise Refused(409, "; ".join(problems), violation=True)
    return {name: value for name, value in body.items() if value is not None}
