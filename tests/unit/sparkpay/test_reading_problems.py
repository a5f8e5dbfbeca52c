"""What a store shows and cannot be mapped is told until it can be, or is gone."""

from typing import Any

from connector.ports import Priority
from connector.sparkpay.pages import page_of
from tests.fakes.sparkpay_people import Counter, with_people
from tests.fakes.sparkpay_shop import Shop, open_shop, synced


async def look(shop: Shop, poller: Any) -> None:
    shop.clock.advance(30)
    for stream in poller.streams:
        await stream.poll([*stream.looks, *stream.slow], Priority.LIVE)


async def test_an_order_that_cannot_be_mapped_is_told_until_it_can() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        buyer = counter.customer()
        poller = await synced(shop)
        broken = counter.order(buyer, ordered_at=None, created_at=None)
        counter.order(buyer)
        await look(shop, poller)
        assert shop.findings.codes == {("order", f"sparkpay:{broken}"): ["ordered_at_missing"]}
        shop.store.update("orders", broken, ordered_at="2026-01-01T00:00:00Z")
        await look(shop, poller)
        assert shop.findings.codes == {}


async def test_one_that_is_mapped_under_a_cart_s_key_is_mended_as_well() -> None:
    async with open_shop(values=with_people()) as shop:
        counter = Counter(shop)
        buyer = counter.customer()
        poller = await synced(shop)
        broken = counter.order(buyer, cart="cart-1", ordered_at=None, created_at=None)
        await look(shop, poller)
        assert list(shop.findings.codes) == [("order", f"sparkpay:{broken}")]
        shop.store.update("orders", broken, ordered_at="2026-01-01T00:00:00Z")
        await look(shop, poller)
        assert shop.findings.codes == {}


async def test_a_product_is_told_whose_stock_alone_cannot_be_mapped() -> None:
    async with open_shop() as shop:
        broken = shop.product(item_number="B", has_visible_variants=True)
        for color in ("Red", "Blue"):
            shop.store.insert("product_variants", product_id=broken, variant_group_id=1, description=color)
        fine = shop.product(item_number="A")
        poller = shop.poller()
        await poller.full_sync("r")
        assert shop.findings.codes == {("product", f"sparkpay:{broken}"): ["variant_sku_ambiguous"]}
        shop.store.update("products", broken, has_visible_variants=False)
        shop.store.update("products", fine, quantity_on_hand=10**25)
        await poller.full_sync("s")
        assert shop.findings.codes == {("product", f"sparkpay:{fine}"): ["number_out_of_range"]}
        assert [problem.rest_is_told for problem in shop.findings.left["product", f"sparkpay:{fine}"]] == [True]
        shop.store.update("products", fine, quantity_on_hand=5)
        await poller.full_sync("t")
        assert shop.findings.codes == {}


async def test_a_product_that_is_gone_has_no_problem() -> None:
    async with open_shop() as shop:
        broken = shop.product(item_number="B")
        poller = await synced(shop)
        shop.store.update("products", broken, has_visible_variants=True)
        for color in ("Red", "Blue"):
            shop.store.insert("product_variants", product_id=broken, variant_group_id=1, description=color)
        await look(shop, poller)
        assert list(shop.findings.codes) == [("product", f"sparkpay:{broken}")]
        shop.store.delete("products", broken)
        await poller.catch_up()
        assert shop.findings.codes == {}


def test_pages_of_a_store() -> None:
    shop = "https://shop.example/"
    assert page_of(shop, "product", "18") == (
        "https://shop.example/store/admin/products/productedit/general.aspx?ID=18"
    )
    assert page_of(shop, "order", "7", "api") == "https://shop.example/api/v1/orders/7"
    assert page_of(shop, "customer-group", "2") == "https://shop.example/api/v1/customer_types/2"
    assert (
        page_of(shop, "order", "a/b?c")
        == "https://shop.example/store/admin/accounting/OrderEdit.aspx?OrderID=a%2Fb%3Fc"
    )
    assert page_of(shop, "setting", "x") is None
