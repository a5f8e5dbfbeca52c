"""A shop with customers and orders written out by hand, and what SparkLayer should hold of them by the mapping."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

from small_shop import NOW

from connector.demo.oracle import OracleSettings, differences

Tables = dict[str, Any]
SETTINGS = OracleSettings(
    currency="USD",
    kinds=frozenset({"customer", "customer-group", "order", "shipping-method", "stock-location", "setting"}),
    association_type_id=4,
    invoice_methods=("Net 30",),
    sales_agents=True,
    stock_mode="per_warehouse",
    invoice_url="https://erp.example/{number}.pdf",
    payment_methods={"On account": "on-account"},
    shipping_api="v2",
    site_settings={"taxDisplay": "net"},
)
CART = "3f2a9c1d-77aa-4b1e-9a55-0c1d2e3f4a5b"


def store(**changes: Any) -> Tables:
    """A key such as `orders` replaces that table."""
    tables: Tables = {
        "stores": [{"id": 1, "domain_name": "trade.example.com"}],
        "customer_types": [{"id": 3, "name": "Dealer"}, {"id": 4, "name": "Schools"}],
        "warehouses": [{"id": 1, "name": "Main", "is_default": True}, {"id": 2, "name": "Reno", "is_default": False}],
        "customers": [customer(), child()],
        "addresses": [address(), address(id=72, is_default_billing_address=False, address_type="Site", city="Waco")],
        "customer_association": [
            {"id": 1, "parent_customer_id": 50, "child_customer_id": 51, "association_type_id": 4}
        ],
        "order_statuses": [
            {"id": 1, "name": "Fresh", "is_open": True},
            {"id": 2, "name": "Gone", "is_shipped": True},
            {"id": 3, "name": "Called off", "is_cancelled": True},
            {"id": 4, "name": "Turned down", "is_declined": True},
            {"id": 5, "name": "Money back", "is_fully_refunded": True, "is_shipped": True},
            {"id": 6, "name": "Some back", "is_partially_refunded": True},
            {"id": 7, "name": "Offer", "is_quote_status": True},
        ],
        "orders": [order()],
        "order_items": [item(), item(id=902, item_number_full="NUT", item_name="Nut", quantity=2, price="5", tax="1")],
        "order_payments": [payment()],
        "order_shipments": [shipment()],
        "order_addresses": [order_address(), order_address(id=82, city="Waco")],
        "custom_fields": [
            {"id": 1, "name": "sparklayer_cart_id", "resource_type": "Orders"},
            {"id": 2, "name": "Purchase order number", "resource_type": "Orders"},
        ],
        "custom_field_values": [
            {"id": 1, "custom_field_id": 1, "resource_id": 100, "value": CART},
            {"id": 2, "custom_field_id": 2, "resource_id": 100, "value": "PO-77"},
        ],
        "custom_shipping_methods": [
            {"id": 9, "name": "Freight", "is_enabled": True, "rules": [
                {"bound_type": "Weight", "lower_bound": 0, "upper_bound": 10, "amount": 0, "region_id": 1}]},
            {"id": 10, "name": "Courier", "is_enabled": True, "rules": [{"bound_type": "Dollars", "amount": 5}]},
        ],
        "regions": [{"id": 1, "name": "North", "countries": ["United States", "Canada"]}],
    }  # fmt: skip
    return {**tables, **changes}


def customer(**changes: Any) -> Tables:
    row = {
        "id": 50,
        "store_id": 1,
        "email": "ana@roofers.example",
        "first_name": "Ana",
        "last_name": "Ruiz",
        "company": "Ruiz Roofing",
        "customer_number": "C-50",
        "customer_type_id": 3,
        "is_no_tax_customer": True,
        "tax_exemption_number": "TX-1",
        "credit_limit": "5000",
        "payment_net_term": 30,
        "store_payment_methods_enabled": ["Net 30"],
        "sales_person_user_id": 8,
    }
    return {**row, **changes}


def child() -> Tables:
    changes: Tables = {"credit_limit": None, "payment_net_term": 0, "tax_exemption_number": "", "customer_number": ""}
    changes |= {"store_payment_methods_enabled": [], "sales_person_user_id": 0, "is_no_tax_customer": False}
    return customer(id=51, email="bo@roofers.example", first_name="", company="", **changes)


def address(**changes: Any) -> Tables:
    row = {
        "id": 71,
        "customer_id": 50,
        "first_name": "Ana",
        "last_name": "Ruiz",
        "address_line_1": "12 Oak St",
        "city": "Austin",
        "state": "Texas",
        "postal_code": "78701",
        "country": "United States",
        "phone": "512-555-0100",
        "is_default_billing_address": True,
        "address_type": "Default",
    }
    return {**row, **changes}


def order_address(**changes: Any) -> Tables:
    row = {
        name: value for name, value in address().items() if name not in ("address_type", "is_default_billing_address")
    }
    return {**row, "id": 81, "postal_code": 2139, "state": "Massachusetts", "city": "Cambridge", **changes}


def order(**changes: Any) -> Tables:
    row = {
        "id": 100,
        "customer_id": 50,
        "order_status_id": 1,
        "order_type": "Order",
        "order_number": "SL-3F2A9C1D77AA",
        "ordered_at": "2026-02-03T09:04:05-06:00",
        "order_billing_address_id": 81,
        "order_shipping_address_id": 82,
        "subtotal": "40",
        "tax_total": "4",
        "shipping_total": "12",
        "handling_total": "3",
        "discount_total": "2",
        "grand_total": "57",
        "selected_shipping_method": "UPS Ground",
        "manufacturer_invoice_number": "I-9",
    }
    return {**row, **changes}


def item(**changes: Any) -> Tables:
    row = {
        "id": 901,
        "order_id": 100,
        "item_number": "BOLT",
        "item_number_full": "BOLT",
        "item_name": "Bolt M8",
        "quantity": 3,
        "price": "10",
        "tax": "3",
        "discount_amount": "0",
    }
    return {**row, **changes} if "item_number_full" not in changes else {
        **row, **changes, "item_number": changes["item_number_full"]}  # fmt: skip


def payment(**changes: Any) -> Tables:
    row = {"id": 31, "order_id": 100, "payment_type": "Custom", "payment_method_name": "On account", "amount": "57"}
    return {**row, "is_approved": True, "is_captured": True, **changes}


def shipment(**changes: Any) -> Tables:
    row = {
        "id": 41,
        "order_id": 100,
        "shipped_at": "2026-02-05T00:00:00-06:00",
        "shipping_provider_name": "UPS",
        "tracking_numbers": "1Z999, 1Z998",
        "tracking_url": "parcels.example/1Z999",
        "items": [{"id": 901, "quantity_shipped": 2}],
    }
    return {**row, **changes}


def site(**changes: Any) -> Tables:
    """What SparkLayer should hold of `store()`."""
    tables: Tables = {
        "customer_groups": [
            {"slug": "base", "name": "Base", "parent_slug": None},
            {"slug": "ct-3", "name": "Dealer", "parent_slug": "base"},
            {"slug": "ct-4", "name": "Schools", "parent_slug": "base"},
        ],
        "customers": [held_customer(), held_child()],
        "purchases": [purchase()],
        "orders": [],
        "shipping_methods": [
            {
                "code": "sp-csm-9",
                "title": "Freight",
                "countries": ["CA", "US"],
                "groups": [],
                "bands": [{"requirement": {"min": "0", "max": "4535.92"}, "cost": {"type": "free"}}],
            }
        ],
        "stock_locations": [
            {"external_id": "default", "name": "Default"},
            {"external_id": "wh-2", "name": "Reno"},
        ],
        "settings": {"taxDisplay": "net"},
    }
    return {**tables, **changes}


def held_customer() -> Tables:
    return {
        "id": "11111111-aaaa",
        "legacy_id": "cu_1",
        "external_id": "50",
        "email": "ana@roofers.example",
        "first_name": "Ana",
        "last_name": "Ruiz",
        "company_name": "Ruiz Roofing",
        "accounting_id": "C-50",
        "group": "ct-3",
        "status": "active",
        "role": "main",
        "price_lists": ["sp-ct-3-usd", "vip"],
        "tax_exempt": True,
        "payment_on_account": {"credit_limit": "5000.00", "currency_code": "usd", "net_terms": "30_days"},
        "payment_by_invoice": True,
        "sales_agent_groups": ["sp-8"],
        "metadata": {"tax_exemption_number": "TX-1"},
        "parent_customer": None,
        "default_billing_address_id": "ca_1",
        "default_shipping_address_id": None,
        "addresses": [held_address(), held_address(id="ca_2", external_id="72", city="Waco", nickname="Site")],
    }


def held_child() -> Tables:
    row = held_customer() | {"id": "22222222-bbbb", "legacy_id": "cu_2", "external_id": "51", "accounting_id": None}
    row |= {"email": "bo@roofers.example", "first_name": "bo", "company_name": None, "role": "limited-customer"}
    row |= {"tax_exempt": False, "payment_on_account": None, "payment_by_invoice": None, "sales_agent_groups": []}
    parent = {"id": "cu_1", "external_id": "50"}
    return row | {"metadata": None, "parent_customer": parent, "default_billing_address_id": None, "addresses": []}


def held_address(**changes: Any) -> Tables:
    row = {
        "id": "ca_1",
        "external_id": "71",
        "first_name": "Ana",
        "last_name": "Ruiz",
        "address_line1": "12 Oak St",
        "city": "Austin",
        "region_code": "TX",
        "postal_code": "78701",
        "country_code": "US",
        "phone": "512-555-0100",
    }
    return {**row, **changes}


def money(number: str) -> Tables:
    return {"number": number, "currency": "usd"}


def line(sku: str, id_: str, name: str, quantity: int, net: str, tax: str) -> Tables:  # noqa: PLR0917 - a table
    total = {"total_net": money(net), "total_tax": money(tax)}
    return {
        "identifiers": {"sku": sku, "platform": id_},
        "name_parent": name,
        "quantity": quantity,
        "line_total": total,
    }


def placed_address(city: str) -> Tables:
    row = {name: value for name, value in held_address().items() if name not in ("id", "external_id")}
    return row | {"city": city, "postal_code": "02139", "region_code": "MA"}


def purchase() -> Tables:
    """Two of three bolts have left, the third and the nuts are open."""
    extra = {"name_parent": "Handling less discount", "quantity": 1, "line_total": {"total_net": money("1.00")}}
    at = {"shipped_at": "2026-02-05T06:00:00.000Z", "carrier": "UPS", "url": "https://parcels.example/1Z999"}
    return {
        "type": "order",
        "purchase_identifiers": {"sparklayer": CART, "platform": "100", "visible": "SL-3F2A9C1D77AA"},
        "customer_identifiers": {"sparklayer": "cu_1"},
        "dates": {"placed": "2026-02-03T15:04:05Z"},
        "billing_address": placed_address("Cambridge"),
        "custom_fields": [{"name": "customer_reference", "value": "PO-77"}],
        "metadata": [{"name": "payment_method", "value": "paymentOnAccount"}],
        "total_paid": money("57.00"),
        "tax_lines": [{"title": "Tax", "amount": money("4.00")}],
        "accounting_files": [
            {"identifiers": {"visible": "I-9"}, "data": {"type": "uri", "uri": "https://erp.example/I-9.pdf"}}
        ],
        "packages": [
            {
                "identifiers": {"platform": "sh-41"},
                "line_items": [line("BOLT", "901", "Bolt M8", 2, "20.00", "2.00"), extra],
                "shipments": [at | {"carrier_id": "1Z999"}, at | {"carrier_id": "1Z998"}],
                "shipping_method": {"name": "UPS Ground", "line_total": {"total_net": money("12.00")}},
                "shipping_address": placed_address("Waco"),
            },
            {
                "line_items": [
                    line("BOLT", "901", "Bolt M8", 1, "10.00", "1.00"),
                    line("NUT", "902", "Nut", 2, "10.00", "1.00"),
                ],
                "shipping_address": placed_address("Waco"),
            },
        ],
    }


def placed() -> Tables:
    """The purchase as the buyer placed it."""
    row = deepcopy(purchase())
    row["purchase_identifiers"] = {"sparklayer": CART}
    first, second = row["packages"]
    extra = first["line_items"][1]
    lines = [line("BOLT", "", "Bolt M8", 3, "30.00", "3.00"), *second["line_items"][1:], extra]
    row["packages"] = [{name: first[name] for name in ("shipping_method", "shipping_address")} | {"line_items": lines}]
    return row | {"total_paid": money("0.00"), "accounting_files": []}


def found(shop: Tables, there: Tables, **changes: Any) -> list[tuple[str, str, str]]:
    """Entity, key and field of every difference."""
    placed_ = changes.pop("placed", ())
    settings = replace(SETTINGS, **changes)
    return [(d.entity, d.key, d.field) for d in differences(shop, there, settings=settings, now=NOW, placed=placed_)]
