"""Shipping methods over HTTP: v1 spells the priority `prority` and names places countries, v2 names them locations."""

from collections.abc import Callable
from dataclasses import replace

from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.problems import FieldError, invalid, not_found
from connector.sandbox.sparklayer.shapes import Fields, Many, Number, Text, demand
from connector.sandbox.sparklayer.wire import Row

_LARGEST_PRIORITY = 127
_REQUIREMENT = Fields(
    {"type": Text(choices=frozenset({"weight"})), "min": Number(nullable=True), "max": Number(nullable=True)},
    required=frozenset({"type"}),
)
_BANDS = Many(
    Fields(
        {
            "name": Text(shortest=1),
            "priority": Number(whole=True),
            "sku": Text(shortest=1),
            "requirement": _REQUIREMENT,
            "cost": Fields({"type": Text(choices=frozenset({"free"}))}, required=frozenset({"type"})),
        },
        required=frozenset({"name", "requirement", "cost"}),
    )
)
_COUNTRIES = Many(Text(longest=3, shortest=2))
_GROUPS = Many(Text(longest=30, shortest=1))
_CHANGE_V1 = Fields(
    {
        "sku": Text(longest=50, shortest=1),
        "title": Text(longest=50, shortest=1),
        "prority": Number(whole=True),
        "countries": _COUNTRIES,
        "groups": _GROUPS,
        "bands": _BANDS,
    }
)
_CREATE_V1 = replace(_CHANGE_V1, required=frozenset({"sku", "title", "countries"}))
_CHANGE_V2 = Fields(
    {
        "slug": Text(longest=50, shortest=1),
        "title": Text(longest=50, shortest=1),
        "priority": Number(whole=True),
        "locations": _COUNTRIES,
        "groups": _GROUPS,
        "bands": _BANDS,
    }
)
_CREATE_V2 = replace(_CHANGE_V2, required=frozenset({"slug", "title", "locations"}))


def _shown(row: Row, version: int) -> Row:
    common = {name: row[name] for name in ("id", "title", "groups", "bands", "created_at", "updated_at")}
    if version == 1:
        return {**common, "sku": row["code"], "prority": row["priority"], "countries": row["countries"]}
    return {**common, "slug": row["code"], "priority": row["priority"], "locations": row["countries"]}


def _check(call: Call, shape: Fields) -> None:
    demand(shape, call.body)
    priority = call.body.get("prority", call.body.get("priority", 0))
    if not 0 <= priority <= _LARGEST_PRIORITY:
        raise invalid([FieldError("invalid-value", "priority", f"must be from 0 to {_LARGEST_PRIORITY}")])
    unknown = [slug for slug in call.body.get("groups", []) if not (slug == "default" or call.site.groups.has(slug))]
    if unknown:
        raise invalid([FieldError("resource-not-found", "groups", f"{', '.join(unknown)} does not exist")])


def _method(call: Call) -> Row:
    found = call.site.shipping_methods.find(call.params["id"])
    if found is None:
        raise not_found("Shipping method", call.params["id"])
    return found


def _index(version: int) -> Callable[[Call], Answer]:
    return lambda call: Answer(200, [_shown(row, version) for row in call.site.shipping_methods.all()])


def _create(version: int, shape: Fields, name: str) -> Callable[[Call], Answer]:
    def create(call: Call) -> Answer:
        _check(call, shape)
        return Answer(201, _shown(call.site.shipping_methods.keep(None, call.body, name), version))

    return create


def _change(version: int, shape: Fields, name: str) -> Callable[[Call], Answer]:
    def change(call: Call) -> Answer:
        found = _method(call)
        _check(call, shape)
        return Answer(200, _shown(call.site.shipping_methods.keep(found, call.body, name), version))

    return change


def read_v1(call: Call) -> Answer:
    """One method."""
    return Answer(200, _shown(_method(call), 1))


def delete(call: Call) -> Answer:
    """Drop one."""
    call.site.shipping_methods.remove(_method(call)["id"])
    return Answer(204)


OPERATIONS = (
    Operation("GET", "/api/v2/shipping-methods", "setup", _index(2), writes=False),
    Operation("POST", "/api/v2/shipping-methods", "setup", _create(2, _CREATE_V2, "slug")),
    Operation("PATCH", "/api/v2/shipping-methods/{id}", "setup", _change(2, _CHANGE_V2, "slug")),
    Operation("DELETE", "/api/v2/shipping-methods/{id}", "setup", delete),
    Operation("GET", "/api/v1/shipping-methods", "setup", _index(1), writes=False),
    Operation("POST", "/api/v1/shipping-methods", "setup", _create(1, _CREATE_V1, "sku")),
    Operation("GET", "/api/v1/shipping-methods/{id}", "setup", read_v1, writes=False),
    Operation("PATCH", "/api/v1/shipping-methods/{id}", "setup", _change(1, _CHANGE_V1, "sku")),
    Operation("DELETE", "/api/v1/shipping-methods/{id}", "setup", delete),
)
