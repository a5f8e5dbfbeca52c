"""SparkLayer customer (v2, with its addresses) and customer group -> canonical customer and group."""

import re
from typing import Any

from pydantic import ValidationError

from connector.settings import ConnectionSettings
from connector.sparklayer.mapping.address import common
from connector.sparklayer.mapping.faults import MappingFault, invalid
from connector.sparklayer.mapping.fields import Row, flag, number, part, rows, text, texts
from contracts.entities import (
    CreditTerms,
    Customer,
    CustomerAddress,
    CustomerGroup,
    CustomerRole,
    CustomerStatus,
)

ROOT = "base"
_TERMS = re.compile(r"(\d{1,4})_days")
_OUR_LIST = re.compile(r"sp-(.+)-[a-z]{3}")
_ROLES = {
    "limited-customer": CustomerRole.LIMITED,
    "sales-agent": CustomerRole.SALES_AGENT,
    "sales-admin": CustomerRole.SALES_ADMIN,
}
_EXEMPTION = "tax_exemption_number"


def customer_id(row: Row) -> str | None:
    """The id that purchases name a customer by: the older one where there are two."""
    return text(row.get("legacy_id")) or text(row.get("id"))


def customer_key(row: Row) -> str:
    """By the system that created it: its external id says whose that is. Raises `MappingFault`."""
    external, own = text(row.get("external_id")), customer_id(row)
    if external is not None:
        return external if ":" in external else f"sparkpay:{external}"
    if own is None:
        raise MappingFault("customer_id_missing", "a customer has neither an id nor an external id")
    return f"sparklayer:{own}"


def customer_entity(row: Row, settings: ConnectionSettings, key: str | None = None) -> Customer:
    """The customer as it is now, under the key that it is known by. Raises `MappingFault`.

    What the shop decides in any case (tax exemption) is told only where the shop is not a source of customers.
    """
    key = key or customer_key(row)
    own, external = customer_id(row), text(row.get("external_id"))
    refs = {"sparklayer": own} if own is not None else {}
    refs |= {"sparkpay": external} if external is not None and external.isdecimal() else {}
    metadata = {name: value for name, found in part(row, "metadata").items() if (value := text(found)) is not None}
    exemption = metadata.pop(_EXEMPTION, None)
    parent = part(row, "parent_customer")
    try:
        book = [_book_address(found) for found in rows(row, "addresses")]
        return Customer(
            key=key,
            refs=refs,
            email=text(row.get("email")),
            title=text(row.get("title")),
            first_name=text(row.get("first_name")),
            last_name=text(row.get("last_name")),
            company=text(row.get("company_name")),
            number=text(row.get("accounting_id")),
            group=group_key(text(row.get("group")), settings),
            status=_status(row),
            role=_ROLES.get(text(row.get("role")) or "", CustomerRole.MAIN),
            parent=customer_key(parent) if any(parent.values()) else None,
            tax_exempt=None if settings.flow.customer == "both" else flag(row.get("tax_exempt")),
            tax_exemption_number=exemption,
            vat_numbers=texts(row, "vatin_numbers") if settings.customers.vatin else None,
            currency=_currency(row.get("currency_code")),
            price_lists=_price_lists(row),
            discount_percentage=number(row.get("discount_percentage")),
            credit=_credit(row, settings),
            pays_by_invoice=flag(row.get("payment_by_invoice")),
            sales_agents=texts(row, "sales_agent_groups"),
            addresses=tuple(address for _, address in book) if isinstance(row.get("addresses"), list) else None,
            default_billing=_default(row, "default_billing_address_id", book),
            default_shipping=_default(row, "default_shipping_address_id", book),
            attributes=metadata,
        )
    except ValidationError as error:
        raise invalid("customer", key, error) from error


def group_key(slug: str | None, settings: ConnectionSettings) -> str | None:
    """The root group is `base`, whatever the site calls it."""
    return ROOT if slug == settings.sparklayer.root_group else slug


def group_entity(row: Row, settings: ConnectionSettings) -> CustomerGroup:
    """A customer group. Raises `MappingFault`."""
    slug = text(row.get("slug")) or ""
    key = group_key(slug, settings) or slug
    try:
        return CustomerGroup(
            key=key,
            refs={"sparklayer": slug},
            name=text(row.get("name")) or key,
            parent=None if key == ROOT else group_key(text(row.get("parent_slug")), settings) or ROOT,
        )
    except ValidationError as error:
        raise invalid("customer-group", key, error) from error


def _status(row: Row) -> CustomerStatus:
    found = text(row.get("status"))
    return CustomerStatus(found) if found in set(CustomerStatus) else CustomerStatus.ACTIVE


def _currency(value: object) -> str | None:
    found = text(value)
    return None if found is None else found.upper()


def _price_lists(row: Row) -> tuple[str, ...] | None:
    """The lists that stand for customer types; others are SparkLayer's own affair."""
    slugs = texts(row, "price_lists")
    if slugs is None:
        return None
    return tuple(found[1] for slug in slugs if (found := _OUR_LIST.fullmatch(slug)) is not None) or None


def _credit(row: Row, settings: ConnectionSettings) -> CreditTerms | None:
    account = part(row, "payment_on_account")
    if not account:
        return None
    days = _TERMS.fullmatch(text(account.get("net_terms")) or "")
    return CreditTerms(
        currency=_currency(account.get("currency_code")) or settings.store.currency_code,
        limit=number(account.get("credit_limit")),
        balance=number(account.get("balance")),
        net_days=int(days[1]) if days is not None else None,
    )


def _book_address(row: Row) -> tuple[str | None, CustomerAddress]:
    """SparkLayer's own id of the address, and the address under the id that its publisher gave it."""
    own, external = text(row.get("id")), text(row.get("external_id"))
    refs = {"sparklayer": own} if own is not None else {}
    refs |= {"sparkpay": external} if external is not None and external.isdecimal() else {}
    fields: dict[str, Any] = common(row)
    return own, CustomerAddress(id=external or own or "", refs=refs, nickname=text(row.get("nickname")), **fields)


def _default(row: Row, name: str, book: list[tuple[str | None, CustomerAddress]]) -> str | None:
    """Replies name the default address by SparkLayer's own id."""
    wanted = text(row.get(name))
    return next((address.id for own, address in book if wanted is not None and wanted in (own, address.id)), None)
