from collections.abc import AsyncGenerator
from contextlib import aclosing
from math import ceil

import pytest

from connector.entity_hash import entity_hash
from connector.errors import UserFault
from connector.sandbox.sparkpay import SandboxPolicy
from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.catalogue import Catalogue
from connector.sparkpay.content_hash import outline_digest
from connector.sparkpay.mapping import price_entities, product_entity, stock_entities
from connector.sparkpay.reference import ReferenceBook
from tests.fakes.sparkpay_shop import TOKEN, Shop, open_shop

REFERENCE_CALLS = 7


def catalogue_of(shop: Shop) -> Catalogue:
    return Catalogue(shop.client, ReferenceBook(shop.client, shop.settings, shop.clock))


async def everything(slices: AsyncGenerator[list[ProductBundle], None]) -> list[ProductBundle]:
    async with aclosing(slices):
        return [bundle async for bundles in slices for bundle in bundles]


async def hashes(shop: Shop, catalogue: Catalogue, bundles: list[ProductBundle]) -> dict[int, list[str]]:
    """Hash of every entity of each product."""
    known = await catalogue._reference.covering(bundles)
    found = {}
    for bundle in bundles:
        product = product_entity(bundle, known, shop.settings)
        entities = [
            *([product] if product else []),
            *price_entities(bundle, known, shop.settings, shop.clock.now()),
            *stock_entities(bundle, known, shop.settings),
        ]
        found[bundle.id] = [entity_hash(entity) for entity in entities]
    return found


def least_calls(shop: Shop, size: int) -> int:
    """One call per page of each resource, options from the first product on that needs them."""
    rows = {name: shop.store.rows(name) for name in ("products", "product_variants")}
    plain = [row["id"] for row in rows["products"] if row["has_visible_variants"] and not row["use_variant_inventory"]]
    options = [row for row in rows["product_variants"] if plain and row["product_id"] >= min(plain)]  # type: ignore[type-var]
    counts = [
        len(rows["products"]),
        len(options),
        *(len(shop.store.rows(name)) for name in ("variant_inventory", "product_pricing", "product_pictures")),
    ]
    return sum(max(1, ceil(count / size)) for count in counts[:1] + counts[2:]) + ceil(counts[1] / size)


@pytest.mark.parametrize(("products", "skus", "size"), [(40, 120, 50), (500, 1500, 1000), (1200, 3600, 400)])
async def test_the_whole_catalogue_costs_a_call_per_page(products: int, skus: int, size: int) -> None:
    async with open_shop(products=products, skus=skus, page_size=size) as shop:
        catalogue = catalogue_of(shop)
        await catalogue._reference.current()
        assert shop.calls == REFERENCE_CALLS
        bundles = await everything(catalogue.bundles())
        assert [bundle.id for bundle in bundles] == [row["id"] for row in shop.store.rows("products")]
        least = REFERENCE_CALLS + least_calls(shop, size)
        # The last product of a page is read again with the next one, and families of kits are one call more.
        assert least <= shop.calls <= least * 1.1 + 1


@pytest.mark.parametrize("size", [10, 1000])
async def test_either_way_of_reading_a_product_gives_the_same_entities(size: int) -> None:
    async with open_shop(products=120, skus=400, page_size=size) as shop:
        catalogue = catalogue_of(shop)
        await catalogue._reference.current()
        walked = await everything(catalogue.bundles())
        before = shop.calls
        read = await catalogue.hydrate([bundle.id for bundle in walked])
        assert shop.calls - before <= 1 + 2  # products, and combinations without a description
        assert read.missing == ()
        assert await hashes(shop, catalogue, read.bundles) == await hashes(shop, catalogue, walked)
        outlined = await everything(catalogue.outlines())
        digests = {bundle.id: outline_digest(bundle) for bundle in outlined}
        assert digests == {bundle.id: outline_digest(bundle) for bundle in walked}
        assert digests == {bundle.id: outline_digest(bundle) for bundle in read.bundles}


