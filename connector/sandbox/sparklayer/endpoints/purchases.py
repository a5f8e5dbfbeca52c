"""Purchases over HTTP: PUT replaces as a whole, the list is filtered by dates, type and customer."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal

from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.problems import FieldError, Refusal, invalid, not_found
from connector.sandbox.sparklayer.purchases import LOOKUPS, TYPES, moment
from connector.sandbox.sparklayer.shapes import Anything, Fields, Many, Number, Shape, Text, demand
from connector.sandbox.sparklayer.wire import Row

_MOST = 500
_AMOUNT = re.compile(r"-?\d+(\.\d+)?")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


_MONEY = Fields({"number": Text(), "currency": Text(longest=3, shortest=3)}, required=frozenset({"number", "currency"}))


class _Money:
    """`{"number": "15.99", "currency": "gbp"}`, the number as text."""

    def errors(self, value: object, at: str) -> Iterator[FieldError]:
        """See `Shape`."""
        found = list(_MONEY.errors(value, at))
        yield from found
        if not found and isinstance(value, dict) and not _AMOUNT.fullmatch(value["number"]):
            yield FieldError("invalid-value", f"{at}.number", "must be a decimal as text")


class _Moment:
    """A date and time with its offset."""

    def errors(self, value: object, at: str) -> Iterator[FieldError]:
        """See `Shape`."""
        if not isinstance(value, str) or not _MOMENT.fullmatch(value):
            yield FieldError("invalid-type", at, "must be a date-time with an offset")


_TEXT = Text(nullable=True)
_IDENTIFIERS = Fields({name: Text(shortest=1, nullable=True) for name in LOOKUPS})
_PAIRS = Many(Fields({"name": Text(shortest=1), "value": Anything()}, required=frozenset({"name", "value"})))
_ADDRESS = Fields(
    dict.fromkeys(
        (
            "title",
            "first_name",
            "last_name",
            "company",
            "address_line1",
            "address_line2",
            "city",
            "region_code",
            "postal_code",
            "country_code",
            "phone",
            "mobile",
            "external_id",
        ),
        _TEXT,
    )
)
_TAX = Many(Fields({"title": Text(), "amount": _Money(), "rate": Anything()}, required=frozenset({"title", "amount"})))
_TOTAL = Fields(
    {name: _Money() for name in ("total_net", "total_tax", "total_gross", "discount_net")},
    required=frozenset({"total_net"}),
)
_FILES = Many(
    Fields(
        {
            "identifiers": Fields({"visible": Text()}),
            "data": Anything(),
            "file_type": Text(choices=frozenset({"invoice"})),
        }
    )
)
_LINE = Fields(
    {
        "identifiers": Fields({"sku": _TEXT, "platform": _TEXT, "sparklayer": _TEXT}),
        "name_parent": Text(shortest=1),
        "name": _TEXT,
        "quantity": Number(),
        "custom_attributes": Many(Fields({"key": Text(), "value": Anything()})),
        "line_total": _TOTAL,
        "tax_lines": _TAX,
    },
    required=frozenset({"name_parent", "quantity", "line_total"}),
)
_PACKAGE = Fields(
    {
        "identifiers": Fields({"sparklayer_package_id": _TEXT, "platform": _TEXT}),
        "type": Text(shortest=1),
        "line_items": Many(_LINE),
        "shipping_method": Fields({"name": _TEXT, "line_total": _TOTAL}),
        "shipping_address": _ADDRESS,
        "shipments": Many(Fields({"carrier": _TEXT, "carrier_id": _TEXT, "url": _TEXT, "shipped_at": _Moment()})),
        "accounting_files": _FILES,
        "metadata": _PAIRS,
    },
    required=frozenset({"line_items"}),
)
_CUSTOMER = ("sparklayer", "sparklayer_impersonator", "sparklayer_sales_rep")
_BODY: dict[str, Shape] = {
    "type": Text(choices=TYPES),
    "purchase_identifiers": _IDENTIFIERS,
    "customer_identifiers": Fields(dict.fromkeys(_CUSTOMER, _TEXT)),
    "dates": Fields({"placed": _Moment(), "last_updated": _Moment()}),
    "billing_address": _ADDRESS,
    "packages": Many(_PACKAGE),
    "accounting_files": _FILES,
    "custom_fields": _PAIRS,
    "metadata": _PAIRS,
    "total_paid": _Money(),
    "tax_lines": _TAX,
}
_PUT = Fields(
    _BODY, required=frozenset({"type", "purchase_identifiers", "packages", "accounting_files", "custom_fields"})
)
_OBJECT_PUT = Fields({**_BODY, "packages": _PACKAGE}, required=_PUT.required)


def put(call: Call) -> Answer:
    """Create or replace a purchase."""
    lookup, key = _looked_up(call)
    demand(_PUT if call.policy.packages_shape == "array" else _OBJECT_PUT, call.body)
    named = (call.body.get("customer_identifiers") or {}).get("sparklayer")
    if named is not None and call.site.customers.find("sparklayer", named) is None:
        raise invalid(
            [FieldError("resource-not-found", "customer_identifiers.sparklayer", f"{named!r} does not exist")]
        )
    row, new = call.site.purchases.put(lookup, key, call.body)
    return Answer(201 if new else 200, shown(row))


def read(call: Call) -> Answer:
    """One purchase."""
    return Answer(200, shown(_purchase(call)))


def delete(call: Call) -> Answer:
    """Drop a purchase."""
    call.site.purchases.remove(_purchase(call))
    return Answer(204)


def index(call: Call) -> Answer:
    """Some of those that match, at most 500."""
    limit, offset = _whole(call, "limit", _MOST), _whole(call, "offset", 0)
    if not 1 <= limit <= _MOST:
        raise invalid([FieldError("invalid-value", "limit", f"must be from 1 to {_MOST}")])
    tests = [_filter(name, value) for name, value in call.query.items() if name not in ("limit", "offset")]
    rows = call.site.purchases.page(limit, offset, lambda row: all(test(row) for test in tests))
    return Answer(200, [shown(row) for row in rows])


def shown(row: Row) -> Row:
    """The reply's form: with the sums that the site works out."""
    packages = row["packages"] if isinstance(row["packages"], list) else [row["packages"]]
    totals = [line["line_total"] for package in packages for line in package["line_items"]]
    totals += [
        found["line_total"] for package in packages if "line_total" in (found := package.get("shipping_method") or {})
    ]
    net = sum((Decimal(total["total_net"]["number"]) for total in totals), Decimal(0))
    return {**row, "calculated_total_net": format(net, "f")}


