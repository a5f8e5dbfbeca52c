"""A connection between a simulated store and a simulated site, over a database of its own; no broker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from connector.app.core import Core, open_core
from connector.clock import Clock, SystemClock
from connector.sandbox.sparklayer import SitePolicy, SparkLayerSite
from connector.sandbox.sparklayer import create_app as site_app
from connector.sandbox.sparkpay import SandboxPolicy, SparkPayStore
from connector.sandbox.sparkpay import create_app as store_app
from connector.settings import ConnectionSettings, Settings
from connector.state.connections import SparkLayerAccess, SparkPayAccess

KEY = "rehearsal-tests-only-0123456789-0123456789"
STORE, SITE = "http://store.example", "http://site.example"
TOKEN, SECRET = "store-token-5a5a", "site-secret-6b6b"
ALL = ("product", "price", "stock", "customer", "customer_group", "order", "shipping_method", "stock_location")


@dataclass
class Platforms:
    """Both sandboxes and the connection `acme` between them."""

    core: Core
    store: SparkPayStore
    site: SparkLayerSite
    store_app: Any
    site_app: Any
    settings: ConnectionSettings = field(default_factory=ConnectionSettings)

    def transport(self, url: str) -> httpx.AsyncBaseTransport:
        """The network of a test."""
        return httpx.ASGITransport(self.store_app if url == STORE else self.site_app)

    async def add(self, **values: str) -> None:
        """The connection, with these settings (`flow__order="both"`)."""
        named = {key.replace("__", "."): value for key, value in values.items()}
        quick = {"apply.linger_seconds": "0", "apply.sync_linger_seconds": "0", "b2b.customer_type_ids": "all"}
        self.settings = ConnectionSettings().with_values({"sparkpay.limit": "1000", **quick, **named})
        await self.core.connections.add(
            "acme",
            SparkPayAccess(STORE, TOKEN),
            SparkLayerAccess(SITE, "tools", "live", "id-1", SECRET),
            self.settings,
        )

    async def remap(self, rules: str) -> None:
        """Another field mapping."""
        self.settings = self.settings.with_mapping(rules, "test.toml")
        await self.core.connections.update("acme", settings=self.settings)

    @property
    def writes(self) -> dict[str, list[str]]:
        """`METHOD path` of every write that arrived, by side; tokens, bulk reads and reports of the sync aside."""
        return {
            "sparkpay": _writes(self.store_app.state.journal, ()),
            "sparklayer": _writes(self.site_app.state.journal, ("/auth/token", "/batch-fetch-stock")),
        }

    def product(self, sku: str = "ROPE-1", **fields: object) -> int:
        """A plain product."""
        values = {
            "item_name": "Rope",
            "item_number": sku,
            "price": 5,
            "product_status_id": 1,
            "primary_category_id": 1,
            "quantity_on_hand": 7,
            **fields,
        }
        return int(str(self.store.insert("products", **values)["id"]))


def _writes(journal: Any, reads: tuple[str, ...]) -> list[str]:
    return [
        f"{entry.method} {entry.path}"
        for entry in journal.since(0)
        if entry.method != "GET" and "/sync-log" not in entry.path and not entry.path.endswith(reads or ("?",))
    ]


@asynccontextmanager
async def both_platforms(folder: Path, clock: Clock | None = None) -> AsyncIterator[Platforms]:
    """Empty platforms with the reference data that every store has."""
    clock = clock or SystemClock()
    settings = Settings(database_url=f"sqlite:///{folder / 'state.sqlite3'}", secret_key=SecretStr(KEY))
    async with open_core(settings, clock) as core:
        yield over(core)


def over(core: Core) -> Platforms:
    """Both platforms, for a core that is there already."""
    store = SparkPayStore(clock=core.clock.now)
    store.insert("stores", name="Acme", domain_name="shop.example")
    store.insert("product_statuses", name="In Stock")
    store.insert("customer_types", name="Trade")
    store.insert("warehouses", name="Main", is_default=True)
    store.insert("categories", name="All")
    store.insert("order_statuses", name="New", is_open=True)
    site = SparkLayerSite(clock=core.clock.now)
    keys = {"site_id": "tools", "client_id": "id-1", "client_secret": SECRET}
    return Platforms(
        core,
        store,
        site,
        store_app(store, SandboxPolicy(token=TOKEN, limit=100_000)),
        site_app(site, SitePolicy(**keys)),
    )
