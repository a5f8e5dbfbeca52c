"""The simulated site as an ASGI application, with an admin interface under `/_sandbox`."""

import asyncio

from starlette.applications import Starlette

from connector.sandbox.admin import ADMIN_PREFIX
from connector.sandbox.app import SandboxApp
from connector.sandbox.exchange import Sleep
from connector.sandbox.faults import COMMON_KINDS, FaultBook
from connector.sandbox.sparklayer.admin import admin_routes
from connector.sandbox.sparklayer.desk import Desk
from connector.sandbox.sparklayer.journal import Journal
from connector.sandbox.sparklayer.policy import SitePolicy
from connector.sandbox.sparklayer.service import Service
from connector.sandbox.sparklayer.site import SparkLayerSite


def create_app(
    site: SparkLayerSite,
    policy: SitePolicy,
    *,
    seed: int = 1,
    sleep: Sleep = asyncio.sleep,
    dates: bool = False,
) -> Starlette:
    """Serve a site.

    `.state.journal` and `.state.faults` are the log and the fault rules, `.state.service` holds policy and tokens.
    `seed` makes the probabilities of faults repeatable; `sleep` is how latency and delays wait. `dates`: answers carry
    the site's own `Date`, for a server that sends none.
    """
    journal, faults = Journal(), FaultBook(seed, COMMON_KINDS | {"reject_sku"})
    service = Service(site, policy, faults, sleep)
    return SandboxApp(
        Desk(service, faults, journal, sleep, dates=dates),
        lambda path: not path.startswith(ADMIN_PREFIX),
        admin_routes(service, faults, journal),
        journal=journal,
        faults=faults,
        service=service,
    )
