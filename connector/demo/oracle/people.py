"""Customers of a shop as SparkLayer should hold them."""

import re
from collections.abc import Mapping
from decimal import Decimal

from connector.demo.oracle.expectation import Expected, exactly
from connector.demo.oracle.postal import text
from connector.demo.oracle.rows import Dump, Row, Shop, by_id, by_owner, flag, number, ref, whole, words
from connector.demo.oracle.settings import OracleSettings

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_LONGEST_EMAIL = 255
_PARTS_OF_A_MAILBOX = re.compile(r"[._+-]+")


class People:
    """Customers, their addresses and who belongs to whom."""

    def __init__(self, dump: Dump) -> None:
        self.customers = by_id(dump, "customers")
        self.addresses_of = by_owner(dump, "addresses", "customer_id")
        self.parents = {
            (ref(row, "child_customer_id"), ref(row, "association_type_id")): ref(row, "parent_customer_id")
            for row in by_id(dump, "customer_association").values()
        }


def in_scope(shop: Shop, settings: OracleSettings, row: Row) -> bool:
    """Whether the connector serves the customer: its type, its store, and more than a guest or a contact."""
    if flag(row, "no_account") or flag(row, "is_contact_information_only"):
        return False
    if ref(row, "store_id") not in (0, shop.store_id):
        return False
    return type_in_scope(settings, ref(row, "customer_type_id"))


def type_in_scope(settings: OracleSettings, type_id: int) -> bool:
    """`all` takes in those without a type."""
    wanted = settings.customer_type_ids
    return wanted == "all" or type_id in wanted


def email(row: Row) -> str | None:
    """The address to sign in with; without one the customer is skipped."""
    found = words(row.get("email"))
    return found if len(found) <= _LONGEST_EMAIL and _EMAIL.fullmatch(found) else None


def group(settings: OracleSettings, type_id: int) -> str:
    """Slug of the customer group of a type."""
    return f"ct-{type_id}" if type_id else settings.root_group


def expected_fields(people: People, settings: OracleSettings, row: Row) -> Mapping[str, Expected]:
    """Every plain field of an active customer in scope, by its name on SparkLayer."""
    type_id, currency = ref(row, "customer_type_id"), settings.currency.lower()
    tax_number = words(row.get("tax_exemption_number"))
    parent = parent_of(people, settings, row)
    found = {
        "email": exactly(email(row)),
        "first_name": _name(row, "first_name", settings),
        "last_name": _name(row, "last_name", settings),
        "company_name": text(words(row.get("company")), 255),
        "accounting_id": text(words(row.get("customer_number")), 255),
        "group": exactly(group(settings, type_id)),
        "price_lists": exactly((f"sp-ct-{type_id}-{currency}" if type_id else f"sp-base-{currency}",)),
        "status": exactly("active"),
        "tax_exempt": exactly(flag(row, "is_no_tax_customer")),
        "payment_on_account": _account(settings, row),
        "payment_by_invoice": _by_invoice(settings, row),
        "parent_customer": exactly(str(parent) if parent else None),
        "role": exactly("limited-customer" if parent else "main"),
    }
    if settings.vatin:
        found["vatin_numbers"] = exactly((tax_number,) if tax_number else ())
    elif tax_number:
        found["metadata"] = Expected(f"the number {tax_number}", lambda held: _holds(held, tax_number))
    if settings.sales_agents:
        agent = ref(row, "sales_person_user_id")
        found["sales_agent_groups"] = exactly((f"sp-{agent}",) if agent else ())
    return found


def parent_of(people: People, settings: OracleSettings, row: Row) -> int | None:
    """The account that a sub-account belongs to; none where no kind of association is configured."""
    if settings.association_type_id is None:
        return None
    return people.parents.get((int(row["id"]), settings.association_type_id))


def _name(row: Row, which: str, settings: OracleSettings) -> Expected:
    own = words(row.get(which))
    if own:
        return text(own, 128)
    if company := words(row.get("company")):
        return text(company, 128)
    mailbox = (email(row) or "").partition("@")[0]
    # The local part as it is, or as words: both are the local part.
    return exactly(mailbox, words(_PARTS_OF_A_MAILBOX.sub(" ", mailbox)), settings.name_fallback)


def _account(settings: OracleSettings, row: Row) -> Expected:
    """(limit, currency, terms); never a balance of ours."""
    limit, days = number(row, "credit_limit"), whole(row, "payment_net_term")
    if limit <= 0 and days <= 0:
        return exactly(())
    terms = f"{days}_days" if days > 0 else None
    # Without a limit: none, or nothing to spend.
    limits: tuple[Decimal | None, ...] = (limit,) if limit > 0 else (None, Decimal(0))
    return exactly(*((each, settings.currency.lower(), terms) for each in limits))


def _by_invoice(settings: OracleSettings, row: Row) -> Expected:
    wanted = {name.casefold() for name in settings.invoice_methods}
    enabled = {str(name).casefold() for name in row.get("store_payment_methods_enabled") or ()}
    return exactly(True) if wanted & enabled else exactly(None, False)


def _holds(metadata: object, value: str) -> bool:
    return isinstance(metadata, Mapping) and value in metadata.values()
