import pytest

from connector.errors import ConfirmationNeeded
from connector.settings import ConnectionSettings
from connector.sparkpay.store_identity import StoreIdentity
from tests.fakes.sparkpay_ports import FakeMemory
from tests.fakes.sparkpay_shop import open_shop, synced, told


async def test_a_token_of_another_store_publishes_nothing() -> None:
    async with open_shop() as shop:
        product = shop.product(item_number="A")
        await synced(shop)
        shop.store.delete("stores", 1)
        shop.store.insert("stores", name="Other", domain_name="other.example")
        shop.store.update("products", product, price=1, quantity_on_hand=0)
        before = dict(shop.memory.cursors)
        poller = shop.poller()
        for work in (poller.step, poller.poll_once, poller.catch_up):
            with pytest.raises(ConfirmationNeeded, match=r"acme has read store 1 .* store 2.*sparkpay\.store_id=2"):
                await work()
        with pytest.raises(ConfirmationNeeded):
            await poller.full_sync("r", force=True)
        assert shop.outlet.take() == []
        assert shop.memory.cursors == before
        shop.settings = shop.settings.with_values({"sparkpay.store_id": "2"})
        await shop.poller().poll_once()
        assert ("stock", "A") in told(shop.outlet.events)
        assert shop.memory.cursors["store"] == {"id": 2}


async def test_a_running_poller_notices_it_as_well() -> None:
    async with open_shop() as shop:
        poller = await synced(shop)
        shop.store.delete("stores", 1)
        shop.store.insert("stores", name="Other")
        shop.clock.advance(7 * 3600)
        with pytest.raises(ConfirmationNeeded):
            await poller.poll_once()


async def test_the_first_store_is_remembered_and_a_named_one_is_confirmed() -> None:
    memory = FakeMemory()
    identity = StoreIdentity(memory, ConnectionSettings(), "acme")
    await identity.check(4)
    await identity.check(4)
    assert memory.cursors == {"store": {"id": 4}}
    assert memory.log == ["cursor store"]
    named = StoreIdentity(memory, ConnectionSettings().with_values({"sparkpay.store_id": "5"}), "acme")
    await named.check(5)
    assert memory.cursors == {"store": {"id": 5}}
    with pytest.raises(ConfirmationNeeded):
        await StoreIdentity(memory, ConnectionSettings(), "acme").check(4)
