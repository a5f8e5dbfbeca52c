"""The sandbox's own controls: never counted as calls, no token."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import wraps
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.sandbox.sparklayer.faults import FaultBook, FaultRule
from connector.sandbox.sparklayer.journal import Journal
from connector.sandbox.sparklayer.policy import SCOPES, SitePolicy
from connector.sandbox.sparklayer.service import Service
from connector.sandbox.sparklayer.shapes import Fields, Flag, Many, Number, Text
from connector.sandbox.sparklayer.wire import Row, read_json, write_json

ADMIN_PREFIX = "/_sandbox/"
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
    }
)

_Handler = Callable[[Request], Awaitable[object]]


def admin_routes(service: Service, faults: FaultBook, journal: Journal) -> list[Route]:
    """Everything under `/_sandbox`."""

    async def state(_: Request) -> object:
        return service.site.dump()

    async def requests(request: Request) -> object:
        return journal.since_json(int(request.query_params.get("since", "0")))

    async def stats(_: Request) -> object:
        return journal.stats()

    async def put_faults(request: Request) -> object:
        rows = read_json(await request.body())
        rules = [FaultRule.from_json(row) for row in (rows if isinstance(rows, list) else [rows])]
        faults.replace(rules)
        return {"faults": len(rules)}

    async def delete_faults(_: Request) -> object:
        faults.clear()
        return {"faults": 0}

    async def put_policy(request: Request) -> object:
        service.policy = changed_policy(service.policy, read_json(await request.body()))
        return {"changed": True}

    async def revoke(request: Request) -> object:
        raw = await request.body()
        body = read_json(raw) if raw else {}
        if list(Fields({"keys": Flag()}).errors(body, "")):
            raise ValueError('send nothing, {"keys": true} or {"keys": false}')
        service.tokens.revoke(keys=cast("Row", body).get("keys", False))
        return {"keys_refused": service.tokens.keys_refused}

    table: list[tuple[str, str, _Handler]] = [
        ("GET", "state", state),
        ("GET", "requests", requests),
        ("GET", "stats", stats),
        ("PUT", "faults", put_faults),
        ("DELETE", "faults", delete_faults),
        ("PUT", "policy", put_policy),
        ("POST", "revoke", revoke),
    ]
    return [Route(ADMIN_PREFIX + name, _as_json(handler), methods=[method]) for method, name, handler in table]


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


def _as_json(handler: _Handler) -> Callable[[Request], Awaitable[Response]]:
    @wraps(handler)
    async def endpoint(request: Request) -> Response:
        try:
            body, status = await handler(request), 200
        except (ValueError, TypeError) as error:
            body, status = {"error": str(error)}, 400
        return Response(write_json(body), status, media_type="application/json")

    return endpoint
