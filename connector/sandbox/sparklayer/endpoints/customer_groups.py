"""Customer groups and their settings over HTTP; every change answers with the whole list."""

from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.problems import FieldError, invalid
from connector.sandbox.sparklayer.shapes import Anything, Fields, Many, Text, demand

_CREATE = Fields(
    {
        "slug": Text(longest=30, shortest=1),
        "name": Text(longest=256, shortest=1),
        "parent_slug": Text(longest=30, nullable=True),
    },
    required=frozenset({"slug", "name"}),
)
_CHANGE = Fields(
    {"name": Text(longest=256, shortest=1), "parent_slug": Text(longest=30, nullable=True)},
    required=frozenset({"name"}),
)
SETTINGS = Many(Fields({"key": Text(shortest=1), "value": Anything()}, required=frozenset({"key", "value"})))
_GROUP_KEYS = frozenset({"orderTotalsValidation"})


def index(call: Call) -> Answer:
    """Every group."""
    return Answer(200, call.site.groups.all())


def create(call: Call) -> Answer:
    """Add a group; a slug of digits only is refused."""
    demand(_CREATE, call.body)
    if call.body["slug"].isdecimal():
        raise invalid([FieldError("invalid-value", "slug", "must not consist of digits only")])
    call.site.groups.create(call.body)
    return Answer(201, call.site.groups.all())


def change(call: Call) -> Answer:
    """Rename a group."""
    demand(_CHANGE, call.body)
    call.site.groups.change(call.params["slug"], call.body)
    return Answer(200, call.site.groups.all())


def delete(call: Call) -> Answer:
    """Drop a group that nobody uses."""
    slug = call.params["slug"]
    call.site.groups.remove(slug, used=call.site.customers.in_group(slug))
    return Answer(204)


def settings(call: Call) -> Answer:
    """A group's settings."""
    return Answer(200, call.site.groups.settings(call.params["slug"]))


def set_settings(call: Call) -> Answer:
    """Change a group's settings; an unknown key is a 400."""
    demand(SETTINGS, call.body)
    for at, row in enumerate(call.body):
        if row["key"] not in _GROUP_KEYS:
            raise invalid([FieldError("invalid-value", f"[{at}].key", f"{row['key']!r} is no setting of a group")])
    call.site.groups.change_settings(call.params["slug"], call.body)
    return Answer(204)


OPERATIONS = (
    Operation("GET", "/api/v1/customer-groups", "setup", index, writes=False),
    Operation("POST", "/api/v1/customer-groups", "setup", create),
    Operation("PATCH", "/api/v1/customer-groups/{slug}", "setup", change),
    Operation("DELETE", "/api/v1/customer-groups/{slug}", "setup", delete),
    Operation("GET", "/api/v1/settings/{slug}", "setup", settings, writes=False),
    Operation("PATCH", "/api/v1/settings/{slug}", "setup", set_settings),
)
