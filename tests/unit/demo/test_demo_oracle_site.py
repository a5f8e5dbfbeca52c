"""The judge over a real site of the sandbox, brought there by the connector's own mapping and handlers."""

from collections.abc import Mapping
from datetime import UTC, datetime

from mirrored_site import bundles, reference

from connector.demo import scenario
from connector.demo.oracle import Excuse, OracleSettings, compare
from connector.sandbox.sparkpay import CatalogueShape, SparkPayStore
from connector.sparkpay.mapping import price_entities, product_entity, stock_entities
from contracts.entities import Entity
from handlers.outcome import Applied, Rejected
from tests.support.handler_desk import Desk

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
SHAPE = CatalogueShape(products=100, skus_at_least=240)
Wanted = Mapping[str, Mapping[str, Entity]]


def wanted(store: SparkPayStore, desk: Desk) -> Wanted:
    """Everything that should be told, by kind and key; a SKU that exists twice speaks for the first product."""
    found: dict[str, dict[str, Entity]] = {"product": {}, "price": {}, "stock": {}}
    dump = store.dump()
    known = reference(dump)
    for bundle in bundles(dump):
        product = product_entity(bundle, known, desk.settings)
        if product is not None:
            found["product"][product.key] = product
        for price in price_entities(bundle, known, desk.settings, NOW):
            found["price"].setdefault(price.key, price)
        for stock in stock_entities(bundle, known, desk.settings):
            found["stock"].setdefault(stock.key, stock)
    return found


async def bring(desk: Desk, before: Wanted, after: Wanted) -> dict[str, str]:
    """Applies what is different; the codes of what was refused, by kind and key."""
    refused: dict[str, str] = {}
    for kind in after:
        keys = before[kind].keys() | after[kind].keys()
        changed = sorted(key for key in keys if before[kind].get(key) != after[kind].get(key))
        for key in changed:
            desk.put(kind, key, after[kind].get(key))
        for start in range(0, len(changed), 500):
            batch = changed[start : start + 500]
            for key, outcome in zip(batch, await desk.run(kind, *batch), strict=True):
                assert isinstance(outcome, Applied | Rejected), (kind, key, outcome)
                if isinstance(outcome, Rejected):
                    refused[f"{kind}:{key}"] = outcome.code
    return refused


async def test_the_demo_from_the_first_sync_to_the_last_edit() -> None:
    desk = Desk(b2b__customer_type_ids="all", store__timezone="America/Chicago")
    store = SparkPayStore(clock=lambda: NOW)
    facts = scenario.prepare(store, SHAPE)
    state: Wanted = {"product": {}, "price": {}, "stock": {}}

    after = wanted(store, desk)
    refused = await bring(desk, state, after)
    state = after
    price = next(key for key in refused if key.startswith("price:"))
    assert refused.keys() == {
        f"product:sparkpay:{facts.duplicate_sku}",
        f"product:sparkpay:{facts.without_sku}",
        price,
    }
    first = compare(store.dump(), desk.site.dump(), settings=OracleSettings(), now=NOW)
    # Two of the three mistakes are the rules' own business; only the price that was refused differs.
    assert {(each.entity, each.key) for each in first.differences} == {("price", price.removeprefix("price:"))}
    assert first.fields_compared > 3_500

    excused = {price: Excuse("the price waits in a dead-letter topic")}
    for act in (
        scenario.edit_prices,
        scenario.edit_stock,
        scenario.rename_products,
        scenario.switch_off,
        scenario.delete,
    ):
        act(store, facts)
        stale = compare(store.dump(), desk.site.dump(), settings=OracleSettings(), now=NOW, excused=excused)
        assert stale.differences, f"{act.__name__} went unnoticed"
        after = wanted(store, desk)
        assert await bring(desk, state, after) == {}
        state = after
        fresh = compare(store.dump(), desk.site.dump(), settings=OracleSettings(), now=NOW, excused=excused)
        assert fresh.differences == (), act.__name__
