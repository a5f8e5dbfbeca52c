"""What buyers and merchants do at a simulated SparkLayer site."""

from decimal import Decimal
from typing import Any

from connector.sandbox.sparklayer import SparkLayerSite

Row = dict[str, Any]


def money(number: str) -> Row:
    return {"number": number, "currency": "usd"}


def add_customer(site: SparkLayerSite, email: str, **fields: Any) -> Row:
    """A customer who is there, without an external id unless one is given."""
    row = {"email": email, "first_name": "Ana", "last_name": "Ruiz", **fields}
    return site.customers.put(site.customers.find("email", email), row, whole=True)


def place_order(site: SparkLayerSite, cart: str, customer: str | None = None, **fields: Any) -> Row:
    """An order as SparkLayer keeps it until a shop has taken it; placed again it is that order, changed."""
    line = {
        "identifiers": {"sku": "ROPE"},
        "name_parent": "Rope",
        "quantity": Decimal(fields.pop("quantity", 2)),
        "line_total": {"total_net": money("20.00"), "total_tax": money("1.60"), "total_gross": money("21.60")},
    }
    place = {"address_line1": "12 Oak St", "city": "Austin", "region_code": "TX", "country_code": "US"}
    body = {
        "type": "order_unconfirmed",
        "purchase_identifiers": {"sparklayer": cart},
        "customer_identifiers": {"sparklayer": customer} if customer is not None else {},
        "dates": {"placed": site.stamp()},
        "billing_address": place,
        "packages": [{"line_items": [line], "shipping_address": place}],
        "accounting_files": [],
        "custom_fields": [{"name": "customer_reference", "value": "PO-1"}],
        "metadata": [{"name": "payment_method", "value": "paymentOnAccount"}],
        "total_paid": money("0.00"),
        "tax_lines": [],
        **fields,
    }
    return site.purchases.put("sparklayer", cart, body)[0]


def take_order(site: SparkLayerSite, cart: str, shop_id: str, **fields: Any) -> Row:
    """What a shop writes once it has the order."""
    row = site.purchases.find("sparklayer", cart)
    assert row is not None, cart
    kept = {name: value for name, value in row.items() if name not in ("id", "created_at", "updated_at", "dates")}
    ids = {"sparklayer": cart, "platform": shop_id}
    dates = {"placed": row["dates"].get("placed") or site.stamp()}
    body = {**kept, "type": "order", "purchase_identifiers": ids, "dates": dates, **fields}
    return site.purchases.put("sparklayer", cart, body)[0]
