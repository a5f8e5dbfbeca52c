"""A buyer of the demo: buys what there is at the buyer's own prices, and the site takes the order as it is."""

from collections.abc import AsyncIterator
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from connector.demo.oracle import purchase_reading as reading
from connector.demo.shopper import buyers, cart_id, placed_order
from connector.sandbox.sparklayer import SitePolicy, SparkLayerSite, create_app
from tests.support.handler_desk import NOW, Desk, priced, rope

AT = "2026-04-01T12:00:00.000Z"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    yield made
    await made.client.aclose()


async def stocked(desk: Desk) -> dict[str, Any]:
    await desk.apply(rope(1, "A", "B", "C"))
    await desk.apply(*(priced(sku, {"base": {1: "10", 5: "8"}, "ct-7": {1: "9"}}) for sku in ("A", "B")))
    names = {"first_name": "Ana", "last_name": "Ruiz"}
    place = {"address_line1": "1 Oak", "city": "Waco", "country_code": "US"}
    for email, lists in (("dealer@x.example", ["sp-ct-7-usd"]), ("nobody@x.example", ["empty"])):
        body = {**names, "email": email, "price_lists": lists, "addresses": [place]}
        desk.app.state.service.do("PUT", f"/api/v2/customers/email/{email}", body)
    site: Any = desk.site.dump()
    return dict(site)


async def test_an_order_is_bought_at_the_buyers_own_prices_and_taken_as_it_is(desk: Desk) -> None:
    site = await stocked(desk)
    (buyer,) = buyers(site)
    for seed in range(10):
        purchase = placed_order(site, buyer, Random(seed), at=AT)
        lines = [line for package in reading.packages(purchase, {}) for line in reading.goods(package.row)]
        for line in lines:
            assert line["identifiers"]["sku"] in ("A", "B"), "C has no price"
            assert reading.total([line]) == Decimal(9) * line["quantity"]
        cart = purchase["purchase_identifiers"]["sparklayer"]
        kept = desk.app.state.service.do("PUT", f"/api/v1/purchases/sparklayer/{cart}", purchase)
        assert kept["type"] == "order_unconfirmed"
    assert len(desk.site.purchases.all()) == 10


async def test_the_same_seed_is_the_same_order(desk: Desk) -> None:
    site = await stocked(desk)
    (buyer,) = buyers(site)
    assert placed_order(site, buyer, Random(3), at=AT) == placed_order(site, buyer, Random(3), at=AT)
    assert cart_id(Random(1)) != cart_id(Random(2))


async def test_nobody_buys_where_there_are_no_prices(desk: Desk) -> None:
    site = await stocked(desk)
    nobody = next(row for row in site["customers"] if row["email"] == "nobody@x.example")
    with pytest.raises(ValueError, match="has no prices to buy at"):
        placed_order(site, nobody, Random(1), at=AT)
    empty = SparkLayerSite(clock=lambda: NOW)
    create_app(empty, SitePolicy(site_id="s", client_id="c", client_secret="x"))
    found: Any = empty.dump()
    assert buyers(found) == []
