"""The simulated store as an ASGI application, with an admin interface under /_sandbox."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette

from connector.sandbox.app import SandboxApp
from connector.sandbox.exchange import Sleep
from connector.sandbox.faults import COMMON_KINDS, FaultBook
from connector.sandbox.sparkpay.admin import admin_routes
from connector.sandbox.sparkpay.desk import Desk
from connector.sandbox.sparkpay.installed_apps import oauth_routes
from connector.sandbox.sparkpay.journal import Journal
from connector.sandbox.sparkpay.policy import SandboxPolicy
from connector.sandbox.sparkpay.service import API_PREFIX, Service
from connector.sandbox.sparkpay.store import SparkPayStore
from connector.sandbox.sparkpay.webhooks import Bell, SendWebhook


def create_app(
    store: SparkPayStore,
    policy: SandboxPolicy,
    *,
    seed: int = 1,
    sleep: Sleep = asyncio.sleep,
    dates: bool = False,
    send: SendWebhook | None = None,
) -> Starlette:
    """Serve a store.

    `.state.journal` and `.state.faults` are the log and the fault rules, `.state.service` holds policy and window.
    `seed` makes the probabilities of faults repeatable; `sleep` is how latency and delays wait. `dates`: answers carry
    the platform's own `Date`, for a server that sends none. `send` delivers webhooks; without it none leaves.
    `.state.bell` is what fires them.
    """
    journal, faults = Journal(policy.log_size), FaultBook(seed, COMMON_KINDS | {"stale"})
    service = Service(store, policy, journal)
    bell = Bell(store, lambda: service.policy, send, sleep, seed) if send is not None else None
    app = SandboxApp(
        Desk(service, faults, journal, sleep, dates=dates),
        lambda path: path.startswith(API_PREFIX),
        [*admin_routes(service, faults, journal, bell), *oauth_routes(service.installed)],
        journal=journal,
        faults=faults,
        service=service,
    )
    app.state.bell = bell
    return app
