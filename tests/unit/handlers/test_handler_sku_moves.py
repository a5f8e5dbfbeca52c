"""SKUs that move: inside a product, to another one, back again, and two products that want the same."""

from collections.abc import Callable
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.ports import Desired, Holder
from connector.sandbox.sparklayer import FaultRule
from connector.sparkpay.claims import claims_of, owner
from contracts.entities import Product
from handlers.outcome import Applied, Claim, Displaced, Rejected, Waiting
from handlers.sparklayer.sku_rules import Claimant, Verdict, parked, precedence, rule
from tests.support.handler_desk import Desk, rope

CREATE, CHANGE = "POST /api/v1/products", "PATCH /api/v1/products/{id}"
VARIANT = "PATCH /api/v1/variants/{id}"


def hide(product: Product) -> Product:
    return Product.model_validate({**product.model_dump(mode="json"), "status": "discontinued"})


async def test_a_sku_moves_inside_a_product(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    desk.calls()
    (outcome,) = await desk.apply(rope(1, "B", "A"))
    assert isinstance(outcome, Applied)
    assert [desk.variant("vi-10")[0], desk.variant("vi-11")[0]] == ["B", "A"]
    assert desk.calls() == [CHANGE]
    (gone,) = await desk.apply(rope(1, "A", parts=["vi-10"]))
    assert isinstance(gone, Applied)
    assert desk.variant("vi-10") == ("A", "live")
    assert desk.variant("vi-11") == ("A~vi-11", "discontinued")


async def test_a_retired_holder_is_renamed_first(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    await desk.apply(rope(1, "A"))
    desk.calls()
    (outcome,) = await desk.apply(rope(2, "B"))
    assert isinstance(outcome, Applied)
    assert desk.calls() == [VARIANT, CREATE]
    assert desk.variant("vi-11") == ("B~vi-11", "discontinued")
    assert desk.variant("vi-20") == ("B", "live")
    (again,) = await desk.apply(rope(2, "B", title="Other"))
    assert isinstance(again, Applied)
    assert desk.calls() == [CHANGE]
    (told,) = await desk.apply(rope(1, "A"))  # what was applied of it proves nothing, so it is sent once more
    assert isinstance(told, Applied)
    (old,) = await desk.apply(rope(1, "A"))
    assert isinstance(old, Applied)
    assert old.unchanged
    await desk.apply(rope(1, "A", title="Other"))
    assert desk.variant("vi-11") == ("B~vi-11", "discontinued")


async def test_the_sku_of_a_deleted_product_is_free(desk: Desk) -> None:
    await desk.apply(rope(1, "A"))
    await desk.delete("product", "sparkpay:1")
    (outcome,) = await desk.apply(rope(2, "A"))
    assert isinstance(outcome, Applied)
    assert desk.variant("vi-10") == ("A~vi-10", "discontinued")
    assert desk.variant("vi-20") == ("A", "live")
    await desk.settle("sparkpay:1")
    again = await desk.delete("product", "sparkpay:1")
    assert isinstance(again, Applied)
    assert again.unchanged


async def test_a_claimant_waits_for_a_holder_that_is_about_to_let_go(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    desk.put("product", "sparkpay:1", rope(1, "A"))
    (outcome,) = await desk.apply(rope(2, "B"))
    assert isinstance(outcome, Waiting)
    assert outcome.for_ == "product:sparkpay:1"
    await desk.run("product", "sparkpay:1")
    (then,) = await desk.run("product", "sparkpay:2")
    assert isinstance(then, Applied)
    assert desk.variant("vi-20") == ("B", "live")


async def test_in_one_batch_nobody_waits(desk: Desk) -> None:
    await desk.apply(rope(2, "A", "B"))
    desk.put("product", "sparkpay:2", rope(2, "A"))
    outcomes = await desk.apply(rope(1, "B"), rope(2, "A"))
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert desk.variant("vi-10") == ("B", "live")
    assert desk.variant("vi-21") == ("B~vi-21", "discontinued")


@pytest.mark.parametrize("together", [True, False])
async def test_two_products_swap_their_skus(desk: Desk, *, together: bool) -> None:
    await desk.apply(rope(1, "A"), rope(2, "B"))
    first, second = rope(1, "B"), rope(2, "A")
    if together:
        outcomes = await desk.apply(first, second)
        assert all(isinstance(outcome, Applied) for outcome in outcomes)
    else:
        desk.put("product", first.key, first)
        desk.put("product", second.key, second)
        await desk.settle(first.key, second.key)
    assert desk.variant("vi-10") == ("B", "live")
    assert desk.variant("vi-20") == ("A", "live")


async def test_three_products_pass_their_skus_on(desk: Desk) -> None:
    await desk.apply(rope(1, "A"), rope(2, "B"), rope(3, "C"))
    for product in (rope(1, "B"), rope(2, "C"), rope(3, "A")):
        desk.put("product", product.key, product)
    await desk.settle("sparkpay:1", "sparkpay:2", "sparkpay:3")
    assert [desk.variant(f"vi-{n}0") for n in (1, 2, 3)] == [("B", "live"), ("C", "live"), ("A", "live")]


async def test_of_two_living_claimants_the_lower_product_keeps_it(desk: Desk) -> None:
    await desk.apply(rope(9, "A"))
    desk.calls()
    (outcome,) = await desk.apply(rope(10, "A", "Z"))
    assert isinstance(outcome, Applied)
    assert [(skip.code, skip.part) for skip in outcome.skips] == [("sku_duplicate", "vi-100")]
    assert Claim("A", "vi-100", "refused") in (outcome.claims or ())
    (alone,) = await desk.apply(rope(11, "A"))
    assert isinstance(alone, Rejected)
    assert (alone.code, alone.claims) == ("sku_duplicate", (Claim("A", "vi-110", "refused"),))
    assert desk.calls() == [CREATE]


async def test_the_lower_product_takes_it_over_when_it_comes_later(desk: Desk) -> None:
    await desk.apply(rope(10, "A", "Z"))
    desk.calls()
    (outcome,) = await desk.apply(rope(9, "A"))
    assert isinstance(outcome, Applied)
    assert outcome.reopen == ["sparkpay:10"]
    assert desk.calls() == [CREATE, VARIANT, CREATE]
    assert desk.variant("vi-90") == ("A", "live")
    assert desk.variant("vi-100") == ("A~vi-100", "suspended")
    (higher,) = await desk.settle("sparkpay:10")
    assert isinstance(higher, Applied)
    assert [skip.code for skip in higher.skips] == ["sku_duplicate"]
    assert desk.variant("vi-100") == ("A~vi-100", "suspended")
    assert desk.variant("vi-101") == ("Z", "live")
    desk.calls()
    for key in ("sparkpay:9", "sparkpay:10"):
        (again,) = await desk.run("product", key)
        assert isinstance(again, Applied)
        assert again.unchanged
    assert desk.calls() == []


async def test_a_refused_claimant_gets_the_sku_when_it_is_let_go(desk: Desk) -> None:
    await desk.apply(rope(9, "A", "C"))
    await desk.apply(rope(10, "A", "Z"))
    await desk.apply(rope(11, "A"))
    (outcome,) = await desk.apply(rope(9, "C", parts=["vi-91"]))
    assert isinstance(outcome, Applied)
    assert outcome.reopen == ["sparkpay:10", "sparkpay:11"]
    await desk.settle("sparkpay:10", "sparkpay:11")
    assert desk.variant("vi-90") == ("A~vi-90", "discontinued")
    assert desk.variant("vi-100") == ("A", "live")
    assert desk.site.product("11") is None


async def test_a_deleted_holder_reopens_the_refused(desk: Desk) -> None:
    await desk.apply(rope(9, "A"))
    await desk.apply(rope(10, "A"))
    outcome = await desk.delete("product", "sparkpay:9")
    assert isinstance(outcome, Applied)
    assert outcome.reopen == ["sparkpay:10"]
    await desk.settle("sparkpay:10")
    assert desk.variant("vi-100") == ("A", "live")


async def test_a_discontinued_product_lets_its_sku_go_and_takes_it_from_nobody(desk: Desk) -> None:
    await desk.apply(rope(9, "A"))
    await desk.apply(rope(10, "A"))
    (outcome,) = await desk.apply(hide(rope(9, "A")))
    assert isinstance(outcome, Applied)
    assert outcome.reopen == ["sparkpay:10"]
    await desk.settle("sparkpay:10")
    assert desk.variant("vi-100") == ("A", "live")
    (again,) = await desk.apply(hide(rope(9, "A", title="Other")))
    assert isinstance(again, Applied)
    assert not again.skips
    assert desk.variant("vi-90") == ("A~vi-90", "discontinued")
    assert desk.variant("vi-100") == ("A", "live")


async def test_a_sku_that_an_unknown_product_has_costs_only_its_variant(desk: Desk) -> None:
    await desk.client.products.create(
        {
            "external_id": "x",
            "title": "X",
            "slug": "x",
            "variants": [{"external_id": "x1", "sku": "A", "status": "live"}],
        }
    )
    (outcome,) = await desk.apply(rope(1, "A", "B"))
    assert isinstance(outcome, Applied)
    assert [skip.code for skip in outcome.skips] == ["sku_duplicate"]
    assert desk.variant("vi-11") == ("B", "live")
    (alone,) = await desk.apply(rope(2, "A"))
    assert isinstance(alone, Rejected)
    assert alone.code == "sku_duplicate"


@pytest.mark.parametrize("order", list(permutations((2, 10, 30))))
async def test_any_order_of_arrival_ends_the_same(desk_of: Callable[..., Desk], order: tuple[int, ...]) -> None:
    desk = desk_of()
    for number in order:
        product = rope(number, "A", f"OWN-{number}")
        desk.put("product", product.key, product)
        await desk.settle(product.key)
    assert desk.variant("vi-20") == ("A", "live")
    for number in (10, 30):
        assert desk.variant(f"vi-{number}1") == (f"OWN-{number}", "live")
    together = desk_of()
    await together.apply(*(rope(number, "A", f"OWN-{number}") for number in order))
    assert together.variant("vi-20") == ("A", "live")


def test_numbers_come_as_numbers_and_before_all_others() -> None:
    keys = ["erp:1", "sparkpay:10", "sparkpay:9", "sparkpay:x", "abc:7"]
    assert sorted(keys, key=precedence) == ["sparkpay:9", "sparkpay:10", "abc:7", "erp:1", "sparkpay:x"]


@given(st.text(min_size=1, max_size=100), st.text(min_size=1, max_size=60))
def test_a_parked_name_fits_and_is_stable(sku: str, part: str) -> None:
    name = parked(sku, part)
    assert len(name) <= 100
    assert name.endswith(f"~{part}")
    assert parked(name, part) == name


states = st.sampled_from(["live", "retired", "refused"])
holders = st.lists(
    st.builds(Holder, st.sampled_from(["sparkpay:1", "sparkpay:5", "erp:1"]), st.just("v"), states), max_size=4
)


@settings(max_examples=200)
@given(
    holders,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sets(st.sampled_from(["sparkpay:1", "sparkpay:5", "erp:1"])),
)
def test_rulings_never_take_a_sku_from_a_better_claimant(
    found: list[Holder], retired: bool, has_it: bool, lets_go: bool, claiming: set[str]
) -> None:
    me = Claimant("sparkpay:3", retired=retired, has_it=has_it, lets_go=lets_go)
    desired = {
        holder.product: Desired(frozenset({"A"} if holder.product in claiming else ()), pending=True)
        for holder in found
    }
    ruling = rule(me, found, desired, "A")
    touched = {*ruling.rename, *ruling.depose, *ruling.stale}
    better = {
        holder
        for holder in found
        if holder.state != "refused"
        and holder.product in claiming
        and (holder.state == "retired", precedence(holder.product)) < (retired, precedence("sparkpay:3"))
    }
    if ruling.verdict is Verdict.HAS_IT:
        assert not better
        assert not has_it or not ruling.rename
    else:
        assert not touched
    assert not any(holder.state == "refused" for holder in touched)


async def test_a_hidden_product_yields_to_one_for_sale_and_takes_its_sku_back(desk: Desk) -> None:
    await desk.apply(rope(9, "A"), rope(10, "A"))
    hidden = rope(9, "A", status="hidden")
    (outcome,) = await desk.apply(hidden)
    assert isinstance(outcome, Applied)
    assert outcome.reopen == ["sparkpay:10"]
    await desk.settle("sparkpay:10")
    assert desk.variant("vi-90") == ("A~vi-90", "suspended")
    assert desk.variant("vi-100") == ("A", "live")
    desk.calls()
    (still,) = await desk.apply(hidden)
    assert isinstance(still, Applied)
    assert desk.calls() in ([], [CHANGE])
    desk.put("product", "sparkpay:9", rope(9, "A"))
    await desk.settle("sparkpay:9")
    assert desk.variant("vi-90") == ("A", "live")
    assert desk.variant("vi-100") == ("A~vi-100", "suspended")


@pytest.mark.parametrize("order", [(9, 10), (10, 9)])
async def test_of_two_that_are_not_for_sale_the_lower_keeps_it(desk: Desk, order: tuple[int, int]) -> None:
    for number in order:
        product = rope(number, "A", f"OWN-{number}", status="hidden")
        desk.put("product", product.key, product)
        await desk.settle(product.key)
    assert desk.variant("vi-90") == ("A", "suspended")


async def test_a_ledger_that_is_behind_is_made_good(desk: Desk) -> None:
    await desk.apply(rope(10, "A", "Z"))
    await desk.apply(rope(9, "A", "Y"))  # deposes 10, which is not told
    await desk.apply(rope(9, "Y", parts=["vi-91"]))
    (outcome,) = await desk.apply(rope(10, "A", "Z", title="Back"))
    assert isinstance(outcome, Applied)
    assert desk.variant("vi-100") == ("A", "live")
    assert desk.variant("vi-90") == ("A~vi-90", "discontinued")


async def test_a_switched_off_product_gets_its_sku_back_when_the_claimant_lets_go(desk: Desk) -> None:
    off = rope(1, "A", status="hidden")
    await desk.apply(off)
    assert desk.variant("vi-10") == ("A", "suspended")
    await desk.apply(rope(2, "A"))
    (lost,) = await desk.settle("sparkpay:1")
    assert isinstance(lost, Applied)
    assert set(lost.claims or ()) == {Claim("A", "vi-10", "refused"), Claim("A~vi-10", "vi-10", "retired")}
    assert lost.skips == ()
    (freed,) = await desk.apply(rope(2, "B"))
    assert isinstance(freed, Applied)
    assert freed.reopen == ["sparkpay:1"]
    await desk.settle("sparkpay:1")
    assert desk.variant("vi-10") == ("A", "suspended")
    assert desk.skus.claims["sparkpay:1"] == (Claim("A", "vi-10", "retired"),)


async def test_it_gets_it_back_as_well_when_the_claimant_lets_go_before_it_was_told(desk: Desk) -> None:
    await desk.apply(rope(1, "A", status="hidden"))
    (taken,) = await desk.apply(rope(2, "A"))
    assert isinstance(taken, Applied)
    assert taken.displaced == (Displaced("A", "sparkpay:1", "vi-10"),)
    await desk.apply(rope(2, "B"))
    assert desk.variant("vi-10") == ("A~vi-10", "suspended")
    await desk.settle("sparkpay:1")
    assert desk.variant("vi-10") == ("A", "suspended")


async def test_who_had_to_make_room_is_told_even_if_the_claimant_is_refused(desk: Desk) -> None:
    await desk.apply(rope(1, "A", status="hidden"))
    desk.faults.add(FaultRule("status", method="POST", path="/api/v1/products", status=422))
    (refused,) = await desk.apply(rope(2, "A"))
    assert isinstance(refused, Rejected)
    assert refused.displaced == (Displaced("A", "sparkpay:1", "vi-10"),)
    await desk.settle("sparkpay:1")
    assert desk.variant("vi-10") == ("A", "suspended")


async def test_of_two_switched_off_claimants_the_lower_product_gets_the_sku(desk: Desk) -> None:
    await desk.apply(rope(1, "A", status="hidden"))
    await desk.settle("sparkpay:1")
    await desk.apply(rope(2, "A"))
    await desk.settle("sparkpay:1")
    (off,) = await desk.apply(rope(2, "A", status="hidden"))
    assert isinstance(off, Applied)
    assert off.reopen == ["sparkpay:1"]
    await desk.settle("sparkpay:1")
    assert desk.variant("vi-10") == ("A", "suspended")
    assert desk.variant("vi-20") == ("A~vi-20", "suspended")


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=6, unique_by=lambda one: one[0]))
def test_both_sides_name_the_same_owner_of_a_sku(claims: list[tuple[int, bool]]) -> None:
    """The reading side decides whose price and stock a SKU has, the applying side which variant: one rule."""
    products = [rope(number, "A", status="active" if live else "hidden") for number, live in claims]
    read = owner((product.key, variant) for product in products for _, variant in claims_of(product))
    (first,) = [
        product.key
        for product, (_, live) in zip(products, claims, strict=True)
        if all(
            Claimant(product.key, retired=not live, has_it=False, lets_go=False).comes_before(
                Holder(other.key, "x", "live" if on_sale else "retired")
            )
            for other, (_, on_sale) in zip(products, claims, strict=True)
            if other is not product
        )
    ]
    assert read == first


async def test_a_sku_that_nobody_wants_back_goes_to_who_was_refused_it(desk: Desk) -> None:
    """Product 1 takes A, then wants C, which another one has: it must not keep A from who still wants that."""
    await desk.apply(rope(9, "A", status="discontinued"), rope(10, "C"))
    await desk.apply(rope(1, "A", status="discontinued"))
    await desk.settle("sparkpay:9")
    assert desk.variant("vi-10") == ("A", "discontinued")
    assert desk.variant("vi-90") == ("A~vi-90", "discontinued")
    (moved,) = await desk.apply(rope(1, "C", status="discontinued"))
    assert isinstance(moved, Applied)
    assert moved.reopen == ["sparkpay:9"]
    await desk.settle("sparkpay:9")
    assert desk.variant("vi-90") == ("A", "discontinued")
