"""Clients joined to a simulated SparkLayer site in-process, on a clock that moves only when somebody sleeps."""

from typing import Any

import httpx

from connector.clock import SteppedClock
from connector.sandbox.sparklayer import SitePolicy, SparkLayerSite, create_app
from connector.sparklayer import CallGate, Credentials, GatePolicy, SparkLayerClient


class Rig:
    """Site, app and any number of clients of it."""

    def __init__(self, **policy: Any) -> None:
        self.clock = SteppedClock()
        self.site = SparkLayerSite(clock=self.clock.now)
        keys = {"site_id": "acme", "client_id": "id-1", "client_secret": "secret-1"}
        self.app = create_app(self.site, SitePolicy(**{**keys, **policy}), sleep=self.clock.sleep)
        self.journal, self.faults = self.app.state.journal, self.app.state.faults
        self.service = self.app.state.service
        self.gate = CallGate(GatePolicy(), self.clock)
        self.calls: list[tuple[str, str, int | None, float]] = []
        self.clients: list[SparkLayerClient] = []

    def client(self, **changes: Any) -> SparkLayerClient:
        options: dict[str, Any] = {
            "transport": httpx.ASGITransport(self.app),
            "clock": self.clock,
            "gate": self.gate,
            "on_call": lambda *call: self.calls.append(call),
        }
        keys = changes.pop("credentials", Credentials("id-1", "secret-1"))
        client = SparkLayerClient("http://site", "acme", keys, **{**options, **changes})
        self.clients.append(client)
        return client

    async def seed(self, client: SparkLayerClient, *skus: str) -> None:
        """One product with these SKUs, and the price list `base`."""
        variants = [{"external_id": f"v-{at}", "sku": sku, "status": "live"} for at, sku in enumerate(skus)]
        await client.products.create({"external_id": "1", "title": "P", "slug": "p", "variants": variants})
        await client.price_lists.create({"slug": "base", "name": "Base", "currency_code": "usd"})
