"""Global settings over HTTP: only the keys that a read shows can be written, and not with every credential."""

from connector.sandbox.sparklayer.endpoints.customer_groups import SETTINGS
from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.problems import FieldError, Refusal, invalid
from connector.sandbox.sparklayer.shapes import demand


def index(call: Call) -> Answer:
    """Every setting."""
    return Answer(200, [{"key": key, "value": value} for key, value in call.site.settings.items()])


def change(call: Call) -> Answer:
    """Change settings; keys made in the Dashboard are refused."""
    if call.policy.dashboard_keys:
        raise Refusal(403, "unavailable", "This endpoint is unavailable for your credentials; contact support.")
    demand(SETTINGS, call.body)
    unknown = [
        FieldError("invalid-value", f"[{at}].key", f"{row['key']!r} is no setting")
        for at, row in enumerate(call.body)
        if row["key"] not in call.site.settings
    ]
    if unknown:
        raise invalid(unknown)
    call.site.settings.update({row["key"]: row["value"] for row in call.body})
    return Answer(204)


OPERATIONS = (
    Operation("GET", "/api/v1/settings", "setup", index, writes=False),
    Operation("PATCH", "/api/v1/settings", "setup", change),
)