async def test_a_walk_can_begin_at_any_product() -> None:
    async with open_shop(products=60, skus=200, page_size=20) as shop:
        catalogue = catalogue_of(shop)
        whole = await everything(catalogue.bundles())
        rest = await everything(catalogue.bundles(after=whole[24].id))
        assert rest == whole[25:]


async def test_options_are_not_walked_where_no_product_needs_them() -> None:
    async with open_shop() as shop:
        for _ in range(3):
            with_options(shop, stored=True)
        bundles = await everything(catalogue_of(shop).bundles())
        assert shop.wire.count("product_variants") == 0
        shop.product()
        shop.product()
        bundles = await everything(catalogue_of(shop).bundles())
        assert [len(bundle.options) for bundle in bundles] == [2, 2, 2, 0, 0]
        (request,) = [request for request in shop.wire.requests if request.url.path.endswith("/product_variants")]
        assert "is_hidden=eq:true" in str(request.url)  # a call for hidden ones; none means that no more are needed
        with_options(shop, stored=False)
        bundles = await everything(catalogue_of(shop).bundles())
        assert shop.wire.count("product_variants") == 3
        assert len(bundles[-1].options) == 2


@pytest.mark.parametrize("flag", [False, True, None])
@pytest.mark.parametrize("by_group", [False, True])
async def test_a_product_of_which_all_options_are_hidden_is_not_taken_for_a_plain_one(
    *, flag: bool | None, by_group: bool
) -> None:
    async with open_shop() as shop:
        plain, other = shop.product(item_number="P"), with_options(shop, stored=True)
        product = with_options(shop, stored=False)
        shop.store.update("products", product, has_visible_variants=flag)
        if by_group:
            shop.store.update("variant_groups", 1, is_hidden=True)
        else:
            for row in shop.store.rows("product_variants"):
                if row["product_id"] == product:
                    shop.store.update("product_variants", int(str(row["id"])), is_hidden=True)
        catalogue = catalogue_of(shop)
        walked = {bundle.id: bundle for bundle in await everything(catalogue.bundles())}
        read = {bundle.id: bundle for bundle in (await catalogue.hydrate([plain, other, product])).bundles}
        known = await catalogue._reference.current()
        for found in (walked, read):
            entity = product_entity(found[product], known, shop.settings)
            assert entity is not None
            assert [(variant.sku, variant.status.value) for variant in entity.variants] == [(None, "hidden")]
            sold = product_entity(found[plain], known, shop.settings)
            assert sold is not None
            assert sold.variants[0].status.value == "active"


@pytest.mark.parametrize("hidden", [0, 1])
async def test_where_flag_and_rows_contradict_each_other_either_way_of_reading_believes_the_flag(hidden: int) -> None:
    async with open_shop() as shop:
        product = with_options(shop, stored=False)
        shop.store.update("products", product, has_visible_variants=False)
        for row in shop.store.rows("product_variants")[:hidden]:
            shop.store.update("product_variants", int(str(row["id"])), is_hidden=True)
        catalogue = catalogue_of(shop)
        (walked,) = await everything(catalogue.bundles())
        (read,) = (await catalogue.hydrate([product])).bundles
        assert walked.options == read.options == ()


def with_options(shop: Shop, *, stored: bool, description: str = "Color: {}") -> int:
    """A product with the colours red and blue."""
    product = shop.product(use_variant_inventory=stored, has_visible_variants=True)
    for color in ("Red", "Blue"):
        option = shop.store.insert("product_variants", product_id=product, variant_group_id=1, description=color)
        if stored:
            shop.store.insert(
                "variant_inventory",
                product_id=product,
                item_number=f"S{product}-{color}",
                inventory=3,
                variants=(option["id"],),
                description=description.format(color),
            )
    return product


@pytest.mark.parametrize(
    ("description", "calls"),
    [("Color: {}", 0), ("color {}", 1), ("", 1), ("Color: Red", 1), ("Color: {}, Size: M", 1)],
)
async def test_descriptions_are_believed_only_where_they_are_beyond_doubt(description: str, calls: int) -> None:
    async with open_shop() as shop:
        product = with_options(shop, stored=True, description=description)
        catalogue = catalogue_of(shop)
        await catalogue._reference.current()
        bundle = (await catalogue.hydrate([product])).bundles[0]
        assert shop.wire.count("variant_inventory/select_many") == calls
        assert [row["variants"][0]["description"] for row in bundle.combinations] == ["Red", "Blue"]


