"""Syncs of a part of a store: by id, by query, by time of change; resumed where they stopped."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from connector.choice import Choice, choice_of
from connector.errors import Unavailable, UserFault
from connector.sparkpay.chosen import check_choice
from contracts.events import entity_name
from tests.fakes.sparkpay_shop import Shop, open_shop, told

FLOWS = dict.fromkeys(("flow.customer", "flow.customer_group", "flow.order"), "to_sparklayer")


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop(values=FLOWS) as opened:
        for number in range(5):
            opened.product(item_number=f"A-{number}", item_name=f"Rope {number}")
        opened.clock.advance(600)
        yield opened


async def chosen(shop: Shop, choice: Choice, *kinds: str, force: bool = False) -> list[tuple[str, str]]:
    poller = shop.poller()
    await poller.reference.current()
    shop.wire.requests.clear()
    await poller.sync_chosen("run-1", choice, force=force, only=frozenset(kinds))
    return sorted(told(shop.outlet.take()))


async def test_ids_are_read_in_one_call_and_nothing_else_is_told(shop: Shop) -> None:
    assert await chosen(shop, Choice(ids=(4, 2))) == [
        *[("price", "A-1"), ("price", "A-3")],
        *[("product", "sparkpay:2"), ("product", "sparkpay:4")],
        *[("stock", "A-1"), ("stock", "A-3")],
    ]
    assert shop.wire.paths.count("products/select_many") == 1
    assert shop.calls <= 3


async def test_kinds_are_chosen_as_well(shop: Shop) -> None:
    assert await chosen(shop, Choice(ids=(3,)), "stock") == [("stock", "A-2")]
    assert await chosen(shop, Choice(ids=(3,)), "stock") == [], "it was told already"
    assert await chosen(shop, Choice(ids=(3,)), "stock", force=True) == [("stock", "A-2")]


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        (Choice(where="item_name=Rope 0 OR Rope 2"), ["sparkpay:1", "sparkpay:3"]),
        (Choice(where="item_name=like:Rope&item_number=A-4"), ["sparkpay:5"]),
        (Choice(where="item_name=like:Rope", ids=(2, 9)), ["sparkpay:2"]),
        (Choice(where="item_name=like:Twine"), []),
        (Choice(ids=(77,)), []),
    ],
)
async def test_a_query_chooses_in_the_platforms_own_language(shop: Shop, choice: Choice, found: list[str]) -> None:
    assert [key for kind, key in await chosen(shop, choice, "product")] == found


async def test_only_what_changed_since_is_told(shop: Shop) -> None:
    since = shop.clock.now() - timedelta(seconds=60)
    shop.store.update("products", 2, item_name="Twine")
    assert [key for _, key in await chosen(shop, Choice(since=since), "product")] == ["sparkpay:2"]


async def test_a_product_that_is_gone_is_told_as_deleted_where_it_was_told_before(shop: Shop) -> None:
    await chosen(shop, Choice(ids=(2,)))
    shop.store.delete("products", 2)
    poller = shop.poller()
    await poller.sync_chosen("run-2", Choice(ids=(2,)))
    events = shop.outlet.take()
    assert [event.type for event in events if entity_name(event) == "product"] == ["paylayer.product.deleted.v1"]


async def test_people_and_groups_are_chosen_like_products(shop: Shop) -> None:
    for name in ("ana", "bob"):
        shop.store.insert(
            "customers", email=f"{name}@example.com", first_name=name, store_id=1, customer_type_id=1, last_name="Ruiz"
        )
    assert await chosen(shop, Choice(where="first_name=bob"), "customer") == [("customer", "sparkpay:2")]
    assert await chosen(shop, Choice(ids=(1,)), "customer-group") == [("customer-group", "ct-1")]


async def test_a_run_that_failed_goes_on_after_the_last_stretch() -> None:
    async with open_shop(page_size=10) as shop:
        for number in range(25):
            shop.product(item_number=f"A-{number}", item_name="Rope")
        shop.clock.advance(600)
        poller = shop.poller()
        await poller.reference.current()
        pages: list[str] = []
        shop.wire.before = _fail_after(pages, 2)
        choice = Choice(where="item_name=Rope")
        with pytest.raises(Unavailable):
            await poller.sync_chosen("run-1", choice, only=frozenset({"product"}))
        first = [key for _, key in told(shop.outlet.take())]
        assert len(first) == 10
        shop.wire.before = None
        await shop.poller().sync_chosen("run-1", choice, only=frozenset({"product"}))
        rest = [key for _, key in told(shop.outlet.take())]
        assert len(rest) == 15
        assert not set(first) & set(rest)
        assert await shop.memory.cursor("chosen:run-1") is None


def _fail_after(pages: list[str], most: int) -> Callable[..., None]:
    def before(request: object) -> None:
        url = str(request.url)  # type: ignore[attr-defined]
        if "/products?" in url:
            pages.append(url)
            if len(pages) >= most:
                raise Unavailable("the test pulled the plug")

    return before


async def test_a_kind_that_does_not_flow_from_here_is_named(shop: Shop) -> None:
    with pytest.raises(UserFault, match="takes no shipping-method from Spark Pay"):
        await chosen(shop, Choice(ids=(1,)), "shipping-method")


@pytest.mark.parametrize(
    ("choice", "kinds", "why"),
    [
        (Choice(ids=(1,)), ("product", "order"), "product and order have several"),
        (Choice(ids=(1,)), ("setting",), "setting cannot be chosen"),
        (Choice(where="x"), ("order",), "'x' is no condition"),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_is_asked(choice: Choice, kinds: tuple[str, ...], why: str) -> None:
    with pytest.raises(UserFault, match=why):
        check_choice(choice, kinds)


def test_prices_stock_and_products_are_chosen_together() -> None:
    assert check_choice(Choice(ids=(1,)), ()) == "products"
    assert check_choice(Choice(ids=(1,)), ("price", "stock")) == "products"


def test_a_choice_survives_the_database(shop: Shop) -> None:
    choice = Choice((1, 2), "price=gt:5", shop.clock.now())
    assert choice_of(choice.as_json()) == choice
    assert choice_of(None) is None
