"""Products on SparkLayer: bodies, calls, repairs, retirement."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connector.sandbox.sparklayer import FaultRule
from contracts.entities import Availability, Product
from handlers.outcome import Applied, Failed, Rejected
from tests.support.handler_desk import Desk, rope

CREATE, CHANGE = "POST /api/v1/products", "PATCH /api/v1/products/{id}"
VARIANT = "PATCH /api/v1/variants/{id}"


def full_variant() -> dict[str, Any]:
    return {
        "id": "vi-903",
        "sku": "ROPE-60-RED",
        "position": 2,
        "options": [{"name": "Colour", "value": "Red"}],
        "weight_grams": "3480.5",
        "image_url": "https://shop.example/a.jpg",
        "rrp": [{"amount": "129.90", "currency": "USD"}],
        "pack_size": 6,
        "minimum_quantity": 2,
    }


async def test_a_new_product_is_one_call_and_all_its_fields(desk: Desk) -> None:
    (outcome,) = await desk.apply(rope(4711, variants=[full_variant()]))
    assert desk.calls() == [CREATE]
    assert isinstance(outcome, Applied)
    found = desk.site.product("4711")
    assert found is not None
    assert outcome.refs == {"sparklayer": found["id"]}
    assert (found["external_id"], found["title"], found["slug"]) == ("4711", "Rope 4711", "rope-4711")
    sent = {name: found["variants"][0][name] for name in ("external_id", "sku", "position", "status", "cart_image_url")}
    assert sent == {
        "external_id": "vi-903",
        "sku": "ROPE-60-RED",
        "position": 2,
        "status": "live",
        "cart_image_url": "https://shop.example/a.jpg",
    }
    assert found["variants"][0]["weight_in_grams"] == Decimal("3480.5")
    assert found["variants"][0]["rrp"] == [{"value": Decimal("129.90"), "currency_code": "usd"}]
    assert found["variants"][0]["options"] == [{"group": "Colour", "value": "Red"}]
    assert found["variants"][0]["settings"] == [
        {"customer_group": "base", "pack_size": 6, "min_order_quantity": 2, "max_order_quantity": None}
    ]
    assert found["variants"][0]["stock"] == []


async def test_unchanged_costs_nothing_and_a_change_one_call(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    desk.calls()
    (again,) = await desk.apply(rope(1, "A", "B", refs={"sparkpay": "1"}, description="not sent"))
    assert isinstance(again, Applied)
    assert again.unchanged
    assert desk.calls() == []
    (changed,) = await desk.apply(rope(1, "A", "B", title="Better rope"))
    assert isinstance(changed, Applied)
    assert not changed.unchanged
    assert desk.calls() == [CHANGE]
    assert desk.site.product("1")["title"] == "Better rope"  # type: ignore[index]


async def test_a_product_that_is_gone_there_is_made_again(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    await desk.apply(rope(1, "A"))
    ghost = desk.rows["product", "sparkpay:1"]
    other = Desk()
    other.rows, other.skus = {("product", "sparkpay:1"): ghost}, desk.skus
    (outcome,) = await other.apply(rope(1, "A", title="New"))
    assert isinstance(outcome, Applied)
    assert other.calls() == [CHANGE, CREATE]
    assert [variant["sku"] for variant in other.site.product("1")["variants"]] == ["A"]  # type: ignore[index]
    (again,) = await other.apply(rope(1, "A", title="New"))
    assert isinstance(again, Applied)
    assert again.unchanged
    await other.client.aclose()


async def test_a_product_that_exists_there_already_is_changed_once(desk: Desk) -> None:
    await desk.apply(rope(1, "A"))
    desk.rows.clear()
    desk.skus.claims.clear()
    desk.calls()
    (outcome,) = await desk.apply(rope(1, "A", title="Found again"))
    assert isinstance(outcome, Applied)
    assert desk.calls() == [CREATE, CHANGE]
    assert desk.site.product("1")["title"] == "Found again"  # type: ignore[index]


async def test_a_lost_answer_is_made_good_by_the_next_try(desk: Desk) -> None:
    desk.faults.add(FaultRule("cut_json", method="POST", path="/api/v1/products"))
    (lost,) = await desk.apply(rope(1, "A"))
    assert isinstance(lost, Failed)
    assert lost.target
    assert lost.uncertain
    (again,) = await desk.run("product", "sparkpay:1")
    assert isinstance(again, Applied)
    assert desk.calls() == [CREATE, CREATE, CHANGE]
    assert desk.variant("vi-10") == ("A", "live")


async def test_a_taken_slug_gets_the_id_and_keeps_it(desk: Desk) -> None:
    await desk.apply(rope(1, "A", slug="rope"))
    (outcome,) = await desk.apply(rope(2, "B", slug="rope"))
    assert isinstance(outcome, Applied)
    assert desk.site.product("2")["slug"] == "rope-2"  # type: ignore[index]
    desk.calls()
    (again,) = await desk.apply(rope(2, "B", slug="rope"))
    assert isinstance(again, Applied)
    assert again.unchanged
    await desk.apply(rope(2, "B", slug="rope", title="Renamed"))
    assert desk.calls() == [CHANGE]
    assert desk.site.product("2")["slug"] == "rope-2"  # type: ignore[index]


async def test_a_variant_that_vanished_is_discontinued(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    (outcome,) = await desk.apply(rope(1, "A"))
    assert isinstance(outcome, Applied)
    assert desk.variant("vi-11") == ("B", "discontinued")
    assert {(claim.sku, claim.state) for claim in outcome.claims or ()} == {("A", "live"), ("B", "retired")}
    desk.calls()
    (again,) = await desk.apply(rope(1, "A"))
    assert isinstance(again, Applied)
    assert again.unchanged
    (back,) = await desk.apply(rope(1, "A", "B"))
    assert isinstance(back, Applied)
    assert desk.calls() == [CHANGE]
    assert desk.variant("vi-11") == ("B", "live")


async def test_a_vanished_variant_survives_a_platform_that_replaces(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(policy={"variants_patch": "replace"})
    await desk.apply(rope(1, "A", "B"))
    await desk.apply(rope(1, "A"))
    await desk.apply(rope(1, "A", title="Again"))
    assert desk.variant("vi-11") == ("B", "discontinued")


async def test_a_deleted_product_is_discontinued_as_a_whole(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    desk.calls()
    outcome = await desk.delete("product", "sparkpay:1")
    assert isinstance(outcome, Applied)
    assert desk.calls() == [CHANGE]
    assert [desk.variant(part) for part in ("vi-10", "vi-11")] == [("A", "discontinued"), ("B", "discontinued")]
    again = await desk.delete("product", "sparkpay:1")
    assert isinstance(again, Applied)
    assert again.unchanged
    unknown = await desk.delete("product", "sparkpay:9")
    assert isinstance(unknown, Applied)
    assert unknown.unchanged
    assert desk.calls() == []
    (back,) = await desk.apply(rope(1, "A", "B"))
    assert isinstance(back, Applied)
    assert desk.variant("vi-10") == ("A", "live")


async def test_statuses_are_the_more_cautious_of_product_and_variant(desk: Desk) -> None:
    variants = [
        {"id": f"v-{status}", "sku": f"S-{status}", "status": status}
        for status in ("active", "hidden", "draft", "discontinued")
    ]
    await desk.apply(rope(1, variants=variants))
    shown = {status: desk.variant(f"v-{status}")[1] for status in ("active", "hidden", "draft", "discontinued")}
    assert shown == {"active": "live", "hidden": "suspended", "draft": "pending", "discontinued": "discontinued"}
    await desk.apply(rope(1, variants=variants, status=Availability.HIDDEN))
    assert desk.variant("v-active")[1] == "suspended"
    assert desk.variant("v-discontinued")[1] == "discontinued"


async def test_variants_that_cannot_be_sent_are_left_out(desk: Desk) -> None:
    (outcome,) = await desk.apply(rope(1, "A", None, "x" * 101, "A", "B"))
    assert isinstance(outcome, Applied)
    assert [(skip.code, skip.part) for skip in outcome.skips] == [
        ("sku_missing", "vi-11"),
        ("sku_too_long", "vi-12"),
        ("sku_duplicate", "vi-13"),
    ]
    assert [variant["sku"] for variant in desk.site.product("1")["variants"]] == ["A", "B"]  # type: ignore[index]


async def test_a_known_variant_that_loses_its_sku_is_suspended(desk: Desk) -> None:
    await desk.apply(rope(1, "A", "B"))
    await desk.apply(rope(1, "A", None))
    assert desk.variant("vi-11") == ("B", "suspended")
    await desk.apply(rope(1, "A", "B"))
    assert desk.variant("vi-11") == ("B", "live")


async def test_a_product_without_any_sku_is_rejected(desk: Desk) -> None:
    (outcome,) = await desk.apply(rope(1, None, None))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, len(outcome.details), outcome.applied) == ("sku_missing", 2, None)
    assert desk.calls() == []
    (empty,) = await desk.apply(rope(2))
    assert isinstance(empty, Rejected)
    assert empty.code == "sku_missing"


async def test_a_rejected_product_that_is_known_there_is_suspended_and_comes_back(desk: Desk) -> None:
    await desk.apply(rope(1, "A"))
    (outcome,) = await desk.apply(rope(1, None))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "sku_missing"
    assert outcome.applied is not None
    assert desk.variant("vi-10") == ("A", "suspended")
    (back,) = await desk.apply(rope(1, "A"))
    assert isinstance(back, Applied)
    assert not back.unchanged
    assert desk.variant("vi-10") == ("A", "live")


async def test_texts_that_are_too_long(desk: Desk) -> None:
    (outcome,) = await desk.apply(rope(1, "A", title="👩🏽‍🚒" * 100, slug="s" * 300))
    assert isinstance(outcome, Applied)
    assert [(skip.code, skip.part, skip.note) for skip in outcome.skips] == [("truncated", "title", True)]
    found = desk.site.product("1")
    assert found is not None
    assert len(found["title"]) <= 255
    assert found["title"].endswith("🚒")
    assert len(found["slug"]) == 255
    (image,) = await desk.apply(rope(2, variants=[{"id": "v", "sku": "S", "image_url": "https://x/" + "y" * 600}]))
    assert isinstance(image, Applied)
    assert desk.site.product("2")["variants"][0]["cart_image_url"] is None  # type: ignore[index]


async def test_products_of_others_go_by_their_whole_key(desk: Desk) -> None:
    one = Product.model_validate({"key": "erp:K 7/1", "title": "Seil", "variants": [{"id": "erp-7", "sku": "E"}]})
    (outcome,) = await desk.apply(one)
    assert isinstance(outcome, Applied)
    assert desk.site.product("erp:K 7/1")["slug"] == "seil-erp-k-7-1"  # type: ignore[index]
    untitled, odd = rope(2, "B", title=None), one.model_copy(update={"key": "sparkpay:pp_1"})
    refused = await desk.apply(untitled, odd)
    assert [outcome.code for outcome in refused if isinstance(outcome, Rejected)] == [
        "title_missing",
        "external_id_invalid",
    ]


@pytest.mark.parametrize(
    ("status", "target", "pause", "patient"),
    [(429, True, False, True), (503, True, False, False), (403, True, True, False), (409, False, False, False)],
)
async def test_what_the_platform_says_becomes_the_outcome(
    desk: Desk, status: int, *, target: bool, pause: bool, patient: bool
) -> None:
    desk.faults.add(FaultRule("status", path="/api/v1/*", status=status, body=False, times=2))
    (outcome,) = await desk.apply(rope(1, "A"))
    assert isinstance(outcome, Failed)
    assert (outcome.target, outcome.pause, outcome.retry_after is not None) == (target, pause, patient)
    desk.faults.clear()
    (done,) = await desk.run("product", "sparkpay:1")
    assert isinstance(done, Applied)


async def test_five_hundred_products_are_five_hundred_calls(desk: Desk) -> None:
    products = [rope(number, f"S-{number}", f"T-{number}") for number in range(1, 501)]
    for at in range(0, 500, 100):
        outcomes = await desk.apply(*products[at : at + 100])
        assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert desk.calls() == [CREATE] * 500
    assert desk.skus.questions == 5
    for at in range(0, 500, 100):
        assert all(isinstance(o, Applied) and o.unchanged for o in await desk.apply(*products[at : at + 100]))
    assert desk.calls() == []


async def test_a_weight_that_is_gone_is_sent_as_none(desk: Desk) -> None:
    await desk.apply(rope(1, variants=[{"id": "vi-1", "sku": "A", "weight_grams": "250"}]))
    await desk.apply(rope(1, variants=[{"id": "vi-1", "sku": "A"}]))
    found = desk.site.product("1")
    assert found is not None
    assert found["variants"][0]["weight_in_grams"] == 0


async def test_another_services_event_changes_the_product_that_it_was_linked_to(desk: Desk) -> None:
    await desk.apply(rope(1, "A"))
    desk.calls()
    desk.put(
        "product", "sparkpay:1", Product.model_validate({**rope(1, "A").model_dump(), "key": "pim:77", "title": "B"})
    )
    (outcome,) = await desk.run("product", "sparkpay:1")
    assert isinstance(outcome, Applied)
    assert desk.calls() == ["PATCH /api/v1/products/{id}"]
    found = desk.site.product("1")
    assert found is not None
    assert found["title"] == "B"
    assert desk.site.product("pim:77") is None
