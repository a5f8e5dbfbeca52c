"""Everything in one process: both sandboxes behind real HTTP, a broker, a database, and the service."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from connector.app.core import Core, open_core
from connector.app.http_server import listen, serving
from connector.app.service import Service, started
from connector.bus.topics import administration, create
from connector.errors import Unavailable
from connector.sandbox import sparklayer as layer
from connector.sandbox import sparkpay as pay
from connector.settings import ConnectionSettings, Settings
from connector.state.connections import SparkLayerAccess, SparkPayAccess
from connector.state.runs import Run
from contracts.topics import TopicNames, plan

CONNECTION = "demo"
ROLES = frozenset({"producers", "intake", "appliers"})
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Stage:
    """What a scenario plays on."""

    store: pay.SparkPayStore
    site: layer.SparkLayerSite
    pay_url: str
    layer_url: str
    core: Core
    service: Service

    async def sync(self, *, full: bool, seconds: float = 600.0) -> Run:
        """Ask for a sync and wait until everything it published is applied or refused. Raises `Unavailable`."""
        run = await self.core.runs.request(CONNECTION, entities=(), full=full, requested_by="demo")
        async with asyncio.timeout(seconds):
            while not (now := await self.core.runs.get(run.id)).over:
                await self.core.clock.sleep(_LOOK_SECONDS)
        if now.state == "failed":
            raise Unavailable(f"the sync failed: {now.message}")
        return now

    async def stats(self, side: str) -> dict[str, Any]:
        """What a sandbox counted on its own."""
        url = self.pay_url if side == "sparkpay" else self.layer_url
        async with httpx.AsyncClient(base_url=url) as client:
            found: dict[str, Any] = (await client.get("/_sandbox/stats")).json()
            return found


def settings_for(folder: Path, bootstrap: str, *, database_url: str = "", prefix: str = "demo") -> Settings:
    """Settings of a stage: nothing is read from the environment that would lead it to real systems."""
    return Settings(
        kafka_bootstrap_servers=bootstrap,
        topic_prefix=prefix,
        topic_partitions=4,
        database_url=database_url or f"sqlite:///{folder / 'paylayer.sqlite3'}",
        secret_key=SecretStr(secrets.token_hex(32)),
        poll_interval_seconds=0.5,
    )


@contextlib.asynccontextmanager
async def stage(
    settings: Settings,
    store: pay.SparkPayStore,
    site: layer.SparkLayerSite,
    *,
    limit: int = 50,
    values: dict[str, str] | None = None,
    latency_ms: int = 0,
) -> AsyncIterator[Stage]:
    """A running service joined to two sandboxes. Everything is ended when the block ends."""
    token, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    pay_app = pay.create_app(store, pay.SandboxPolicy(token=token, limit=limit, latency_ms=latency_ms))
    layer_policy = layer.SitePolicy(
        site_id="demo", client_id="demo-client", client_secret=secret, latency_ms=latency_ms
    )
    layer_app = layer.create_app(site, layer_policy)
    pay_socket, layer_socket = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    pay_url, layer_url = (f"http://127.0.0.1:{s.getsockname()[1]}" for s in (pay_socket, layer_socket))
    chosen = {"sparkpay.limit": str(limit), **(values or {})}
    connection_settings = ConnectionSettings().with_b2b_types("all").with_values(chosen)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(serving(pay_app, pay_socket))
        await stack.enter_async_context(serving(layer_app, layer_socket))
        async with administration(settings) as admin:
            await create(admin, plan(TopicNames(settings.topic_prefix), settings.topic_partitions))
        core = await stack.enter_async_context(open_core(settings))
        await core.connections.add(
            CONNECTION,
            SparkPayAccess(pay_url, token),
            SparkLayerAccess(layer_url, "demo", "test", "demo-client", secret),
            connection_settings,
        )
        service = await stack.enter_async_context(started(core, ROLES))
        working = asyncio.create_task(service.run(), name="service")
        try:
            yield Stage(store, site, pay_url, layer_url, core, service)
        finally:
            working.cancel()
            await asyncio.wait([working])


def utc_now() -> datetime:
    """The sandboxes' clock."""
    return datetime.now(UTC)
