"""One site, its app, and a caller that holds a token."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connector.sandbox.sparklayer import SitePolicy, SparkLayerSite, create_app

POLICY = SitePolicy(site_id="acme", client_id="id-1", client_secret="secret-1")


@dataclass
class Wall:
    """A clock that a test moves; sleeping moves it too."""

    moment: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)


class Caller:
    """Calls the sandbox over ASGI the way a client does."""

    def __init__(self, site: SparkLayerSite, policy: SitePolicy, wall: Wall) -> None:
        self.site, self.wall = site, wall
        self.app = create_app(site, policy, sleep=wall.sleep)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://site")
        self.headers = {"Site-Id": policy.site_id}
        self.policy = policy

    async def login(self, **changes: str) -> httpx.Response:
        keys = {"client_id": self.policy.client_id, "client_secret": self.policy.client_secret}
        body = {"grant_type": "client_credentials", **keys, **changes}
        answer = await self.http.post("/api/auth/token", json=body, headers=self.headers)
        if answer.status_code == 200:
            self.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    async def call(self, method: str, path: str, body: Any = None, /, **more: Any) -> httpx.Response:
        if body is not None:
            more["json"] = body
        return await self.http.request(method, path, headers=self.headers, **more)

    async def product(self, number: int = 1, *, skus: tuple[str, ...] = ("A",)) -> dict[str, Any]:
        variants = [{"external_id": f"v-{sku}", "sku": sku, "status": "live"} for sku in skus]
        body = {"external_id": str(number), "title": f"P{number}", "slug": f"p-{number}", "variants": variants}
        answer = await self.call("POST", "/api/v1/products", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def price_list(self, slug: str = "base") -> None:
        body = {"slug": slug, "name": slug, "currency_code": "usd", "source": "integration"}
        assert (await self.call("POST", "/api/v1/price-lists", body)).status_code == 200


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def start(wall: Wall) -> AsyncIterator[Callable[..., Any]]:
    """Make callers for sites with a changed policy, logged in; all are closed in the end."""
    made: list[Caller] = []

    async def start(**changes: Any) -> Caller:
        fields = {name: getattr(POLICY, name) for name in POLICY.__dataclass_fields__}
        caller = Caller(SparkLayerSite(clock=wall), SitePolicy(**{**fields, **changes}), wall)
        made.append(caller)
        await caller.login()
        return caller

    yield start
    for caller in made:
        await caller.http.aclose()


@pytest.fixture
async def caller(start: Callable[..., Any]) -> Caller:
    return await start()
