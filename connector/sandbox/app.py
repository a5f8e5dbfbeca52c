"""A simulated platform as an ASGI application: its API, and the sandbox's own controls beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from connector.sandbox.faults import FaultBook
from connector.sandbox.journal import Journal


class FrontDesk(Protocol):
    """Where the calls of a platform's API come in."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> bool | None:
        """Answer, or return something to make a server close the connection."""
        ...


class SandboxApp(Starlette):
    """Calls of the API (`is_call` says so of a path) go to the desk, outside of any middleware; others to the routes.

    `.state.journal` and `.state.faults` are the log and the fault rules, `.state.service` the platform itself.
    """

    def __init__(
        self,
        desk: FrontDesk,
        is_call: Callable[[str], bool],
        routes: Sequence[Route],
        *,
        journal: Journal,
        faults: FaultBook,
        service: object,
    ) -> None:
        super().__init__(routes=routes)
        self._desk = desk
        self._is_call = is_call
        self.state.journal = journal
        self.state.faults = faults
        self.state.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> bool | None:  # type: ignore[override]
        """The ASGI entry; returns something only to make a server close the connection."""
        if scope["type"] == "http" and self._is_call(scope["path"]):
            return await self._desk.serve(scope, receive, send)
        await super().__call__(scope, receive, send)
        return None
