"""The simulated site as an ASGI application, with an admin interface under `/_sandbox`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from connector.sandbox.sparklayer.admin import ADMIN_PREFIX, admin_routes
from connector.sandbox.sparklayer.desk import Desk
from connector.sandbox.sparklayer.faults import FaultBook
from connector.sandbox.sparklayer.journal import Journal
from connector.sandbox.sparklayer.policy import SitePolicy
from connector.sandbox.sparklayer.service import Service
from connector.sandbox.sparklayer.site import SparkLayerSite


class SandboxApp(Starlette):
    """Admin calls go to Starlette's routes, everything else to the desk, outside of any middleware."""

    desk: Desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:  # noqa: ANN401 - see Desk.serve
        """The ASGI entry; returns something only to make a server close the connection."""
        if scope["type"] == "http" and not scope["path"].startswith(ADMIN_PREFIX):
            return await self.desk.serve(scope, receive, send)
        return await super().__call__(scope, receive, send)


def create_app(
    site: SparkLayerSite,
    policy: SitePolicy,
    *,
    seed: int = 1,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Starlette:
    """Serve a site.

    `.state.journal` and `.state.faults` are the log and the fault rules, `.state.service` holds policy and tokens.
    `seed` makes the probabilities of faults repeatable; `sleep` is how latency and delays wait.
    """
    journal, faults = Journal(), FaultBook(seed)
    service = Service(site, policy, faults, sleep)
    app = SandboxApp(routes=admin_routes(service, faults, journal))
    app.desk = Desk(service, faults, journal, sleep)
    app.state.journal = journal
    app.state.faults = faults
    app.state.service = service
    return app
