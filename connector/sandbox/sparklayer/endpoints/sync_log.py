"""The sync log that the merchant sees: one report per integration and data type.

A full report replaces everything but the time of the last partial one (vendor docs: sync log). Of a partial report the
vendor names no field that is at hand here: it sets `last_partial_sync`, and its errors, where it has any, replace
those before.
"""

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
_PART = Fields(
    {"last_partial_sync": Text(), "errors": Many(_ERROR)},
    required=frozenset({"last_partial_sync"}),
)
_STAMPS = ("started_full_sync", "last_full_sync", "last_full_sync_succeeded")


def record(call: Call) -> Answer:
    """Replace the report; a timestamp that is left out is cleared."""
    place = _place(call)
    demand(_REPORT, call.body)
    made = {name: call.body.get(name) for name in _STAMPS}
    before = call.site.sync_log.get(place, {})
    call.site.sync_log[place] = {
        **made,
        "last_partial_sync": before.get("last_partial_sync"),
        "errors": _errors_of(call.body),
    }
    return Answer(200, _status(call.site.sync_log[place]))


def record_part(call: Call) -> Answer:
    """Say when something was brought over that is not a full sync; 404 until one was recorded."""
    report = _report(call)
    demand(_PART, call.body)
    report["last_partial_sync"] = call.body["last_partial_sync"]
    if "errors" in call.body:
        report["errors"] = _errors_of(call.body)
    return Answer(200, _status(report))


def read(call: Call) -> Answer:
    """The times and the number of errors; 404 until a full report was recorded."""
    return Answer(200, _status(_report(call)))


def errors(call: Call) -> Answer:
    """The same with the errors."""
    report = _report(call)
    return Answer(200, {**_status(report), "errors": report["errors"]})


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
    data_type = call.params["data_type"]
    if data_type not in call.policy.sync_log_types:
        known = ", ".join(sorted(call.policy.sync_log_types))
        raise invalid([FieldError("invalid-value", "data_type", f"must be one of {known}")])
    return call.params["integration"], data_type


def _errors_of(body: Row) -> list[Row]:
    found: list[Row] = body.get("errors", [])
    if len(found) > _MOST:
        raise invalid([FieldError("too-long", "errors", f"must have at most {_MOST} entries")])
    if len({error["external_id"] for error in found}) < len(found):
        raise invalid([FieldError("invalid-value", "errors", "names an external_id twice")])
    return found


def _status(report: Row) -> Row:
    times = {name: value for name, value in report.items() if name != "errors"}
    return {**times, "error_count": len(report["errors"])}


OPERATIONS = (
    Operation("PUT", "/api/v1/sync-log/{integration}/{data_type}", "setup", record, reports=True),
    Operation("PATCH", "/api/v1/sync-log/{integration}/{data_type}", "setup", record_part, reports=True),
    Operation("GET", "/api/v1/sync-log/{integration}/{data_type}", "setup", read, writes=False),
    Operation("GET", "/api/v1/sync-log/{integration}/{data_type}/errors", "setup", errors, writes=False),
    Operation("DELETE", "/api/v1/sync-log", "setup", wipe, reports=True),
)
