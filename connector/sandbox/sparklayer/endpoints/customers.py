"""Customers over HTTP: v2 replaces the whole customer with its addresses, v1 changes fields and has addresses apart."""

import re
from collections.abc import Mapping
from dataclasses import replace

from connector.sandbox.sparklayer.customers import LOOKUPS
from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.problems import FieldError, Refusal, invalid, not_found
from connector.sandbox.sparklayer.shapes import Anything, Fields, Flag, Many, Number, Text, demand
from connector.sandbox.sparklayer.wire import Row

ADDRESS = Fields(
    {
        "title": Text(longest=30, nullable=True),
        "first_name": Text(longest=50, nullable=True),
        "last_name": Text(longest=50, nullable=True),
        "company": Text(longest=128, nullable=True),
        "address_line1": Text(longest=255, shortest=1),
        "address_line2": Text(longest=255, nullable=True),
        "city": Text(longest=128, shortest=1),
        "region_code": Text(longest=10, nullable=True),
        "postal_code": Text(longest=20, nullable=True),
        "country_code": Text(longest=3, shortest=2),
        "phone": Text(longest=20, nullable=True),
        "mobile": Text(longest=20, nullable=True),
        "external_id": Text(longest=50, shortest=1, not_prefix="ca_", nullable=True),
        "nickname": Text(longest=50, nullable=True),
    },
    required=frozenset({"address_line1", "city", "country_code"}),
)
_ACCOUNT = Fields(
    {
        "credit_limit": Number(nullable=True),
        "balance": Number(nullable=True),
        "balance_date": Text(nullable=True),
        "currency_code": Text(longest=3, shortest=3),
        "net_terms": Text(nullable=True),
    },
    required=frozenset({"currency_code"}),
    nullable=True,
)
_V1: dict[str, object] = {
    "title": Text(longest=30, nullable=True),
    "first_name": Text(longest=128, shortest=1),
    "last_name": Text(longest=128, shortest=1),
    "email": Text(longest=255, shortest=3),
    "company_name": Text(longest=255, nullable=True),
    "external_id": Text(longest=255, shortest=1, not_prefix="cu_", nullable=True),
    "accounting_id": Text(longest=255, nullable=True),
    "status": Text(choices=frozenset({"pending", "active", "inactive", "rejected"})),
    "group": Text(longest=30, shortest=1),
    "default_billing_address_id": Text(nullable=True),
    "default_shipping_address_id": Text(nullable=True),
    "currency_code": Text(longest=3, shortest=3, nullable=True),
    "sales_agent_groups": Many(Text(longest=64, shortest=1)),
    "price_lists": Many(Text(longest=64, shortest=1)),
    "vatin_numbers": Many(Text(shortest=1)),
    "discount_percentage": Number(nullable=True),
    "tax_exempt": Flag(),
    "payment_by_invoice": Flag(nullable=True),
    "payment_on_account": _ACCOUNT,
    "metadata": Anything(),
    "parent_customer_id": Text(nullable=True),
}
_REQUIRED = frozenset({"first_name", "last_name", "email"})
_CHANGE_V1 = Fields(_V1)  # type: ignore[arg-type]
_CREATE_V1 = replace(_CHANGE_V1, required=_REQUIRED)
_CHANGE_V2 = Fields(
    {
        **_V1,  # type: ignore[dict-item]
        "id": Text(),
        "legacy_id": Text(),
        "role": Text(choices=frozenset({"main", "limited-customer", "sales-agent", "sales-admin"})),
        "available_shipping_addresses": Many(Text()),
        "addresses": Many(ADDRESS),
    }
)
_PUT_V2 = replace(_CHANGE_V2, required=_REQUIRED)
_IDENTIFIERS = {"platform": ("external_id",), "email": ("email",), "sparklayer": ("id", "legacy_id")}
_VATIN = re.compile(r"[A-Z]{2}[0-9A-Z]{2,13}")
_TERMS = re.compile(r"[1-9][0-9]*_days")
_AGENTS = re.compile(r"[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def put(call: Call) -> Answer:
    """Create or replace as a whole; the body repeats the identifier of the path."""
    lookup, key = _looked_up(call)
    body = _prepared(call, _PUT_V2)
    if not any(_same(lookup, body.get(name), key) for name in _IDENTIFIERS[lookup]):
        raise invalid([FieldError("idMismatch", _IDENTIFIERS[lookup][0], "is not the identifier of the path")])
    found = call.site.customers.find(lookup, key)
    row = call.site.customers.put(found, body, whole=True)
    return Answer(200 if found else 201, call.site.customers.shown(row))


def change(call: Call) -> Answer:
    """Change some fields (v2)."""
    found = _customer(call, *_looked_up(call))
    return Answer(
        200, call.site.customers.shown(call.site.customers.put(found, _prepared(call, _CHANGE_V2), whole=False))
    )


def read(call: Call) -> Answer:
    """One customer (v2)."""
    return Answer(200, call.site.customers.shown(_customer(call, *_looked_up(call))))


def delete(call: Call) -> Answer:
    """Drop a customer; e-mail and external id are free at once."""
    call.site.customers.remove(_customer(call, *_looked_up(call)))
    return Answer(204)


def create_v1(call: Call) -> Answer:
    """Add a customer without addresses (v1)."""
    row = call.site.customers.put(None, _prepared(call, _CREATE_V1), whole=False)
    return Answer(201, call.site.customers.shown(row))


def read_v1(call: Call) -> Answer:
    """One customer (v1)."""
    return Answer(200, call.site.customers.shown(_any(call)))


def change_v1(call: Call) -> Answer:
    """Change some fields (v1)."""
    row = call.site.customers.put(_any(call), _prepared(call, _CHANGE_V1), whole=False)
    return Answer(200, call.site.customers.shown(row))


def delete_v1(call: Call) -> Answer:
    """Drop a customer (v1)."""
    call.site.customers.remove(_any(call))
    return Answer(204)


def addresses_v1(call: Call) -> Answer:
    """The address book (v1)."""
    return Answer(200, _any(call)["addresses"])


def add_address_v1(call: Call) -> Answer:
    """Add an address (v1); there is no change of one."""
    demand(ADDRESS, call.body)
    return Answer(201, call.site.customers.add_address(_any(call), call.body))


def delete_address_v1(call: Call) -> Answer:
    """Drop an address (v1)."""
    if not call.site.customers.remove_address(_any(call), call.params["id2"]):
        raise not_found("Address", call.params["id2"])
    return Answer(204)


def _prepared(call: Call, shape: Fields) -> Row:
    demand(shape, call.body)
    body: Row = dict(call.body)
    errors = list(_objections(call, body))
    if errors:
        raise invalid(errors)
    return body


def _objections(call: Call, body: Mapping[str, object]) -> list[FieldError]:
    errors = []
    if "group" in body and not call.site.groups.has(str(body["group"])):
        errors.append(FieldError("resource-not-found", "group", f"{body['group']!r} does not exist"))
    if "status" in body and call.policy.status_refused_in_v2 and "/v2/" in call.template:
        errors.append(FieldError("unknown-field", "status", "is not a field of this request"))
    if "email" in body and not _EMAIL.fullmatch(str(body["email"])):
        errors.append(FieldError("invalid-value", "email", "must be an e-mail address"))
    for name, pattern in (("vatin_numbers", _VATIN), ("sales_agent_groups", _AGENTS)):
        values = body.get(name) or []
        if isinstance(values, list):
            errors += [
                FieldError("invalid-value", f"{name}[{at}]", "is not valid")
                for at, value in enumerate(values)
                if not pattern.fullmatch(str(value))
            ]
    account = body.get("payment_on_account")
    terms = account.get("net_terms") if isinstance(account, dict) else None
    if terms is not None and not _TERMS.fullmatch(terms):
        errors.append(FieldError("invalid-value", "payment_on_account.net_terms", "must be like 30_days"))
    return errors


def _looked_up(call: Call) -> tuple[str, str]:
    lookup = call.params["lookupBy"]
    if lookup not in LOOKUPS:
        raise Refusal(404, "route-not-found", f"There is no look-up by {lookup!r}.")
    return lookup, call.params["identifier"]


def _customer(call: Call, lookup: str, key: str) -> Row:
    found = call.site.customers.find(lookup, key)
    if found is None:
        raise not_found("Customer", key)
    return found


def _any(call: Call) -> Row:
    found = call.site.customers.any_id(call.params["id"])
    if found is None:
        raise not_found("Customer", call.params["id"])
    return found


def _same(lookup: str, value: object, key: str) -> bool:
    if not isinstance(value, str):
        return False
    return value.casefold() == key.casefold() if lookup == "email" else value == key


OPERATIONS = (
    Operation("PUT", "/api/v2/customers/{lookupBy}/{identifier}", "customers", put),
    Operation("PATCH", "/api/v2/customers/{lookupBy}/{identifier}", "customers", change),
    Operation("GET", "/api/v2/customers/{lookupBy}/{identifier}", "customers", read, writes=False),
    Operation("DELETE", "/api/v2/customers/{lookupBy}/{identifier}", "customers", delete),
    Operation("POST", "/api/v1/customers", "customers", create_v1),
    Operation("GET", "/api/v1/customers/{id}", "customers", read_v1, writes=False),
    Operation("PATCH", "/api/v1/customers/{id}", "customers", change_v1),
    Operation("DELETE", "/api/v1/customers/{id}", "customers", delete_v1),
    Operation("DELETE", "/api/v1/customers/{lookupBy}/{identifier}", "customers", delete),
    Operation("GET", "/api/v1/customers/{id}/addresses", "customers", addresses_v1, writes=False),
    Operation("POST", "/api/v1/customers/{id}/addresses", "customers", add_address_v1),
    Operation("DELETE", "/api/v1/customers/{id}/addresses/{id2}", "customers", delete_address_v1),
)
