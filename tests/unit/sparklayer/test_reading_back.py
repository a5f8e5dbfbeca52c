"""What a store shows, brought to SparkLayer and read back there, says the same: it is nobody's news."""

from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from pydantic import SecretStr

from connector.engine.content import content
from connector.ports import Wanted
from connector.sandbox.sparkpay import (
    CatalogueShape,
    SandboxPolicy,
    SparkPayStore,
    create_app,
    fill_catalogue,
    fill_trade,
)
from connector.sparklayer.watch import SiteWatch
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.poller import Poller
from contracts.entities import Customer, Entity, Price, Stock
from contracts.events import entity_name
from handlers.outcome import Applied
from tests.fakes.sparkpay_ports import FakeBudget, FakeMemory, FakeOutlet
from tests.support.handler_desk import Desk
from tests.support.sparklayer_watching import FakeKnown

KINDS = ("customer-group", "product", "price", "stock", "customer")
Goods = dict[tuple[str, str], Entity]


async def _shown_by_the_store(desk: Desk) -> Goods:
    store = SparkPayStore(clock=desk.clock.now, seed=1)
    fill_catalogue(store, CatalogueShape(products=20, skus_at_least=0), 1)
    fill_trade(store, customers=60, orders=0, seed=1)
    app = create_app(store, SandboxPolicy(token="t", limit=100_000), sleep=desk.clock.sleep)
    transport = httpx.ASGITransport(app)
    client = SparkPayClient("http://shop", SecretStr("t"), budget=FakeBudget(), transport=transport, clock=desk.clock)
    outlet = FakeOutlet()
    async with client:
        poller = Poller(client, FakeMemory(), outlet, desk.settings, "acme", desk.clock)
        await poller.full_sync("run-1", force=True)
        await poller.close()
    return {(entity_name(event), event.data.key): event.data for event in outlet.events}  # type: ignore[misc]


class Site:
    """A site to which everything was brought that a store shows, and what was brought."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.brought, self.known = desk, Goods(), FakeKnown()

    async def fill(self) -> None:
        for (kind, key), entity in (await _shown_by_the_store(self.desk)).items():
            if kind not in KINDS:
                continue
            (outcome,) = await self.desk.apply(entity)
            if isinstance(outcome, Applied):
                self.brought[kind, key] = entity
                self.known.plans[kind, key] = Wanted(entity, settled=True, applied_at=self.desk.now)
                if kind == "customer" and outcome.refs:
                    self.known.ids[key] = outcome.refs["sparklayer"]
        self.known.all_skus = [key for kind, key in self.brought if kind == "stock"]

    async def read(self) -> Goods:
        outlet = FakeOutlet()
        # As if SparkLayer were the only source of these: then all that it shows is told.
        flows = dict.fromkeys(("flow.price", "flow.stock", "flow.customer_group"), "to_sparkpay")
        settings = self.desk.settings.with_values(flows)
        watch = SiteWatch(self.desk.client, FakeMemory(), outlet, settings, "acme", self.desk.clock, known=self.known)
        await watch.full_sync("run-1")
        return {(entity_name(event), event.data.key): event.data for event in outlet.events}  # type: ignore[misc]

    async def news(self) -> dict[tuple[str, str], set[str]]:
        """By entity, the fields that show something else than was brought."""
        found = {}
        for name, shown in (await self.read()).items():
            brought, there = content(self.brought[name]), content(shown)
            if changed := {field for field, value in there.items() if brought.get(field) != value}:
                found[name] = changed
        return found


@pytest.fixture
async def site() -> Site:
    flows = dict.fromkeys(("flow__price", "flow__stock", "flow__customer", "flow__customer_group"), "both")
    made = Site(Desk(**flows, b2b__customer_type_ids="all", customers__association_type_id="1"))
    await made.fill()
    return made


async def test_nothing_is_news_of_what_was_brought(site: Site) -> None:
    assert {kind for kind, _ in await site.read()} == {"price", "stock", "customer", "customer-group"}
    assert await site.news() == {}


async def test_an_edit_is_news_and_loses_nothing_that_sparklayer_cannot_hold(site: Site) -> None:
    key, brought = next(
        (key, entity)
        for (_, key), entity in site.brought.items()
        if isinstance(entity, Customer) and any(one.country is None for one in entity.addresses or ())
    )
    await site.desk.client.customers.change("sparklayer", site.known.ids[key], {"company_name": "Renamed"})
    assert await site.news() == {("customer", key): {"company"}}
    shown = (await site.read())["customer", key]
    assert isinstance(shown, Customer)
    assert {address.id for address in shown.addresses or ()} == {address.id for address in brought.addresses or ()}


async def test_an_edited_list_leaves_the_periods_of_the_others(site: Site) -> None:
    sku, price = next(
        (key, entity)
        for (kind, key), entity in site.brought.items()
        if isinstance(entity, Price) and any(row.valid_until for one in entity.lists for row in one.rows)
    )
    periods = {one.list for one in price.lists if any(row.valid_until for row in one.rows)}
    other = next(one.list for one in price.lists if one.list not in periods)
    row = {"sku": sku, "pricing": [{"quantity": 1, "price": Decimal("1.23")}]}
    await site.desk.client.prices.update_list(f"sp-{other}-usd", [row])
    assert await site.news() == {("price", sku): {"lists"}}
    shown = (await site.read())["price", sku]
    assert isinstance(shown, Price)
    now = {one.list: one.rows for one in shown.lists}
    assert {name: now[name] for name in periods} == {one.list: one.rows for one in price.lists if one.list in periods}
    assert [row.amount for row in now[other]] == [Decimal("1.23")]


async def test_a_sale_that_began_a_moment_ago_is_no_edit(site: Site) -> None:
    """The clock has passed a boundary, and the site is not changed yet."""
    boundary = min(
        row.valid_until
        for entity in site.brought.values()
        if isinstance(entity, Price)
        for one in entity.lists
        for row in one.rows
        if row.valid_until is not None and row.valid_until > site.desk.now
    )
    site.desk.clock.advance((boundary + timedelta(seconds=1) - site.desk.clock.now()).total_seconds())
    assert await site.news() == {}


async def test_what_is_on_its_way_is_not_compared(site: Site) -> None:
    sku, stock = next((key, one) for (_, key), one in site.brought.items() if isinstance(one, Stock))
    await site.desk.client.stock.update([{"sku": sku, "stock_location_external_id": "default", "stock_level": 4711}])
    site.known.plans["stock", sku] = Wanted(stock, settled=False)
    assert ("stock", sku) not in await site.read()
    site.known.plans["stock", sku] = Wanted(stock, settled=True)
    assert await site.news() == {("stock", sku): {"levels"}}