def _filter(name: str, value: str) -> Callable[[Row], bool]:
    found = re.fullmatch(r"dates\[(last_updated|placed)\]\[(gte|lte)\]", name)
    if found is not None:
        if not _MOMENT.fullmatch(value):
            raise invalid([FieldError("invalid-value", name, "must be a date-time with an offset")])
        date, bound = found[1], datetime.fromisoformat(value)
        if found[2] == "gte":
            return lambda row: moment(row, date) >= bound
        return lambda row: moment(row, date) <= bound
    if name == "type":
        return lambda row: bool(row["type"] == value)
    named = re.fullmatch(r"customer_identifiers\[(\w+)\]", name)
    if named is not None and named[1] in _CUSTOMER:
        return lambda row: bool((row.get("customer_identifiers") or {}).get(named[1]) == value)
    raise invalid([FieldError("unknown-field", name, "is no filter")])


def _looked_up(call: Call) -> tuple[str, str]:
    lookup = call.params["lookupBy"]
    if lookup not in LOOKUPS:
        raise Refusal(404, "route-not-found", f"There is no look-up by {lookup!r}.")
    return lookup, call.params["identifier"]


def _purchase(call: Call) -> Row:
    lookup, key = _looked_up(call)
    found = call.site.purchases.find(lookup, key)
    if found is None:
        raise not_found("Purchase", key)
    return found


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not text.isdecimal():
        raise invalid([FieldError("invalid-value", name, "must be a whole number")])
    return int(text)


OPERATIONS = (
    Operation("GET", "/api/v1/purchases", "orders", index, writes=False),
    Operation("PUT", "/api/v1/purchases/{lookupBy}/{identifier}", "orders", put),
    Operation("GET", "/api/v1/purchases/{lookupBy}/{identifier}", "orders", read, writes=False),
    Operation("DELETE", "/api/v1/purchases/{lookupBy}/{identifier}", "orders", delete),
)
