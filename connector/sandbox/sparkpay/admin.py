"""The store's own controls under /_sandbox: what every sandbox has, and a merchant's edits."""

from __future__ import annotations

from dataclasses import fields, replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.sandbox.admin import Handler, routes, shared_controls
from connector.sandbox.exact_json import read_json
from connector.sandbox.faults import FaultBook
from connector.sandbox.json_stream import streamed
from connector.sandbox.sparkpay.journal import Journal
from connector.sandbox.sparkpay.policy import SandboxPolicy
from connector.sandbox.sparkpay.service import Service
from connector.sandbox.sparkpay.store import SparkPayStore
from connector.sandbox.sparkpay.webhooks import Bell

_FIXED = frozenset({"cache_bytes", "log_size"})


def admin_routes(service: Service, faults: FaultBook, journal: Journal, bell: Bell | None) -> list[Route]:
    """Everything under /_sandbox. `bell`: what fires webhooks, where any leave."""
    store = service.store
    edit = _editing(store)

    def state() -> Response:
        return streamed(store.snapshot(), depth=2, plain=store.plain)

    def stats() -> object:
        return {**journal.stats(), "windows": service.window.report(), "limit": service.policy.limit}

    def change_policy(changes: object) -> None:
        service.policy = changed_policy(service.policy, changes)

    async def webhooks(_: Request) -> object:
        return bell.shown() if bell is not None else {}

    shared = shared_controls(journal, faults, state=state, stats=stats, change_policy=change_policy)
    return routes([*shared, ("POST", "edit", edit), ("GET", "webhooks", webhooks)])


def _editing(store: SparkPayStore) -> Handler:
    """A merchant's own edits."""

    async def edit(request: Request) -> object:
        body = read_json(await request.body())
        if not isinstance(body, dict):
            raise TypeError("an edit is an object with op, resource, id and fields")
        operation, resource, row_id = body.get("op"), str(body.get("resource")), body.get("id")
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

    return edit


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
