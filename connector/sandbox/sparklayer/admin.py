"""The site's own controls under `/_sandbox`: what every sandbox has, what people do at the site, revoked keys."""

from dataclasses import replace
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.sandbox.admin import routes, shared_controls
from connector.sandbox.exact_json import read_json
from connector.sandbox.faults import FaultBook
from connector.sandbox.json_stream import streamed
from connector.sandbox.sparklayer.journal import Journal
from connector.sandbox.sparklayer.policy import SCOPES, SitePolicy
from connector.sandbox.sparklayer.service import Service
from connector.sandbox.sparklayer.shapes import Anything, Fields, Flag, Many, Number, Text
from connector.sandbox.sparklayer.wire import Row, decimals_as_text

_CHANGES = Fields(
    {
        "site_id": Text(shortest=1),
        "client_id": Text(shortest=1),
        "client_secret": Text(shortest=1),
        "token_seconds": Number(whole=True),
        "scopes": Many(Text(choices=SCOPES | {f"{scope}.read" for scope in SCOPES}), nullable=True),
        "max_rows": Number(whole=True),
        "max_bytes": Number(whole=True),
        "line_base": Number(whole=True),
        "rate_per_second": Number(nullable=True),
        "retry_after_seconds": Number(whole=True),
        "retry_after_form": Text(choices=frozenset({"seconds", "date", "alternate"})),
        "latency_ms": Number(whole=True),
        "variants_patch": Text(choices=frozenset({"merge", "replace"})),
        "unknown_sku_in_stock": Text(choices=frozenset({"refuse", "ignore"})),
        "remove_style": Text(choices=frozenset({"null_row", "empty"})),
        "clock_ahead_seconds": Number(whole=True),
        "log_bodies": Flag(),
    }
)
_DEED = Fields(
    {"method": Text(shortest=1), "path": Text(shortest=1), "body": Anything()}, required=frozenset({"method", "path"})
)


def admin_routes(service: Service, faults: FaultBook, journal: Journal) -> list[Route]:
    """Everything under `/_sandbox`."""

    def state() -> Response:
        return streamed(service.site.snapshot(), depth=2, plain=decimals_as_text)

    def change_policy(changes: object) -> None:
        service.policy = changed_policy(service.policy, changes)

    async def revoke(request: Request) -> object:
        raw = await request.body()
        body = read_json(raw) if raw else {}
        if list(Fields({"keys": Flag()}).errors(body, "")):
            raise ValueError('send nothing, {"keys": true} or {"keys": false}')
        service.tokens.revoke(keys=cast("Row", body).get("keys", False))
        return {"keys_refused": service.tokens.keys_refused}

    async def do(request: Request) -> object:
        wanted = cast("Row", read_json(await request.body()))
        if list(_DEED.errors(wanted, "")):
            raise ValueError('send {"method": "PUT", "path": "/api/v1/...", "body": ...}')
        return decimals_as_text(service.do(wanted["method"], wanted["path"], wanted.get("body")))

    shared = shared_controls(journal, faults, state=state, stats=journal.stats, change_policy=change_policy)
    return routes([*shared, ("POST", "revoke", revoke), ("POST", "do", do)])


def changed_policy(policy: SitePolicy, changes: object) -> SitePolicy:
    """Copy the policy with some fields changed; raises `ValueError` with the field that cannot be."""
    errors = list(_CHANGES.errors(changes, ""))
    if errors:
        raise ValueError("; ".join(f"{error.property} {error.message}".strip() for error in errors))
    values = dict(cast("Row", changes))
    if values.get("scopes") is not None:
        values["scopes"] = frozenset(values["scopes"])
    if values.get("rate_per_second") is not None:
        values["rate_per_second"] = float(values["rate_per_second"])
    return replace(policy, **values)
