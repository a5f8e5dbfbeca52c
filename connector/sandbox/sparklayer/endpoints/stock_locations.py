"""Stock locations over HTTP."""

from dataclasses import replace

from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.problems import not_found
from connector.sandbox.sparklayer.shapes import Fields, Text, demand
from connector.sandbox.sparklayer.wire import Row

_CHANGE = Fields(
    {"name": Text(longest=255, shortest=1), "external_id": Text(longest=255, shortest=1, not_prefix="sl_")}
)
_CREATE = replace(_CHANGE, required=frozenset({"name", "external_id"}))


def index(call: Call) -> Answer:
    """Every location; not paged."""
    return Answer(200, call.site.locations.all())


def create(call: Call) -> Answer:
    """Add a location; 409 for an external id that is taken."""
    demand(_CREATE, call.body)
    return Answer(201, call.site.locations.create(call.body))


def read(call: Call) -> Answer:
    """One location."""
    return Answer(200, _location(call))


def change(call: Call) -> Answer:
    """Rename a location."""
    row = _location(call)
    demand(_CHANGE, call.body)
    return Answer(200, call.site.locations.change(row, call.body))


def delete(call: Call) -> Answer:
    """Drop a location with all its levels; 204 even when nothing matched."""
    row = call.site.locations.find(call.params["id"])
    if row is not None:
        call.site.levels.drop_location(row["id"])
        call.site.locations.remove(row)
    return Answer(204)


def _location(call: Call) -> Row:
    found = call.site.locations.find(call.params["id"])
    if found is None:
        raise not_found("Stock location", call.params["id"])
    return found


OPERATIONS = (
    Operation("GET", "/api/v1/stock-locations", "setup", index, writes=False),
    Operation("POST", "/api/v1/stock-locations", "setup", create),
    Operation("GET", "/api/v1/stock-locations/{id}", "setup", read, writes=False),
    Operation("PATCH", "/api/v1/stock-locations/{id}", "setup", change),
    Operation("DELETE", "/api/v1/stock-locations/{id}", "setup", delete),
)
