"""The simulated store as an ASGI application, with an admin interface under /_sandbox."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from connector.sandbox.sparkpay.admin import admin_routes
from connector.sandbox.sparkpay.desk import Desk, Sleep
from connector.sandbox.sparkpay.faults import FaultBook
from connector.sandbox.sparkpay.journal import Journal
from connector.sandbox.sparkpay.policy import SandboxPolicy
from connector.sandbox.sparkpay.service import API_PREFIX, Service
from connector.sandbox.sparkpay.store import SparkPayStore


class SandboxApp(Starlette):
    """Calls of the API go to the desk, outside of any middleware; admin calls to Starlette's routes."""

    desk: Desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> bool | None:  # type: ignore[override]
        """Return the ASGI entry; returns something only to make a server close the connection, see Desk.serve."""
        if scope["type"] == "http" and scope["path"].startswith(API_PREFIX):
            return await self.desk.serve(scope, receive, send)
        await super().__call__(scope, receive, send)
        return None


def create_app(
    store: SparkPayStore, policy: SandboxPolicy, *, seed: int = 1, sleep: Sleep = asyncio.sleep
) -> Starlette:
    """Serve a store.

    `.state.journal` and `.state.faults` are the log and the fault rules, `.state.service` holds policy and window.
    `seed` makes the probabilities of faults repeatable; `sleep` is how latency and delays wait.
    """
    journal, faults = Journal(policy.log_size), FaultBook(seed)
    service = Service(store, policy, journal)
    app = SandboxApp(routes=admin_routes(service, faults, journal))
    app.desk = Desk(service, faults, journal, sleep)
    app.state.journal = journal
    app.state.faults = faults
    app.state.service = service
    return app