async def test_hydrating_is_a_call_for_two_hundred_and_says_what_is_missing() -> None:
    async with open_shop() as shop:
        made = [shop.product() for _ in range(401)]
        catalogue = catalogue_of(shop)
        await catalogue._reference.current()
        before = shop.calls
        read = await catalogue.hydrate([*made, 9999])
        assert shop.calls - before == 3
        assert [bundle.id for bundle in read.bundles] == made
        assert read.missing == (9999,)


async def test_children_get_their_head_and_heads_know_that_they_are() -> None:
    async with open_shop() as shop:
        child = shop.product(is_child_product=True, use_pricing_from_parent=True)
        other = shop.product(is_child_product=True)
        head = shop.product(price=0, exclude_parent_from_display=True)
        lonely = shop.product(price=0, is_kit=True)
        shop.store.update("products", head, child_products=[{"id": child}, {"id": other}])
        shop.store.insert("product_pricing", product_id=head, price=4, starting_quantity=10)
        catalogue = catalogue_of(shop)
        found = {bundle.id: bundle for bundle in await everything(catalogue.bundles())}
        parent = found[child].parent
        assert parent is not None
        assert parent.product["id"] == head
        assert [row["starting_quantity"] for row in parent.prices] == [10]
        assert found[other].parent is None
        assert (found[head].has_children, found[lonely].has_children) == (True, False)


async def test_families_are_not_looked_for_without_need() -> None:
    async with open_shop() as shop:
        shop.product(is_kit=True)
        catalogue = catalogue_of(shop)
        await everything(catalogue.bundles())
        assert shop.wire.count("products") == 1


async def test_several_stores_need_a_choice() -> None:
    async with open_shop() as shop:
        shop.store.insert("stores", name="Outlet", domain_name="outlet.example")
        book = ReferenceBook(shop.client, shop.settings, shop.clock)
        with pytest.raises(UserFault, match=r"1 \(Acme\), 2 \(Outlet\).*sparkpay\.store_id"):
            await book.current()
        chosen = ReferenceBook(shop.client, shop.settings.with_values({"sparkpay.store_id": "2"}), shop.clock)
        data = await chosen.current()
        assert (data.store_id, data.image_base) == (2, "https://outlet.example")
        wrong = ReferenceBook(shop.client, shop.settings.with_values({"sparkpay.store_id": "5"}), shop.clock)
        with pytest.raises(UserFault, match="is 5"):
            await wrong.current()


async def test_a_token_that_may_not_list_stores_will_do_where_the_store_is_named() -> None:
    policy = SandboxPolicy(token=TOKEN, limit=1000, scopes=frozenset({"read_catalog", "read_people", "settings"}))
    async with open_shop(policy=policy, values={"sparkpay.store_id": "1"}) as shop:
        data = await ReferenceBook(shop.client, shop.settings, shop.clock).current()
        assert (data.store_id, data.image_base) == (1, "http://shop.example")


async def test_reference_data_is_kept_for_hours_and_read_again_when_something_unknown_turns_up() -> None:
    async with open_shop() as shop:
        catalogue = catalogue_of(shop)
        book = catalogue._reference
        await book.current()
        await book.current()
        assert shop.calls == REFERENCE_CALLS
        status = shop.store.insert("product_statuses", name="New", is_hidden=True)
        product = shop.product(product_status_id=status["id"])
        bundles = (await catalogue.hydrate([product])).bundles
        assert status["id"] in (await book.covering(bundles)).product_statuses
        unknown = (await catalogue.hydrate([shop.product(product_status_id=77)])).bundles
        for _ in range(3):
            await book.covering(unknown)
        assert shop.calls == REFERENCE_CALLS + 4  # the one table, once for the unknown id that stays unknown
        shop.clock.advance(7 * 3600)
        await book.current()
        assert shop.calls == 2 * REFERENCE_CALLS + 4
