"""A simulated store with a client and a poller on it; time moves by hand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr

from connector.clock import SteppedClock
from connector.ports import Echoes, NoEchoes
from connector.sandbox.sparkpay import CatalogueShape, SandboxPolicy, SparkPayStore, create_app, fill_catalogue
from connector.settings import ConnectionSettings
from connector.settings.connection import FlowSettings
from connector.sparkpay.catalogue_stream import CatalogueStream
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.poller import Poller
from connector.sparkpay.product_state import Problem
from connector.sparkpay.selection import CATALOGUE_KINDS
from contracts.events import Event, entity_name
from tests.fakes.findings import FakeFindings
from tests.fakes.sparkpay_ports import FakeBudget, FakeMemory, FakeOutlet

TOKEN = "made-up-token"
CATALOGUE_ALONE = {
    f"flow.{name}": "to_sparklayer" if name in CATALOGUE_KINDS else "off" for name in FlowSettings.model_fields
}
Before = Callable[[httpx.Request], Awaitable[None] | None]


class Meddling(httpx.AsyncBaseTransport):
    """Lets a test change the store, or stop, right before a request arrives; keeps the requests."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.before: Before | None = None
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.before is not None:
            waited = self.before(request)
            if waited is not None:
                await waited
        return await self._inner.handle_async_request(request)

    @property
    def paths(self) -> list[str]:
        return [request.url.path.removeprefix("/api/v1/") for request in self.requests]

    def count(self, path: str) -> int:
        return self.paths.count(path)


@dataclass
class Shop:
    """One store and everything that reads it."""

    clock: SteppedClock
    store: SparkPayStore
    app: object
    wire: Meddling
    client: SparkPayClient
    budget: FakeBudget
    settings: ConnectionSettings
    memory: FakeMemory = field(default_factory=FakeMemory)
    outlet: FakeOutlet = field(default_factory=FakeOutlet)
    problems: list[Problem] = field(default_factory=list)
    echoes: Echoes = field(default_factory=NoEchoes)
    findings: FakeFindings = field(default_factory=FakeFindings)

    def poller(self) -> Poller:
        """As after a start of the process."""
        return Poller(
            self.client,
            self.memory,
            self.outlet,
            self.settings,
            "acme",
            self.clock,
            interval_seconds=1.0,
            on_problem=self.problems.append,
            echoes=self.echoes,
            findings=self.findings,
        )

    @property
    def calls(self) -> int:
        return len(self.wire.requests)

    def product(self, **fields: object) -> int:
        """A plain product with all that it needs."""
        values: dict[str, object] = {
            "item_name": "Bolt",
            "price": 5,
            "product_status_id": 1,
            "primary_category_id": 1,
            "quantity_on_hand": 7,
            **fields,
        }
        row = self.store.insert("products", **values)
        return int(str(row["id"]))


@asynccontextmanager
async def open_shop(
    *,
    products: int = 0,
    skus: int = 0,
    resolution: str = "tick",
    values: dict[str, str] | None = None,
    page_size: int = 1000,
    expand_page_size: int = 100,
    policy: SandboxPolicy | None = None,
) -> AsyncIterator[Shop]:
    """A store with a generated catalogue, or with the bare reference data and no product."""
    clock = SteppedClock()
    store = SparkPayStore(clock=clock.now, timestamp_resolution=resolution)
    if products:
        fill_catalogue(store, CatalogueShape(products=products, skus_at_least=skus or products), seed=7)
    else:
        store.insert("stores", name="Acme", domain_name="shop.example")
        store.insert("product_statuses", name="In Stock")
        store.insert("product_statuses", name="Gone for now", is_unavailable=True)
        store.insert("customer_types", name="Trade")
        store.insert("warehouses", name="Main", is_default=True)
        store.insert("variant_groups", name="Color")
        store.insert("variant_groups", name="Size")
        store.insert("categories", name="All")
    clock.advance(3600)  # everything so far lies beyond the overlap
    app = create_app(store, policy or SandboxPolicy(token=TOKEN, limit=1_000_000))
    wire = Meddling(httpx.ASGITransport(app))
    budget = FakeBudget()
    settings = ConnectionSettings().with_values({"b2b.customer_type_ids": "all", **CATALOGUE_ALONE, **(values or {})})
    client = SparkPayClient(
        "http://shop.example",
        SecretStr(TOKEN),
        budget=budget,
        transport=wire,
        clock=clock,
        page_size=page_size,
        expand_page_size=expand_page_size,
        jitter=lambda: 0.5,
    )
    async with client:
        shop = Shop(clock, store, app, wire, client, budget, settings)
        yield shop
        assert app.state.journal.violations == []


def told(events: list[Event]) -> list[tuple[str, str]]:
    """Kind and key of each."""
    return [(entity_name(event), event.data.key) for event in events]


def catalogue(poller: Poller) -> CatalogueStream:
    """What watches products, prices and stock."""
    return next(stream for stream in poller.streams if isinstance(stream, CatalogueStream))


async def synced(shop: Shop) -> Poller:
    """A poller that has published everything and has looked once since."""
    poller = shop.poller()
    await poller.full_sync("first")
    await poller.poll_once()
    shop.clock.advance(600)
    await poller.poll_once()
    shop.clock.advance(10)
    shop.outlet.take()
    shop.wire.requests.clear()
    return poller
