from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from pydantic import SecretStr

from connector.app.core import Core, open_core
from connector.app.platforms import Platforms
from connector.app.service import ROLES, Service
from connector.bus.intake_health import IntakeHealth
from connector.clock import SteppedClock
from connector.engine.book import ConnectionBook
from connector.engine.metrics import Metrics
from connector.engine.tally import Tally
from connector.engine.usage import CallMeter
from connector.settings import ConnectionSettings, Settings
from connector.state.connections import SparkLayerAccess, SparkPayAccess
from connector.web.app import build

ADMIN = "operator-token-12ab"
TOKEN, SECRET, KEY = "store-token-34cd", "site-secret-56ef", "web-tests-only-0123456789-0123456789"
SECRETS = (ADMIN, TOKEN, SECRET, KEY)


@dataclass
class FakeIntake:
    """Answers with the health that a test gives it."""

    running: bool = True
    tick_age: float = 0.0
    unfinished: float = 0.0
    assigned: int = 4
    failing: str | None = None
    lag: dict[tuple[str, int], int | None] = field(default_factory=dict)

    def health(self) -> IntakeHealth:
        return IntakeHealth(self.running, self.tick_age, self.unfinished, self.assigned, self.lag, 0, self.failing, {})


@dataclass
class Mover:
    """An applier or supervisor, as health sees it."""

    last_tick: float = 0.0


@dataclass
class Site:
    """A service on SQLite without a bus, and a client of its HTTP side."""

    service: Service
    core: Core
    clock: SteppedClock
    http: httpx.AsyncClient

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {ADMIN}"}

    async def call(self, method: str, path: str, code: int = 200, **more: Any) -> Any:
        answer = await self.http.request(method, f"/api{path}", headers=self.headers, **more)
        assert answer.status_code == code, answer.text
        assert not any(secret in answer.text for secret in SECRETS)
        return answer.json() if answer.content else None


async def site_on(folder: Path, *, admin: str | None = ADMIN) -> AsyncIterator[Site]:
    settings = Settings(
        database_url=f"sqlite:///{folder / 'state.sqlite3'}",
        secret_key=SecretStr(KEY),
        admin_token=None if admin is None else SecretStr(admin),
        kafka_bootstrap_servers="127.0.0.1:9",
    )
    clock = SteppedClock()
    async with open_core(settings, clock) as core:
        await core.connections.add(
            "acme",
            SparkPayAccess("http://pay.test", TOKEN),
            SparkLayerAccess("http://layer.test", "tools", "test", "client", SECRET),
            ConnectionSettings(),
        )
        metrics = Metrics()
        meter = CallMeter(core.usage, metrics)
        nothing: Any = None  # what talks to the bus is not asked for here
        service = Service(
            core=core, roles=ROLES, publisher=nothing, office=nothing, lag=nothing, platforms=Platforms(core, meter),
            meter=meter, tally=Tally(core.runs), metrics=metrics, book=ConnectionBook(core.connections, clock),
            worker="w",
        )  # fmt: skip
        transport = httpx.ASGITransport(build(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://paylayer.test") as http:
            yield Site(service, core, clock, http)


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async for made in site_on(tmp_path):
        yield made


@pytest_asyncio.fixture
async def closed_site(tmp_path: Path) -> AsyncIterator[Site]:
    async for made in site_on(tmp_path, admin=None):
        yield made
