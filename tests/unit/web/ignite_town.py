"""The service with a store and a site behind it, as SparkLayer calls it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from connector.app.platforms import Platforms
from connector.sandbox import sparklayer as layer
from connector.sandbox import sparkpay as pay
from connector.state.connections import SparkLayerAccess, SparkPayAccess
from connector.web.app import build
from tests.unit.web.conftest import Site, site_on

TOKEN = "ignite-token-5a6b"
ROOT = "/v1/test/tools"
SHOP_TOKEN = "store-token-34cd"
CONNECT = {"store_id": "shop", "spark_api_client_id": "client-1", "spark_api_client_secret": "site-secret-1"}


class Town:
    def __init__(
        self, site: Site, http: httpx.AsyncClient, store: pay.SparkPayStore, shop: Any, layer_app: Any
    ) -> None:
        self.site, self.core, self.http = site, site.core, http
        self.store, self.shop, self.layer = store, shop, layer_app

    async def call(self, method: str, path: str = "", code: int = 200, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}", **more.pop("headers", {})}
        answer = await self.http.request(method, ROOT + path, headers=headers, **more)
        assert answer.status_code == code, answer.text
        return answer.json() if answer.content else None

    def settings(self, **values: Any) -> None:
        self.core.settings.__dict__.update(values)

    def policy(self, **changes: Any) -> None:
        service = self.shop.state.service
        service.policy = replace(service.policy, **changes)

    def customers(self) -> list[dict[str, Any]]:
        return self.store.rows("customers")


async def ignite_town(folder: Path) -> AsyncIterator[Town]:
    async for site in site_on(folder):
        clock = site.clock
        store = pay.SparkPayStore(clock=clock.now)
        store.insert("stores", name="Shop")
        store.insert("customer_types", name="Trade")
        store.insert("order_statuses", name="Fresh", is_open=True)
        store.insert("custom_fields", name="sparklayer_cart_id", resource_type="Orders")
        store.insert("custom_fields", name="Purchase order number", resource_type="Orders")
        shop = pay.create_app(store, pay.SandboxPolicy(token=SHOP_TOKEN, limit=1000), sleep=clock.sleep)
        policy = layer.SitePolicy(site_id="tools", client_id="client-1", client_secret="site-secret-1")
        layer_app = layer.create_app(layer.SparkLayerSite(clock=clock.now), policy, sleep=clock.sleep)
        apps = {"http://shop": shop, "http://layer": layer_app}
        site.core.settings.__dict__.update(
            ignite_token=SecretStr(TOKEN), public_url="http://us", sparklayer_test_url="http://layer"
        )
        site.service.platforms = Platforms(
            site.core,
            site.service.meter,
            lambda url, apps=apps: httpx.ASGITransport(apps[url]),  # type: ignore[misc]
        )
        site.service.desks.platforms = site.service.platforms
        await site.core.connections.remove("acme")
        transport = httpx.ASGITransport(build(site.service), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://us") as http:
            yield Town(site, http, store, shop, layer_app)
        await site.service.desks.close()
        assert shop.state.journal.violations == []


async def joined(town: Town, **settings: str) -> str:
    """A connection of the site with the store; its id."""
    access = SparkLayerAccess("http://layer", "tools", "test", "client-1", "site-secret-1")
    made = await town.core.connections.add("tools", SparkPayAccess("http://shop", SHOP_TOKEN), access)
    values = {key.replace("__", "."): value for key, value in settings.items()}
    await town.core.connections.update("tools", settings=made.settings.with_values(values))
    return made.id


def with_goods(town: Town) -> Town:
    """A rope with a colour, a knot, one way of shipping, and a tax."""
    town.store.insert("product_statuses", name="In Stock")
    town.store.insert("categories", name="All")
    common = {"product_status_id": 1, "primary_category_id": 1}
    town.store.insert("products", item_number="KNOT", item_name="Knot", price=Decimal(10), **common)
    town.store.insert("products", item_number="ROPE", item_name="Rope", price=Decimal(200), **common)
    town.store.insert("variant_groups", name="Colour")
    town.store.insert("product_variants", product_id=2, variant_group_id=1, description="Red")
    town.store.insert("variant_inventory", product_id=2, item_number="ROPE-60", variants=(1,))
    town.store.insert("regions", name="Everywhere")
    town.store.insert("tax_rates", name="Texas", rate=Decimal("0.0825"), region_id=1, store_id=1)
    town.store.insert("custom_shipping_methods", name="Truck", is_enabled=True, rules=[{"amount": Decimal("12.5")}])
    return town
