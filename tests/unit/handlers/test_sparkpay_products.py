"""Products to Spark Pay against the sandbox, call by call."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from connector.sandbox.faults import FaultRule
from contracts.entities import Product
from handlers.outcome import A_WRITE, Applied, Failed, Outcome, Rejected, Waiting
from handlers.sparkpay import handlers
from tests.support.sparkpay_desk import StoreDesk

IN, HIDDEN, GONE = 1, 2, 3
IMPORT = "POST /products/importMany"


def rope(number: int, *skus: str, **changes: Any) -> Product:
    """A product of an ERP; with several SKUs one variant per colour."""
    colours = ("Red", "Blue", "Green", "Black")
    variants: list[dict[str, Any]] = [
        {"id": f"{number}-{at}", "sku": sku, "position": at + 1, "weight_grams": "100",
         "options": [{"name": "Colour", "value": colours[at]}] if len(skus) > 1 else []}
        for at, sku in enumerate(skus)
    ]  # fmt: skip
    fields = {"key": f"erp:{number}", "title": f"Rope {number}", "slug": f"rope-{number}", "variants": variants}
    return Product.model_validate({**fields, **changes})


def fill(desk: StoreDesk) -> StoreDesk:
    store = desk.store
    store.insert("stores", name="Shop")
    store.insert("categories", name="Tools")
    store.insert("product_statuses", name="There")
    store.insert("product_statuses", name="Secret", is_hidden=True)
    store.insert("product_statuses", name="No more", is_unavailable=True)
    store.update("inventory_settings", 1, in_stock_product_status_id=IN, discontinued_product_status_id=GONE)
    return desk


@pytest.fixture
async def desk() -> AsyncIterator[StoreDesk]:
    made = fill(StoreDesk())
    yield made
    assert made.violations() == []


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def unchanged(outcomes: list[Outcome]) -> bool:
    return all(isinstance(outcome, Applied) and outcome.unchanged for outcome in outcomes)


def products(desk: StoreDesk) -> list[dict[str, Any]]:
    return desk.store.rows("products")


def combinations(desk: StoreDesk) -> dict[str, dict[str, Any]]:
    return {row["item_number"]: row for row in desk.store.rows("variant_inventory")}


async def test_plain_products_are_made_fifty_at_a_time_and_not_sold_without_a_price(desk: StoreDesk) -> None:
    outcomes = await desk.apply(*(rope(number, f"R-{number}") for number in range(50)))
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    calls = desk.calls()
    assert calls.count(IMPORT) == 1
    assert calls.count("GET /products") == 1 + 3, "their item numbers, then the numbers of what has combinations"
    row = products(desk)[0]
    assert (row["item_number"], row["item_name"], row["url_rewrite"]) == ("R-0", "Rope 0", "rope-0")
    assert (row["price"], row["call_for_pricing"], row["product_status_id"]) == (0, 1, IN)
    assert (row["weight"], row["weight_unit"]) == (Decimal("0.2205"), "Lbs")
    first = outcomes[0]
    assert isinstance(first, Applied)
    assert first.refs == {"sparkpay": "1"}
    assert [(claim.sku, claim.part, claim.state) for claim in first.claims or ()] == [("R-0", "p-1", "live")]
    await desk.apply(*(rope(number, f"R-{number}", title="New") for number in range(50)))
    assert desk.calls() == [IMPORT], "0.02 calls per product in steady state"
    assert {row["item_name"] for row in products(desk)} == {"New"}
    assert unchanged(await desk.apply(*(rope(number, f"R-{number}", title="New") for number in range(50))))
    assert desk.calls() == []


async def test_a_known_item_number_is_the_same_product(desk: StoreDesk) -> None:
    desk.store.insert(
        "products", item_number="A", item_name="Rope 1", price=Decimal(9), product_status_id=IN, url_rewrite="rope-1",
        weight=Decimal("3.5273"), weight_unit="Oz", primary_category_id=1,
    )  # fmt: skip
    outcome = only(await desk.apply(rope(1, "A")))
    assert isinstance(outcome, Applied)
    assert (outcome.unchanged, outcome.refs) == (True, {"sparkpay": "1"})
    assert IMPORT not in desk.calls()
    await desk.apply(rope(1, "A", title="Line"))
    (row,) = products(desk)
    assert (row["item_name"], row["price"], row["call_for_pricing"]) == ("Line", 9, 0)


async def test_a_ref_comes_before_an_item_number_and_the_sku_may_change(desk: StoreDesk) -> None:
    desk.store.insert("products", item_number="A", item_name="X", price=Decimal(9), product_status_id=IN)
    await desk.apply(rope(1, "B", refs={"sparkpay": "1"}))
    (row,) = products(desk)
    assert (row["item_number"], row["item_name"]) == ("B", "Rope 1")


async def test_variants_are_options_and_combinations(desk: StoreDesk) -> None:
    outcome = only(await desk.apply(rope(1, "A", "B")))
    assert isinstance(outcome, Applied)
    writes = [call for call in desk.calls() if not call.startswith("GET")]
    assert writes == [
        IMPORT, "POST /variant_groups", "POST /product_variants", "POST /variant_inventory", "POST /product_variants",
        "POST /variant_inventory",
    ]  # fmt: skip
    (head,) = products(desk)
    assert (head["item_number"], head["use_variant_inventory"]) == ("erp:1", True)
    assert [(row["name"]) for row in desk.store.rows("variant_groups")] == ["Colour"]
    found = {
        sku: (row["description"], row["product_status_id"], row["variants"]) for sku, row in combinations(desk).items()
    }
    assert found == {"A": ("Colour: Red", IN, (1,)), "B": ("Colour: Blue", IN, (2,))}
    assert {(claim.sku, claim.part) for claim in outcome.claims or ()} == {("A", "vi-1"), ("B", "vi-2")}


async def test_a_changed_variant_is_one_call(desk: StoreDesk) -> None:
    await desk.apply(rope(1, "A", "B"))
    desk.calls()
    before = rope(1, "A", "B")
    heavy = before.variants[1].model_copy(update={"weight_grams": Decimal(500)})
    await desk.apply(before.model_copy(update={"variants": (before.variants[0], heavy)}))
    assert desk.calls() == ["PUT /variant_inventory/{id}"]
    assert combinations(desk)["B"]["weight"] == Decimal("1.1023")


async def test_a_variant_that_leaves_is_discontinued_and_may_return(desk: StoreDesk) -> None:
    await desk.apply(rope(1, "A", "B"))
    outcome = only(await desk.apply(rope(1, "A", "B").model_copy(update={"variants": rope(1, "A", "B").variants[:1]})))
    assert combinations(desk)["B"]["product_status_id"] == GONE
    assert isinstance(outcome, Applied)
    assert {(claim.sku, claim.state) for claim in outcome.claims or ()} == {("A", "live"), ("B", "retired")}
    await desk.apply(rope(1, "A", "B"))
    assert combinations(desk)["B"]["product_status_id"] == IN
    assert len(combinations(desk)) == 2


@pytest.mark.parametrize(
    ("status", "hidden", "discontinued"), [("hidden", 1, False), ("draft", 1, False), ("discontinued", 0, True)]
)
async def test_the_status(desk: StoreDesk, status: str, hidden: int, discontinued: bool) -> None:
    await desk.apply(rope(1, "A"))
    await desk.apply(rope(1, "A", status=status))
    (row,) = products(desk)
    assert (row["is_hidden"], row["is_discontinued"]) == (hidden, discontinued)


async def test_a_deleted_product_is_hidden_and_discontinued(desk: StoreDesk) -> None:
    await desk.apply(rope(1, "A"), rope(2, "B", "C"))
    desk.calls()
    assert isinstance(await desk.delete("product", "erp:1"), Applied)
    assert isinstance(await desk.delete("product", "erp:2"), Applied)
    assert desk.calls() == [IMPORT] * 2
    assert [(row["is_hidden"], row["is_discontinued"]) for row in products(desk)] == [(1, True)] * 2
    outcome = await desk.delete("product", "erp:9")
    assert isinstance(outcome, Applied)
    assert outcome.unchanged


async def test_never_two_products_of_one_sku(desk: StoreDesk) -> None:
    first, second = await desk.apply(rope(1, "A"), rope(2, "A"))
    assert isinstance(first, Applied)
    assert isinstance(second, Rejected)
    assert second.code == "sku_duplicate"
    assert len(products(desk)) == 1
    third = only(await desk.apply(rope(3, "A")))
    assert isinstance(third, Rejected)
    assert len(products(desk)) == 1
    desk.store.insert("products", item_number="X", item_name="X", price=Decimal(9), product_status_id=IN)
    mixed = only(await desk.apply(rope(4, "A", "X")))
    assert isinstance(mixed, Rejected)
    assert mixed.code == "product_ambiguous"


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "cut_json"])
@pytest.mark.parametrize("skus", [("A",), ("A", "B")])
async def test_a_lost_answer_makes_nothing_twice(desk: StoreDesk, kind: Any, skus: tuple[str, ...]) -> None:
    paths = ("*/importMany", "*/variant_groups", "*/product_variants", "*/variant_inventory", "*/product_pictures")
    for path in paths:
        desk.faults.add(FaultRule(kind=kind, method="POST", path=path, times=2))
    wanted = rope(1, *skus)
    pictured = wanted.variants[0].model_copy(update={"image_url": "https://cdn.example/a.jpg"})
    wanted = wanted.model_copy(update={"variants": (pictured, *wanted.variants[1:])})
    outcome = only(await desk.apply(wanted))
    for _ in range(12):
        if isinstance(outcome, Applied):
            break
        assert isinstance(outcome, Failed)
        desk.restart()
        outcome = only(await desk.run("product", "erp:1"))
    assert isinstance(outcome, Applied)
    assert len(products(desk)) == 1
    made = {name: len(desk.store.rows(name)) for name in ("variant_groups", "product_variants", "variant_inventory")}
    count = len(skus) if len(skus) > 1 else 0
    assert made == {"variant_groups": min(count, 1), "product_variants": count, "variant_inventory": count}
    assert len(desk.store.rows("product_pictures")) == (0 if count else 1)


async def test_a_refused_part_is_remembered_and_not_made_again(desk: StoreDesk) -> None:
    desk.faults.add(FaultRule(kind="status", status=409, method="POST", path="*/variant_inventory"))
    outcome = only(await desk.apply(rope(1, "A", "B")))
    assert isinstance(outcome, Rejected)
    assert outcome.applied is not None
    desk.calls()
    assert isinstance(only(await desk.apply(rope(1, "A", "B", title="New"))), Applied)
    assert [call for call in desk.calls() if "GET" not in call] == [
        IMPORT, "POST /variant_inventory", "POST /product_variants", "POST /variant_inventory",
    ]  # fmt: skip
    assert len(desk.store.rows("product_variants")) == 2


async def test_the_picture_is_brought_once(desk: StoreDesk) -> None:
    def pictured(url: str, **changes: Any) -> Product:
        return rope(1, "A", variants=[{"id": "1", "sku": "A", "image_url": url}], **changes)

    await desk.apply(pictured("https://cdn.example/a.jpg"))
    (row,) = desk.store.rows("product_pictures")
    assert (row["image_file"], row["is_primary"], row["download_external_image"]) == (
        "https://cdn.example/a.jpg", True, True,
    )  # fmt: skip
    desk.store.update("product_pictures", 1, image_file="/shared/images/a.jpg")
    desk.forget()
    desk.restart()
    assert unchanged(await desk.run("product", "erp:1"))
    await desk.apply(pictured("https://cdn.example/b.jpg"))
    (row,) = desk.store.rows("product_pictures")
    assert row["image_file"] == "https://cdn.example/b.jpg"


async def test_in_doubt_it_looks_and_a_mere_look_writes_nothing(desk: StoreDesk) -> None:
    await desk.apply(rope(1, "A"), rope(2, "B", "C"))
    desk.handlers = handlers(desk.client, look_only=True)
    desk.forget()
    desk.calls()
    assert unchanged(await desk.run("product", "erp:1", "erp:2"))
    assert [call for call in desk.calls() if not call.startswith("GET")] == []
    desk.store.update("products", 1, item_name="Other")
    desk.store.update("variant_inventory", 2, item_number="Z")
    desk.forget()
    outcomes = await desk.run("product", "erp:1", "erp:2")
    assert [outcome.for_ for outcome in outcomes if isinstance(outcome, Waiting)] == [A_WRITE] * 2
    assert [call for call in desk.calls() if not call.startswith("GET")] == []


async def test_options_that_make_up_skus_are_kept(desk: StoreDesk) -> None:
    desk.store.insert("products", item_number="S", item_name="Shirt", price=Decimal(9), product_status_id=IN)
    desk.store.insert("variant_groups", name="Size")
    desk.store.insert("product_variants", product_id=1, variant_group_id=1, description="M", item_number_extension="-M")
    shirt = {
        "key": "sparkpay:1", "title": "Shirt!", "variants": [
            {"id": "p-1-1", "sku": "S-M", "options": [{"name": "Size", "value": "M"}]}
        ],
    }  # fmt: skip
    outcome = only(await desk.apply(Product.model_validate(shirt)))
    assert isinstance(outcome, Applied)
    assert [skip.code for skip in outcome.skips] == ["options_kept"]
    (row,) = products(desk)
    assert (row["item_name"], row["item_number"], row["use_variant_inventory"]) == ("Shirt!", "S", False)


async def test_a_store_without_a_category_stops_the_side(desk: StoreDesk) -> None:
    desk.store.delete("categories", 1)
    outcome = only(await desk.apply(rope(1, "A")))
    assert isinstance(outcome, Failed)
    assert outcome.pause
    assert "products.category_id" in outcome.message
    desk.store.insert("categories", name="New")
    assert isinstance(only(await desk.run("product", "erp:1")), Applied), "it is looked for again"


async def test_what_was_learned_of_the_store_is_read_again_after_hours(desk: StoreDesk) -> None:
    await desk.apply(rope(1, "A"))
    desk.calls()
    desk.clock.advance(3600)
    await desk.apply(rope(2, "B"))
    assert "GET /inventory/settings" not in desk.calls()
    desk.clock.advance(6 * 3600)
    await desk.apply(rope(3, "C"))
    assert "GET /inventory/settings" in desk.calls()


async def test_without_a_sku_there_is_no_product(desk: StoreDesk) -> None:
    outcome = only(await desk.apply(rope(1, variants=[{"id": "x"}])))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, products(desk)) == ("sku_missing", [])
