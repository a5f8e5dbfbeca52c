"""Canonical customer -> rows of `customers` and `addresses`."""

from typing import Any

from connector.places import country_name, region_name
from contracts.entities import Customer, CustomerAddress, CustomerStatus

Body = dict[str, Any]


def customer_row(customer: Customer, type_id: int | None) -> Body:
    """Every field that the publisher knows and Spark Pay has; the type is left as it is where the group is none."""
    credit = customer.credit
    body: Body = {
        "email": (customer.email or "").strip(),
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "company": customer.company,
        "phone_number": customer.phone,
        "customer_number": customer.number,
        "customer_type_id": type_id,
        "is_no_tax_customer": customer.tax_exempt,
        "tax_exemption_number": customer.tax_exemption_number,
        "credit_limit": None if credit is None else credit.limit,
        "payment_net_term": None if credit is None else credit.net_days,
        "is_inactive": customer.status in (CustomerStatus.INACTIVE, CustomerStatus.REJECTED),
    }
    return {name: value for name, value in body.items() if value is not None}


def address_row(customer: Customer, address: CustomerAddress) -> Body:
    """A row of `addresses` without its customer; empty fields are emptied there as well."""
    return {
        "first_name": address.first_name or "",
        "last_name": address.last_name or "",
        "company": address.company or "",
        "address_line_1": address.line1 or "",
        "address_line_2": address.line2 or "",
        "city": address.city or "",
        "state": region_name(address.country, address.region) or "",
        "postal_code": address.postal_code or "",
        "country": country_name(address.country) or "",
        "phone": address.phone or "",
        "alternate_phone": address.mobile or "",
        "address_type": address.nickname or "Default",
        "is_default_billing_address": address.id == customer.default_billing,
        "is_default_shipping_address": address.id == customer.default_shipping,
    }
