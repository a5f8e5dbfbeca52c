"""The sync log that the merchant sees: one full report per integration and data type, errors replaced each time."""

from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.problems import FieldError, invalid, not_found
from connector.sandbox.sparklayer.shapes import Fields, Flag, Many, Text, demand
from connector.sandbox.sparklayer.wire import Row

_MOST = 5000
_ERROR = Fields(
    {
        "external_id": Text(shortest=1),
        "external_url": Text(nullable=True),
        "visible_id": Text(nullable=True),
        "code": Text(nullable=True),
        "message": Text(nullable=True),
    },
    required=frozenset({"external_id"}),
)
_REPORT = Fields(
    {
        "started_full_sync": Text(nullable=True),
        "last_full_sync": Text(nullable=True),
        "last_full_sync_succeeded": Flag(nullable=True),
        "errors": Many(_ERROR),
    }
)
_STAMPS = ("started_full_sync", "last_full_sync", "last_full_sync_succeeded")


def record(call: Call) -> Answer:
    """Replace the report; a timestamp that is left out is cleared."""
    demand(_REPORT, call.body)
    errors = call.body.get("errors", [])
    ids = [error["external_id"] for error in errors]
    if len(ids) > _MOST:
        raise invalid([FieldError("too-long", "errors", f"must have at most {_MOST} entries")])
    if len(set(ids)) < len(ids):
        raise invalid([FieldError("invalid-value", "errors", "names an external_id twice")])
    call.site.sync_log[_place(call)] = {**{name: call.body.get(name) for name in _STAMPS}, "errors": errors}
    return Answer(200, _without_errors(call.site.sync_log[_place(call)]))


def read(call: Call) -> Answer:
    """The report without its errors; 404 until one was recorded."""
    return Answer(200, _without_errors(_report(call)))


def errors(call: Call) -> Answer:
    """The errors of a report."""
    return Answer(200, _report(call)["errors"])


def wipe(call: Call) -> Answer:
    """Forget every report of every integration."""
    call.site.sync_log.clear()
    return Answer(204)


def _report(call: Call) -> Row:
    found = call.site.sync_log.get(_place(call))
    if found is None:
        raise not_found("Sync log", "/".join(_place(call)))
    return found


def _place(call: Call) -> tuple[str, str]:
    return call.params["integration"], call.params["data_type"]


def _without_errors(report: Row) -> Row:
    return {name: value for name, value in report.items() if name != "errors"}


OPERATIONS = (
    Operation("PUT", "/api/v1/sync-log/{integration}/{data_type}", "setup", record),
    Operation("GET", "/api/v1/sync-log/{integration}/{data_type}", "setup", read, writes=False),
    Operation("GET", "/api/v1/sync-log/{integration}/{data_type}/errors", "setup", errors, writes=False),
    Operation("DELETE", "/api/v1/sync-log", "setup", wipe),
)
