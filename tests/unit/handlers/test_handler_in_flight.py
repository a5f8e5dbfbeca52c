"""Products that were sent, and of which nobody could write down what became of them."""

import pytest

from connector.ports import Doubt
from connector.sandbox.sparklayer import FaultRule
from contracts.entities import Product
from handlers.outcome import Applied, Claim, Displaced, Failed, Outcome, Rejected
from tests.support.handler_desk import Desk, rope

KEY = "sparkpay:2"


async def lost(desk: Desk, *products: Product) -> None:
    """Products whose first call was applied, its answer lost and the process killed."""
    for product in products:
        desk.faults.add(FaultRule("drop_after", method="POST", path="*/products"))
        (outcome,) = await desk.apply(product)
        assert isinstance(outcome, Failed)
        desk.rows["product", product.key].doubt = Doubt.SENT
    desk.restart()
    desk.calls()


async def newest(desk: Desk, product: Product) -> Outcome:
    (outcome,) = await desk.apply(product)
    return outcome


def statuses(desk: Desk) -> dict[str, str]:
    (product,) = [row for row in desk.site.catalogue.products() if row["external_id"] == "2"]
    return {variant["sku"]: variant["status"] for variant in product["variants"]}


async def test_one_that_was_deleted_meanwhile_is_not_for_sale_any_more(desk: Desk) -> None:
    await lost(desk, rope(2, "A", "B"))
    assert isinstance(await desk.delete("product", KEY), Applied)
    assert set(statuses(desk).values()) == {"discontinued"}


async def test_a_variant_that_the_newest_state_does_not_have_is_not_for_sale_any_more(desk: Desk) -> None:
    await lost(desk, rope(2, "A", "B"))
    assert isinstance(await newest(desk, rope(2, "A")), Applied)
    assert statuses(desk) == {"A": "live", "B": "discontinued"}


async def test_one_that_is_refused_by_now_is_suspended(desk: Desk) -> None:
    await desk.apply(rope(1, "TAKEN"))
    await lost(desk, rope(2, "A"))
    product = rope(2, "A")
    taken = product.variants[0].model_copy(update={"sku": "TAKEN"})
    outcome = await newest(desk, product.model_copy(update={"variants": (taken,)}))
    assert isinstance(outcome, Rejected)
    assert list(statuses(desk).values()) == ["suspended"]


async def test_one_that_is_refused_by_the_site_alone_is_suspended(desk: Desk) -> None:
    """Nobody knows yet that product 1 has the SKU: its call was on its way as well."""
    await lost(desk, rope(1, "TAKEN"), rope(2, "A"))
    outcome = await newest(desk, rope(2, "TAKEN"))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.claims) == ("sku_duplicate", (Claim("TAKEN", "vi-20", "refused"),))
    assert list(statuses(desk).values()) == ["suspended"]
    (owner,) = await desk.run("product", "sparkpay:1")
    assert isinstance(owner, Applied)
    assert (owner.unchanged, owner.reopen) == (True, [])


@pytest.mark.parametrize("others", [(), ("OWN",)])
async def test_who_was_refused_by_the_site_alone_gets_the_sku_that_is_its_own(
    desk: Desk, others: tuple[str, ...]
) -> None:
    """The lower product comes first; that a higher one has its SKU is seen only after it was refused."""
    await lost(desk, rope(2, "A", *others), rope(3, "TAKEN"))
    desk.put("product", KEY, rope(2, "TAKEN", *others))
    await desk.settle(KEY, "sparkpay:3")
    assert desk.variant("vi-20") == ("TAKEN", "live")
    assert desk.variant("vi-30") == ("TAKEN~vi-30", "suspended")
    desk.calls()
    assert isinstance((await desk.run("product", KEY))[0], Applied)
    assert isinstance((await desk.run("product", "sparkpay:3"))[0], Rejected)
    assert desk.calls() == []


async def test_one_that_is_there_as_it_should_be_is_not_written_again(desk: Desk) -> None:
    await lost(desk, rope(2, "A"))
    outcome = await newest(desk, rope(2, "A"))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    assert desk.calls() == ["GET /api/v1/products/{id}"]


async def test_one_that_never_arrived_is_made(desk: Desk) -> None:
    desk.put("product", KEY, rope(2, "A"))
    desk.rows["product", KEY].doubt = Doubt.SENT
    (outcome,) = await desk.run("product", KEY)
    assert isinstance(outcome, Applied)
    assert statuses(desk) == {"A": "live"}


async def test_who_was_pushed_out_by_a_process_that_died_gets_its_sku_back(desk: Desk) -> None:
    """The lower product took the SKU, and does not want it any more when it is tried again."""
    await desk.apply(rope(3, "A"))
    desk.put("product", KEY, rope(2, "A"))
    await desk.run_and_die("product", KEY)
    assert desk.variant("vi-30") == ("A~vi-30", "suspended")
    desk.put("product", KEY, rope(2, "B"))
    await desk.settle(KEY, "sparkpay:3")
    assert desk.variant("vi-20") == ("B", "live")
    assert desk.variant("vi-30") == ("A", "live")


async def test_who_may_have_been_pushed_out_by_a_call_without_an_answer_is_told_of(desk: Desk) -> None:
    await desk.apply(rope(3, "A"))
    desk.faults.add(FaultRule("drop_after", method="PATCH", path="*/variants*"))
    outcome = await newest(desk, rope(2, "A"))
    assert isinstance(outcome, Failed)
    assert outcome.displaced == (Displaced("A", "sparkpay:3", "vi-30"),)
    assert desk.variant("vi-30") == ("A~vi-30", "suspended")
    assert isinstance(await desk.delete("product", KEY), Applied)
    await desk.settle("sparkpay:3")
    assert desk.variant("vi-30") == ("A", "live")
