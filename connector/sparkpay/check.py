"""What a token may do: no endpoint says it, so one row of each resource is asked for (vendor docs: scopes)."""

from collections.abc import Mapping
from dataclasses import dataclass

from connector.errors import CredentialsRefused, PlatformError
from connector.ports import Priority
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query

_CATALOG = "Catalog: read_catalog (view) or catalog (view and change)"
_PEOPLE = "People: read_people (view) or people (view and change)"
_SETTINGS = "Settings: settings (one scope for reading and writing)"
_SYSTEM = "System: system (one scope for reading and writing)"

NEEDED: Mapping[str, str] = {
    "products": _CATALOG,
    "product_variants": _CATALOG,
    "variant_groups": _CATALOG,
    "variant_inventory": _CATALOG,
    "product_pricing": _CATALOG,
    "product_pictures": _CATALOG,
    "product_statuses": _CATALOG,
    "product_inactive_in_store": _CATALOG,
    "inventory/settings": _CATALOG,
    "customer_types": _PEOPLE,
    "warehouses": _SETTINGS,
    "stores": _SYSTEM,
}
"""Each resource that is read, and the scope that it takes in the words of the admin console."""


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


async def check_access(client: SparkPayClient) -> list[Finding]:
    """One finding per needed resource. A token that is refused as a whole, or a store out of reach, ends the list."""
    findings: list[Finding] = []
    for resource, scope in NEEDED.items():
        try:
            if "/" in resource:
                await client.request("GET", resource, priority=Priority.INTERACTIVE)
            else:
                await client.page(resource, Query().only("id").at_most(1), priority=Priority.INTERACTIVE)
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
