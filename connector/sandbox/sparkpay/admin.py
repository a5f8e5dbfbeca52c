"""The sandbox's own controls under /_sandbox: never counted as calls, no token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from functools import wraps

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connector.sandbox.sparkpay.faults import FaultBook, FaultRule
from connector.sandbox.sparkpay.journal import Journal
from connector.sandbox.sparkpay.policy import SandboxPolicy
from connector.sandbox.sparkpay.service import Service
from connector.sandbox.sparkpay.wire import decode

ADMIN_PREFIX = "/_sandbox/"
_FIXED = frozenset({"cache_bytes", "log_size"})
_Handler = Callable[[Request], Awaitable[object]]


def admin_routes(  # noqa: C901 - a table of small handlers
    service: Service, faults: FaultBook, journal: Journal
) -> list[Route]:
    """Everything under /_sandbox."""
    store = service.store

    async def state(_: Request) -> object:
        return store.dump()

    async def requests(request: Request) -> object:
        return journal.since_json(int(request.query_params.get("since", "0")))

    async def stats(_: Request) -> object:
        return {**journal.stats(), "windows": service.window.report(), "limit": service.policy.limit}

    async def edit(request: Request) -> object:
        body = decode(await request.body())
        operation, resource, row_id = body.get("op"), body.get("resource"), body.get("id")
        values = body.get("fields", {})
        if operation == "insert":
            return store.plain(store.insert(resource, **values))
        if not isinstance(row_id, int):
            raise TypeError("update and delete need an id")
        if operation == "update":
            return store.plain(store.update(resource, row_id, touch=body.get("touch", True), **values))
        if operation == "delete":
            store.delete(resource, row_id)
            return {"deleted": row_id}
        raise ValueError("op is insert, update or delete")

    async def put_faults(request: Request) -> object:
        rules = decode(await request.body())
        faults.replace([FaultRule.from_json(rule) for rule in (rules if isinstance(rules, list) else [rules])])
        return {"faults": len(rules) if isinstance(rules, list) else 1}

    async def delete_faults(_: Request) -> object:
        faults.clear()
        return {"faults": 0}

    async def put_policy(request: Request) -> object:
        service.policy = changed_policy(service.policy, decode(await request.body()))
        return {"changed": True}

    table: list[tuple[str, str, _Handler]] = [
        ("GET", "state", state),
        ("GET", "requests", requests),
        ("GET", "stats", stats),
        ("POST", "edit", edit),
        ("PUT", "faults", put_faults),
        ("DELETE", "faults", delete_faults),
        ("PUT", "policy", put_policy),
    ]
    return [Route(ADMIN_PREFIX + name, _as_json(handler), methods=[method]) for method, name, handler in table]


def changed_policy(policy: SandboxPolicy, changes: object) -> SandboxPolicy:
    """Return a copy of the policy with some fields changed. Raises ValueError that names what cannot be."""
    kinds = {field.name: type(getattr(policy, field.name)) for field in fields(policy)}
    if not isinstance(changes, dict) or (unknown := changes.keys() - (kinds.keys() - _FIXED)):
        names = unknown if isinstance(changes, dict) else changes
        raise ValueError(f"these cannot be changed: {names}")
    values: dict[str, object] = {}
    for name, value in changes.items():
        if name == "scopes":
            values[name] = None if value is None else frozenset(value)
        else:
            values[name] = kinds[name](value)
    return replace(policy, **values)  # type: ignore[arg-type]


def _as_json(handler: _Handler) -> Callable[[Request], Awaitable[Response]]:
    @wraps(handler)
    async def endpoint(request: Request) -> Response:
        try:
            body, status = await handler(request), 200
        except (ValueError, TypeError, KeyError) as exc:
            body, status = {"error": str(exc)}, 400
        return JSONResponse(body, status)

    return endpoint
