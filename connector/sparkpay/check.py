"""What a token may do: no endpoint says it, so one row of each resource is asked for (vendor docs: scopes)."""

from collections.abc import Mapping
from dataclasses import dataclass

from connector.errors import CredentialsRefused, PlatformError
from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query
from connector.sparkpay.reference import INVENTORY_SETTINGS
from connector.sparkpay.row_shapes import ID_NAMES
from connector.sparkpay.selection import CATALOGUE_KINDS
from connector.sparkpay.streams import kinds_of

_ORDERS = "Orders: read_orders (view) or orders (view and change)"
_FIELDS = "Custom fields: custom_fields"
_CATALOG = "Catalog: read_catalog (view) or catalog (view and change)"
_PEOPLE = "People: read_people (view) or people (view and change)"
_SETTINGS = "Settings: settings (one scope for reading and writing)"
_SYSTEM = "System: system (one scope for reading and writing)"

_CATALOGUE: Mapping[str, str] = {
    "products": _CATALOG,
    "product_variants": _CATALOG,
    "variant_groups": _CATALOG,
    "variant_inventory": _CATALOG,
    "product_pricing": _CATALOG,
    "product_pictures": _CATALOG,
    "product_statuses": _CATALOG,
    "product_inactive_in_store": _CATALOG,
    INVENTORY_SETTINGS: _CATALOG,
    "customer_types": _PEOPLE,
    "warehouses": _SETTINGS,
}
_OF_KIND: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(sorted(CATALOGUE_KINDS), _CATALOGUE),
    "customer": {
        "customers": _PEOPLE,
        "addresses": _PEOPLE,
        "custom_fields": _FIELDS,
        "custom_field_values": _FIELDS,
    },
    "order": {
        "orders": _ORDERS,
        "order_items": _ORDERS,
        "order_payments": _ORDERS,
        "order_shipments": _ORDERS,
        "order_addresses": _ORDERS,
        "order_statuses": _ORDERS,
        "customers": _PEOPLE,
        "payment_methods": _SETTINGS,
        "custom_fields": _FIELDS,
        "custom_field_values": _FIELDS,
    },
    "customer-group": {"customer_types": _PEOPLE},
    "stock-location": {"warehouses": _SETTINGS},
    "shipping-method": {"custom_shipping_methods": _SETTINGS, "regions": _SETTINGS},
    "setting": {INVENTORY_SETTINGS: _CATALOG},
}
"""Each resource that is read for a kind, and the scope that it takes in the words of the admin console."""


def needed(settings: ConnectionSettings) -> Mapping[str, str]:
    """The resources that this connection reads, each with its scope."""
    found: dict[str, str] = {}
    for kind in sorted(kinds_of(settings), key=list(_OF_KIND).index):
        found |= _OF_KIND[kind]
    if "customer" in kinds_of(settings) and settings.customers.association_type_id is not None:
        found["customer_association"] = _PEOPLE
    return {**found, "stores": _SYSTEM}


@dataclass(frozen=True, slots=True)
class Finding:
    """What asking for one resource showed. `problem` is none where all is well."""

    resource: str
    scope: str
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the resource can be read."""
        return self.problem is None


async def check_access(client: SparkPayClient, settings: ConnectionSettings) -> list[Finding]:
    """One finding per needed resource. A token that is refused as a whole, or a store out of reach, ends the list."""
    findings: list[Finding] = []
    for resource, scope in needed(settings).items():
        try:
            if "/" in resource:
                await client.request("GET", resource, priority=Priority.INTERACTIVE)
            else:
                await client.page(
                    resource, Query().only(ID_NAMES.get(resource, "id")).at_most(1), priority=Priority.INTERACTIVE
                )
        except CredentialsRefused as refusal:
            if refusal.code != "scope":
                findings.append(Finding(resource, scope, refusal.message))
                break
            findings.append(Finding(resource, scope, f"the token may not read {resource}; it needs the scope {scope}"))
        except PlatformError as error:
            findings.append(Finding(resource, scope, str(error)))
            if error.status is None:
                break
        else:
            findings.append(Finding(resource, scope))
    return findings
