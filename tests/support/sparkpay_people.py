"""Spark Pay customers and orders of the vendor's shapes with values of our own."""

from decimal import Decimal
from typing import Any

from connector.sparkpay.bundle import CustomerBundle, OrderBundle, ReferenceData
from tests.support.sparkpay_bundles import known

STATUS_FLAGS = (
    "is_open",
    "is_declined",
    "is_cancelled",
    "is_shipped",
    "is_partially_shipped",
    "is_fully_refunded",
    "is_partially_refunded",
    "is_quote_status",
)


def status(id_: int, name: str, *flags: str) -> dict[str, Any]:
    """A row of `order_statuses` with these flags set."""
    return {"id": id_, "name": name, **{flag: flag in flags for flag in STATUS_FLAGS}}


STATUSES = {
    row["id"]: row
    for row in (
        status(1, "Fresh", "is_open"),
        status(2, "On its way", "is_shipped"),
        status(3, "Half gone", "is_open", "is_partially_shipped"),
        status(4, "Called off", "is_cancelled"),
        status(5, "Turned down", "is_declined"),
        status(6, "Money back", "is_shipped", "is_fully_refunded"),
        status(7, "Some money back", "is_shipped", "is_partially_refunded"),
        status(8, "Offer", "is_quote_status"),
    )
}
REGIONS = {
    11: {"id": 11, "name": "North", "countries": ["United States", "Canada"], "states": [], "postal_codes": []},
    12: {"id": 12, "name": "Texas only", "countries": ["United States"], "states": ["Texas"], "postal_codes": []},
    13: {"id": 13, "name": "Odd", "countries": ["Atlantis"], "states": [], "postal_codes": []},
}


def store(**changes: Any) -> ReferenceData:
    """The slow data of a store that takes orders."""
    return known(**{"order_statuses": STATUSES, "regions": REGIONS, **changes})


def customer_row(**changes: Any) -> dict[str, Any]:
    """A row of `customers` with the API's own empty forms."""
    row: dict[str, Any] = {
        "id": 5012,
        "customer_number": "",
        "email": "ana@roofers.example",
        "first_name": "Ana",
        "last_name": "Ruiz",
        "company": "Ruiz Roofing LLC",
        "phone_number": "512-555-0100",
        "customer_type_id": 7,
        "is_no_tax_customer": False,
        "tax_exemption_number": "",
        "store_id": 60,
        "no_account": False,
        "is_contact_information_only": False,
        "is_inactive": False,
        "sales_person_user_id": 0,
        "payment_net_term": 0,
        "credit_limit": Decimal("0.0000"),
        "store_payment_methods_enabled": [],
        "updated_at": "2026-02-03T09:04:05.123-06:00",
    }
    return {**row, **changes}


def address_row(**changes: Any) -> dict[str, Any]:
    """A row of `addresses`."""
    row: dict[str, Any] = {
        "id": 8801,
        "customer_id": 5012,
        "first_name": "Ana",
        "last_name": "Ruiz",
        "company": "",
        "address_line_1": "12 Oak St",
        "address_line_2": "",
        "city": "Austin",
        "state": "Texas",
        "postal_code": "78701",
        "country": "United States",
        "phone": "",
        "alternate_phone": "",
        "is_default_billing_address": False,
        "is_default_shipping_address": False,
        "address_type": "Default",
    }
    return {**row, **changes}


def customer(*addresses: dict[str, Any], **changes: Any) -> CustomerBundle:
    """A customer with an address book."""
    return CustomerBundle(customer_row(**changes), addresses)


def order_row(**changes: Any) -> dict[str, Any]:
    """A row of `orders`."""
    row: dict[str, Any] = {
        "id": 100020,
        "customer_id": 5012,
        "customer_type_id": 7,
        "order_status_id": 1,
        "order_number": "",
        "order_type": "Order",
        "ordered_at": "2026-02-03T09:04:05.123-06:00",
        "order_status_last_changed_at": "2026-02-04T10:00:00-06:00",
        "order_billing_address_id": 71,
        "order_shipping_address_id": 71,
        "subtotal": Decimal("300.0000"),
        "tax_total": Decimal("24.7500"),
        "shipping_total": Decimal("12.0000"),
        "discounted_shipping_total": None,
        "discount_total": 0,
        "handling_total": 0,
        "additional_fees": 0,
        "grand_total": Decimal("336.7500"),
        "selected_shipping_method": "UPS Ground",
        "selected_shipping_provider_service": "UPS_GROUND",
        "special_instructions": "",
        "instructions": "",
        "public_comments": "",
        "admin_comments": "",
        "is_payment_order_only": False,
        "manufacturer_invoice_number": "",
    }
    return {**row, **changes}


def item_row(**changes: Any) -> dict[str, Any]:
    """A row of `order_items`."""
    row: dict[str, Any] = {
        "id": 9001,
        "order_id": 100020,
        "product_id": 501,
        "item_number": "ROPE-60",
        "item_number_full": "ROPE-60-RED",
        "item_name": "Trail Rope 60 m",
        "price": Decimal("100.0000"),
        "quantity": 3,
        "is_discount_item": False,
        "discount_amount": Decimal("0.0000"),
        "tax": Decimal("24.7500"),
        "line_item_note": "",
        "order_shipping_address_id": None,
        "variants": [{"id": 21, "description": "Colour: Red", "variant_group_id": 10}],
    }
    return {**row, **changes}


def payment_row(**changes: Any) -> dict[str, Any]:
    """A row of `order_payments`."""
    row: dict[str, Any] = {
        "id": 31,
        "order_id": 100020,
        "customer_id": 5012,
        "payment_type": "Custom",
        "payment_method_name": "Net terms",
        "amount": Decimal("336.7500"),
        "is_approved": False,
        "is_captured": False,
        "is_void": False,
        "is_declined": False,
        "payment_ref_num": "",
        "paid_at": "",
        "approved_at": "",
    }
    return {**row, **changes}


def shipment_row(**changes: Any) -> dict[str, Any]:
    """A row of `order_shipments`, its items read."""
    row: dict[str, Any] = {
        "id": 41,
        "order_id": 100020,
        "shipped_at": "2026-02-05T00:00:00-06:00",
        "shipment_name": "1",
        "shipping_method": "UPS Ground",
        "shipping_provider_name": "UPS",
        "tracking_numbers": "1Z999",
        "tracking_url": "parcels.example/1Z999",
        "items": [{"id": 9001, "quantity_shipped": 2}],
    }
    return {**row, **changes}


def order_address_row(**changes: Any) -> dict[str, Any]:
    """A row of `order_addresses`, whose postal codes are numbers."""
    row = {**address_row(), "id": 71, "postal_code": 2139, "state": "Massachusetts", "state_code": "MA"}
    return {**row, "country_code": "US", "city": "Cambridge", **changes}


def order(*items: dict[str, Any], **changes: Any) -> OrderBundle:
    """An order of one line, unless others are given."""
    return OrderBundle(
        order_row(**changes),
        items=items or (item_row(),),
        addresses={71: order_address_row()},
        customer=customer_row(),
    )
