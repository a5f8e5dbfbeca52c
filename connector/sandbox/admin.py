"""A sandbox's own controls under /_sandbox: never counted as calls, no token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import wraps
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connector.sandbox.exact_json import read_json
from connector.sandbox.faults import FaultBook, FaultRule
from connector.sandbox.journal import Entry, Journal
from connector.sandbox.json_stream import streamed

ADMIN_PREFIX = "/_sandbox/"
Handler = Callable[[Request], Awaitable[object]]
Control = tuple[str, str, Handler]
"""Method, name below /_sandbox, and what it does: it returns JSON's content or a response of its own."""


def shared_controls(
    journal: Journal,
    faults: FaultBook,
    *,
    state: Callable[[], Response],
    stats: Callable[[], object],
    change_policy: Callable[[object], None],
) -> list[Control]:
    """What every sandbox has: its state, log, statistics, faults and policy."""

    async def get_state(_: Request) -> object:
        return state()

    async def get_requests(request: Request) -> object:
        entries = journal.since(int(request.query_params.get("since", "0")))
        return streamed(entries, depth=1, plain=lambda entry: asdict(cast("Entry", entry)))

    async def get_stats(_: Request) -> object:
        return stats()

    async def put_faults(request: Request) -> object:
        found = read_json(await request.body())
        rules = [FaultRule.from_json(rule) for rule in (found if isinstance(found, list) else [found])]
        faults.replace(rules)
        return {"faults": len(rules)}

    async def delete_faults(_: Request) -> object:
        faults.clear()
        return {"faults": 0}

    async def put_policy(request: Request) -> object:
        change_policy(read_json(await request.body()))
        return {"changed": True}

    return [
        ("GET", "state", get_state),
        ("GET", "requests", get_requests),
        ("GET", "stats", get_stats),
        ("PUT", "faults", put_faults),
        ("DELETE", "faults", delete_faults),
        ("PUT", "policy", put_policy),
    ]


def routes(controls: list[Control]) -> list[Route]:
    """Controls as routes; a ValueError, TypeError or KeyError of one is a 400 that says why."""
    return [Route(ADMIN_PREFIX + name, _as_json(handler), methods=[method]) for method, name, handler in controls]


def _as_json(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    @wraps(handler)
    async def endpoint(request: Request) -> Response:
        try:
            body, status = await handler(request), 200
        except (ValueError, TypeError, KeyError) as error:
            body, status = {"error": str(error)}, 400
        return body if isinstance(body, Response) else JSONResponse(body, status)

    return endpoint
