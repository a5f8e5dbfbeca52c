"""Canonical customer -> the body that SparkLayer takes, field by field."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.settings import ConnectionSettings
from connector.sparklayer.customer_rules import address_objection, name_instead
from contracts.entities import Customer, CustomerAddress, CustomerStatus
from contracts.text import clean, cut
from handlers.outcome import Skip
from handlers.sparklayer.customer_groups import group_slug, in_scope
from handlers.sparklayer.price_body import slug_of as list_slug
from handlers.sparklayer.product_body import external_id
from handlers.sparklayer.purchase_body import address_body

LONGEST_ID = 255
LONGEST_EMAIL = 255
OWN_LISTS = "sp-"
LISTS = "price_lists"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_ROLES = {"main": "main", "limited": "limited-customer", "sales-agent": "sales-agent", "sales-admin": "sales-admin"}
_EMPTY: dict[str, Any] = {  # null where the vendor's tables allow it
    "title": "",
    "company_name": "",
    "accounting_id": "",
    "parent_customer_id": None,
    "currency_code": None,
    "tax_exempt": False,
    "vatin_numbers": [],
    "discount_percentage": None,
    "payment_on_account": None,
    "payment_by_invoice": None,
    "sales_agent_groups": [],
    "metadata": None,
}
_LIMITS = {
    "title": 30,
    "first_name": 128,
    "last_name": 128,
    "company_name": 255,
    "accounting_id": 255,
    "address.title": 30,
    "address.first_name": 50,
    "address.last_name": 50,
    "address.company": 128,
    "address.address_line1": 255,
    "address.address_line2": 255,
    "address.city": 128,
    "address.region_code": 10,
    "address.postal_code": 20,
    "address.phone": 20,
    "address.mobile": 20,
    "address.nickname": 50,
}

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written: the fields that are known, our price lists (none: not known), and fields to clear."""

    body: Body
    lists: Sequence[str] | None
    empty: Body


def usable_email(customer: Customer) -> str | None:
    """The address to sign in with, where it is one."""
    email = (customer.email or "").strip()
    return email if len(email) <= LONGEST_EMAIL and _EMAIL.fullmatch(email) else None


def customer_body(
    customer: Customer, email: str, settings: ConnectionSettings, parent: str | None
) -> tuple[Body, list[Skip]]:
    """Every field that the publisher knows, and what had to be left out or cut. `parent` is an id on SparkLayer."""
    notes: list[Skip] = []
    first, last = _names(customer, email, settings)
    body: Body = {
        "external_id": external_id(customer.key),
        "email": email,
        "title": customer.title,
        "first_name": first,
        "last_name": last,
        "company_name": customer.company,
        "accounting_id": customer.number,
        "status": status_of(customer, settings),
        "group": None if customer.group is None else group_slug(customer.group, settings),
        "role": _ROLES[customer.role],
        "parent_customer_id": parent,
        "currency_code": None if customer.currency is None else customer.currency.lower(),
        "tax_exempt": customer.tax_exempt,
        "vatin_numbers": None if customer.vat_numbers is None else list(customer.vat_numbers),
        "discount_percentage": customer.discount_percentage,
        "payment_on_account": _account(customer),
        "payment_by_invoice": customer.pays_by_invoice,
        "sales_agent_groups": None if customer.sales_agents is None else list(customer.sales_agents),
        "metadata": _metadata(customer, settings),
    }
    body = {name: value for name, value in body.items() if value is not None}
    _cut(body, "", notes, None)
    if customer.addresses is not None:
        body["addresses"] = [line for found in customer.addresses if (line := _address(found, notes)) is not None]
        sent = {line["external_id"] for line in body["addresses"]}
        for name, wanted in (("billing", customer.default_billing), ("shipping", customer.default_shipping)):
            body[f"default_{name}_address_id"] = wanted if wanted in sent else None
    return body, notes


def given_fields(body: Body, lists: Sequence[str] | None) -> set[str]:
    """Fields of a body that can be taken back. Names, status, group and role always say something else instead."""
    return {*(body.keys() & _EMPTY.keys()), *((LISTS,) if lists is not None else ())}


def emptied(names: Collection[str]) -> Body:
    """What a change sends for fields that were cleared in their source."""
    return {name: _EMPTY[name] for name in sorted(names) if name in _EMPTY}


def price_lists_of(customer: Customer, settings: ConnectionSettings) -> list[str] | None:
    """Slugs on SparkLayer; none where the publisher does not know."""
    if customer.price_lists is None:
        return None
    currency = customer.currency or settings.store.currency_code
    return [list_slug(name, currency) for name in customer.price_lists]


def merged_lists(own: Sequence[str], there: Sequence[object]) -> list[str]:
    """Ours first, then those that somebody gave the customer on SparkLayer."""
    foreign = [str(slug) for slug in there if not str(slug).startswith(OWN_LISTS) and slug not in own]
    return [*own, *foreign]


def status_of(customer: Customer, settings: ConnectionSettings) -> str:
    """Nobody out of scope may sign in."""
    if customer.status is CustomerStatus.ACTIVE and not in_scope(customer.group, settings):
        return CustomerStatus.INACTIVE.value
    return customer.status.value


def _names(customer: Customer, email: str, settings: ConnectionSettings) -> tuple[str, str]:
    """SparkLayer wants both; what stands in for a missing one is the company, then the mailbox, then a word."""
    spare = name_instead(customer.company, email, settings.customers.name_fallback)
    return clean(customer.first_name) or spare, clean(customer.last_name) or spare


def _account(customer: Customer) -> Body | None:
    """Never the balance, unless the publisher keeps the account."""
    credit = customer.credit
    if credit is None:
        return None
    found = {
        "credit_limit": credit.limit,
        "balance": credit.balance,
        "currency_code": credit.currency.lower(),
        "net_terms": f"{credit.net_days}_days" if credit.net_days else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _metadata(customer: Customer, settings: ConnectionSettings) -> Mapping[str, str] | None:
    found = dict(customer.attributes)
    if customer.tax_exemption_number is not None and not settings.customers.vatin:
        found["tax_exemption_number"] = customer.tax_exemption_number
    return found or None


def _address(address: CustomerAddress, notes: list[Skip]) -> Body | None:
    part = f"address {address.id}"
    if (objection := address_objection(address)) is not None:
        code, what = objection
        notes.append(Skip(code, f"{part} {what}", part))
        return None
    body: Body = {"external_id": address.id, **address_body(address)}
    if address.nickname is not None:
        body["nickname"] = address.nickname
    _cut(body, "address.", notes, part)
    return body


def _cut(body: Body, prefix: str, notes: list[Skip], part: str | None) -> None:
    for name, value in body.items():
        limit = _LIMITS.get(prefix + name)
        if limit is not None and isinstance(value, str) and len(value) > limit:
            body[name] = cut(value, limit)
            message = f"{part or 'customer'}: {name} has {len(value)} characters, it was cut to {limit}"
            notes.append(Skip("truncated", message, f"{part}.{name}" if part else name, note=True))
