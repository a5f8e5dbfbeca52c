"""Spark Pay customer and customer type -> canonical customer and customer group."""

from collections.abc import Iterable

from pydantic import ValidationError

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import CustomerBundle, ReferenceData, Row
from connector.sparkpay.mapping.address import book_address
from connector.sparkpay.mapping.faults import MappingFault
from connector.sparkpay.mapping.fields import flag, identity, number, reference, rounded, text, whole
from connector.sparkpay.mapping.scope import ROOT_GROUP, customer_in_scope, group_key
from contracts.entities import (
    CreditTerms,
    Customer,
    CustomerGroup,
    CustomerRole,
    CustomerStatus,
)


def customer_key(id_: int) -> str:
    """`sparkpay:<id>`."""
    return f"sparkpay:{id_}"


def customer_entity(bundle: CustomerBundle, known: ReferenceData, settings: ConnectionSettings) -> Customer:
    """The customer as it is now; one out of scope is inactive. Raises `MappingFault`.

    Names are given as they are: what stands in for a missing one is the receiving side's rule.
    """
    row = bundle.customer
    id_ = identity(row, "customers")
    type_id = reference(row, "customer_type_id")
    book = (
        None if bundle.addresses is None else sorted(bundle.addresses, key=lambda found: identity(found, "addresses"))
    )
    active = customer_in_scope(row, known, settings) and not flag(row, "is_inactive")
    try:
        return Customer(
            key=customer_key(id_),
            refs={"sparkpay": str(id_)},
            email=text(row, "email"),
            first_name=text(row, "first_name"),
            last_name=text(row, "last_name"),
            company=text(row, "company"),
            phone=text(row, "phone_number"),
            number=text(row, "customer_number"),
            group=group_key(type_id),
            status=CustomerStatus.ACTIVE if active else CustomerStatus.INACTIVE,
            role=CustomerRole.MAIN if bundle.parent_id is None else CustomerRole.LIMITED,
            parent=None if bundle.parent_id is None else customer_key(bundle.parent_id),
            tax_exempt=flag(row, "is_no_tax_customer"),
            tax_exemption_number=text(row, "tax_exemption_number"),
            vat_numbers=_vat_numbers(row) if settings.customers.vatin else None,
            currency=settings.store.currency_code,
            price_lists=(group_key(type_id),),
            credit=_credit(row, settings),
            pays_by_invoice=_pays_by_invoice(row, settings),
            sales_agents=_sales_agents(row) if settings.customers.sales_agents else None,
            addresses=None if book is None else tuple(book_address(found) for found in book),
            default_billing=_default(book, "is_default_billing_address"),
            default_shipping=_default(book, "is_default_shipping_address"),
            attributes=attributes(bundle.custom_fields),
        )
    except ValidationError as error:
        raise invalid("customer", customer_key(id_), error) from error


def group_entity(row: Row) -> CustomerGroup:
    """A customer type. Raises `MappingFault`."""
    id_ = identity(row, "customer_types")
    try:
        return CustomerGroup(
            key=group_key(id_), refs={"sparkpay": str(id_)}, name=text(row, "name") or group_key(id_), parent=ROOT_GROUP
        )
    except ValidationError as error:
        raise invalid("customer-group", group_key(id_), error) from error


def attributes(rows: Iterable[Row]) -> dict[str, str]:
    """Custom fields by name; empty ones are absent, and of two of one name the first counts."""
    found: dict[str, str] = {}
    for row in rows:
        name, value = text(row, "name"), text(row, "value")
        if name is not None and value is not None:
            found.setdefault(name, value)
    return found


def invalid(entity: str, key: str, error: ValidationError) -> MappingFault:
    """What a model refuses, in one sentence."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return MappingFault(f"{entity.replace('-', '_')}_invalid", f"{entity} {key}: {where}: {first['msg']}", where)


def _credit(row: Row, settings: ConnectionSettings) -> CreditTerms | None:
    """Spark Pay knows a limit and a term, and never what is owed."""
    limit, days = number(row, "credit_limit"), whole(row, "payment_net_term")
    if (limit is None or limit <= 0) and (days is None or days <= 0):
        return None
    return CreditTerms(
        currency=settings.store.currency_code,
        limit=rounded(limit, 4) if limit is not None and limit > 0 else None,
        net_days=days if days is not None and days > 0 else None,
    )


def _pays_by_invoice(row: Row, settings: ConnectionSettings) -> bool | None:
    names = row.get("store_payment_methods_enabled")
    chosen = {name.casefold() for name in settings.customers.invoice_methods}
    if not isinstance(names, list) or not chosen:
        return None
    return True if any(isinstance(name, str) and name.casefold() in chosen for name in names) else None


def _vat_numbers(row: Row) -> tuple[str, ...]:
    number_ = text(row, "tax_exemption_number")
    return () if number_ is None else (number_,)


def _sales_agents(row: Row) -> tuple[str, ...]:
    id_ = reference(row, "sales_person_user_id")
    return () if id_ is None else (f"sp-{id_}",)


def _default(book: list[Row] | None, name: str) -> str | None:
    """The address that is marked; where the store marked several, the newest id."""
    marked = [row for row in book or () if flag(row, name)]
    return str(identity(marked[-1], "addresses")) if marked else None
