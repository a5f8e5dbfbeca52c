"""Which customers the connector serves."""

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ReferenceData, Row
from connector.sparkpay.mapping.fields import flag, reference

ROOT_GROUP = "base"


def group_key(customer_type_id: int | None) -> str:
    """`ct-<id>`; customers without a type belong to the root group."""
    return ROOT_GROUP if not customer_type_id else f"ct-{customer_type_id}"


def type_in_scope(customer_type_id: int | None, settings: ConnectionSettings) -> bool:
    """Whether customers of that type are served; nothing configured means nobody (fail closed)."""
    chosen = settings.b2b.customer_type_ids
    return chosen == "all" or (customer_type_id is not None and customer_type_id in chosen)


def customer_in_scope(row: Row, known: ReferenceData, settings: ConnectionSettings) -> bool:
    """Whether a customer is served: its type is, it is of our store, and it is more than a guest or a contact."""
    if flag(row, "no_account") or flag(row, "is_contact_information_only"):
        return False
    if reference(row, "store_id") not in (None, known.store_id):
        return False
    return type_in_scope(reference(row, "customer_type_id"), settings)
