"""Prices on SparkLayer: lists, breaks, moments, refusals, and what they cost."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connector.sandbox.sparklayer import FaultRule
from connector.sparklayer import CallGate, Credentials, GatePolicy, SparkLayerClient
from contracts.entities import Price
from handlers.outcome import Applied, Failed, Rejected, Waiting
from handlers.sparklayer import handlers
from tests.support.handler_desk import NOW, Desk, priced, rope

BULK = "PATCH /api/v1/batch-update-pricing"
LISTS, NEW_LIST, RENAME = "GET /api/v2/price-lists", "POST /api/v1/price-lists", "PATCH /api/v1/price-lists/{slug}"


def row(amount: str, start: datetime | None = None, end: datetime | None = None, quantity: int = 1) -> dict[str, Any]:
    return {"from_quantity": quantity, "amount": amount, "valid_from": start, "valid_until": end}


def shown(desk: Desk, sku: str) -> dict[str, dict[int, str]]:
    return {
        slug: {int(item["quantity"]): str(item["price"]) for item in breaks}
        for slug, breaks in desk.site.prices(sku).items()
    }


async def with_skus(desk: Desk, *skus: str) -> None:
    await desk.apply(rope(1, *skus))
    desk.calls()


async def test_lists_are_made_and_prices_set(desk: Desk) -> None:
    await with_skus(desk, "A")
    (outcome,) = await desk.apply(priced("A", {"base": {1: "100", 10: "91.1234"}, "ct-7": {1: "80"}}))
    assert isinstance(outcome, Applied)
    assert desk.calls() == [LISTS, NEW_LIST, NEW_LIST, BULK]
    assert shown(desk, "A") == {"sp-base-usd": {1: "100", 10: "91.1234"}, "sp-ct-7-usd": {1: "80"}}
    made = {item["slug"]: (item["name"], item["currency_code"], item["source"]) for item in desk.site.price_lists.all()}
    assert made == {"sp-base-usd": ("Base", "usd", "integration"), "sp-ct-7-usd": ("Dealers", "usd", "integration")}
    (again,) = await desk.apply(priced("A", {"ct-7": {1: "80.00"}, "base": {10: "91.12340", 1: "100"}}))
    assert isinstance(again, Applied)
    assert again.unchanged
    assert desk.calls() == []


async def test_three_hundred_skus_and_two_lists_are_one_call(desk: Desk) -> None:
    skus = [f"S-{at}" for at in range(300)]
    await with_skus(desk, *skus)
    await desk.apply(priced("S-0", {"base": {1: "1"}, "ct-7": {1: "1"}}))
    desk.calls()
    outcomes = await desk.apply(*(priced(sku, {"base": {1: "9"}, "ct-7": {1: "8", 5: "7"}}) for sku in skus))
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert desk.calls() == [BULK]
    assert shown(desk, "S-299") == {"sp-base-usd": {1: "9"}, "sp-ct-7-usd": {1: "8", 5: "7"}}
    outcomes = await desk.apply(*(priced(sku, {"base": {1: "9"}, "ct-7": {1: "8", 5: "7"}}) for sku in skus))
    assert all(isinstance(outcome, Applied) and outcome.unchanged for outcome in outcomes)
    assert desk.calls() == []


async def test_rows_per_call_are_a_setting(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(pricing__batch="50")
    await with_skus(desk, *(f"S-{at}" for at in range(60)))
    await desk.apply(*(priced(f"S-{at}", {"base": {1: "9"}, "ct-7": {1: "8"}}) for at in range(60)))
    assert desk.calls().count(BULK) == 3


async def test_a_sku_without_product_waits(desk: Desk) -> None:
    (outcome,) = await desk.apply(priced("A", {"base": {1: "9"}}))
    assert isinstance(outcome, Waiting)
    assert outcome.for_ == "sku:A"
    assert desk.calls() == []
    desk.skus.claim("sparkpay:5", "A", "v", "refused")
    (refused,) = await desk.run("price", "A")
    assert isinstance(refused, Waiting)


async def test_prices_follow_time(desk: Desk) -> None:
    await with_skus(desk, "A")
    start, end = NOW + timedelta(days=1), NOW + timedelta(days=2)
    sale = priced(
        "A", {"base": [row("10", end=start), row("8", start, end), row("10", end), row("7", start, quantity=5)]}
    )
    (outcome,) = await desk.apply(sale)
    assert isinstance(outcome, Applied)
    assert outcome.wake_at == start
    assert shown(desk, "A") == {"sp-base-usd": {1: "10"}}
    desk.calls()
    desk.now = start
    (begun,) = await desk.run("price", "A")
    assert isinstance(begun, Applied)
    assert begun.wake_at == end
    assert desk.calls() == [BULK]
    assert shown(desk, "A") == {"sp-base-usd": {1: "8", 5: "7"}}
    desk.now = end
    (ended,) = await desk.run("price", "A")
    assert isinstance(ended, Applied)
    assert ended.wake_at is None
    assert shown(desk, "A") == {"sp-base-usd": {1: "10", 5: "7"}}


async def test_monotone_drops_a_dearer_break(desk_of: Callable[..., Desk]) -> None:
    for monotone, expected in (("false", {1: "10", 5: "12", 9: "9"}), ("true", {1: "10", 9: "9"})):
        desk = desk_of(pricing__monotone=monotone)
        await with_skus(desk, "A")
        await desk.apply(priced("A", {"base": {9: "9", 1: "10", 5: "12", 20: "0"}}))
        assert shown(desk, "A") == {"sp-base-usd": expected}


@pytest.mark.parametrize("accepted", ["null_row", "empty"])
@pytest.mark.parametrize("setting", ["null_row", "empty"])
async def test_a_blank_list_removes_in_whatever_style_the_site_takes(
    desk_of: Callable[..., Desk], accepted: str, setting: str
) -> None:
    desk = desk_of(policy={"remove_style": accepted}, pricing__remove_style=setting)
    await with_skus(desk, "A", "B")
    await desk.apply(priced("A", {"base": {1: "9"}, "ct-7": {1: "8"}}), priced("B", {"base": {1: "5"}}))
    desk.calls()
    outcomes = await desk.apply(priced("A", {"base": {1: "9"}, "ct-7": {}}), priced("B", {"base": {1: "6"}}))
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert desk.calls() == ([BULK] if accepted == setting else [BULK, BULK, BULK])
    assert (shown(desk, "A"), shown(desk, "B")) == ({"sp-base-usd": {1: "9"}}, {"sp-base-usd": {1: "6"}})
    await desk.apply(priced("B", {"base": {}}))
    assert desk.calls() == [BULK]
    assert shown(desk, "B") == {}


async def test_the_style_is_found_beside_a_bad_price(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(policy={"remove_style": "empty", "line_base": 0})
    await with_skus(desk, "A", "B", "C")
    outcomes = await desk.apply(
        priced("A", {"base": {1: "9"}}), priced("B", {"base": {1: "10000000"}}), priced("C", {"base": {}})
    )
    assert [type(outcome) for outcome in outcomes] == [Applied, Rejected, Applied]
    assert shown(desk, "A") == {"sp-base-usd": {1: "9"}}


async def test_a_list_that_is_not_named_any_more_is_left(desk: Desk) -> None:
    await with_skus(desk, "A")
    await desk.apply(priced("A", {"base": {1: "9"}, "ct-7": {1: "8"}}))
    desk.calls()
    (outcome,) = await desk.apply(priced("A", {"base": {1: "9"}}))
    assert isinstance(outcome, Applied)
    assert not outcome.unchanged
    assert shown(desk, "A") == {"sp-base-usd": {1: "9"}}
    (again,) = await desk.apply(priced("A", {"base": {1: "9"}}))
    assert isinstance(again, Applied)
    assert again.unchanged
    assert desk.calls() == [BULK]


async def test_a_price_that_does_not_name_its_list_leaves_the_name_as_it_is(desk: Desk) -> None:
    """As from another service, which knows the list's code and not what the merchant calls it."""
    await with_skus(desk, "A", "B")
    named = priced("A", {"ct-7": {1: "8"}})
    nameless = Price.model_validate(
        {"sku": "B", "currency": "USD", "lists": [{"list": "ct-7", "rows": [{"amount": "7"}]}, {"list": "ct-8"}]}
    )
    await desk.apply(named)
    await desk.apply(nameless)
    names = {row["slug"]: row["name"] for row in desk.site.price_lists.all()}
    assert names == {"sp-ct-7-usd": "Dealers", "sp-ct-8-usd": "ct-8"}
    desk.calls()
    outcomes = await desk.apply(named) + await desk.apply(nameless)
    assert all(isinstance(outcome, Applied) and outcome.unchanged for outcome in outcomes)
    assert desk.calls() == []


async def test_of_two_prices_in_one_call_the_one_that_names_the_list_is_heard(desk: Desk) -> None:
    await with_skus(desk, "A", "B")
    nameless = {"sku": "B", "currency": "USD", "lists": [{"list": "ct-7", "rows": [{"amount": "7"}]}]}
    await desk.apply(priced("A", {"ct-7": {1: "8"}}), Price.model_validate(nameless))
    assert [row["name"] for row in desk.site.price_lists.all()] == ["Dealers"]


async def test_deleted_prices_are_taken_out_of_every_list(desk: Desk) -> None:
    await with_skus(desk, "A")
    await desk.apply(priced("A", {"base": {1: "9"}, "ct-7": {1: "8"}}))
    desk.calls()
    outcome = await desk.delete("price", "A")
    assert isinstance(outcome, Applied)
    assert desk.calls() == [BULK]
    assert shown(desk, "A") == {}
    again = await desk.delete("price", "A")
    assert isinstance(again, Applied)
    assert again.unchanged
    unknown = await desk.delete("price", "NEVER")
    assert isinstance(unknown, Applied)
    assert unknown.unchanged
    assert desk.calls() == []


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("bad", [{0}, {1}, {4}, {2, 3}, {0, 4}, {0, 1, 2, 3, 4}])
async def test_only_the_bad_lines_are_rejected(desk_of: Callable[..., Desk], base: int, bad: set[int]) -> None:
    desk = desk_of(policy={"line_base": base})
    await with_skus(desk, *(f"S-{at}" for at in range(5)))
    await desk.apply(priced("S-0", {"base": {1: "1"}}))
    desk.calls()
    prices = [priced(f"S-{at}", {"base": {1: "10000000" if at in bad else "5"}}) for at in range(5)]
    outcomes = await desk.apply(*prices)
    assert {at for at, outcome in enumerate(outcomes) if isinstance(outcome, Rejected)} == bad
    for at, outcome in enumerate(outcomes):
        if isinstance(outcome, Rejected):
            assert outcome.status == 400
            assert f"S-{at}" in outcome.message
            assert outcome.details[0]["property"] == "price"
        else:
            assert shown(desk, f"S-{at}") == {"sp-base-usd": {1: "5"}}
    assert len(desk.calls()) <= 3
    (later,) = await desk.apply(priced("S-1", {"base": {1: "99999999"}}))
    assert isinstance(later, Rejected)
    assert len(desk.calls()) == 1


async def test_a_partly_refused_price_is_not_taken_for_unchanged_later(desk: Desk) -> None:
    await with_skus(desk, "A", "B")
    good = priced("A", {"base": {1: "9"}, "ct-7": {1: "8"}})
    await desk.apply(good)
    (outcome,) = await desk.apply(priced("A", {"base": {1: "5"}, "ct-7": {1: "10000000"}}))
    assert isinstance(outcome, Rejected)
    assert shown(desk, "A") == {"sp-base-usd": {1: "5"}, "sp-ct-7-usd": {1: "8"}}
    (back,) = await desk.apply(good)
    assert isinstance(back, Applied)
    assert shown(desk, "A") == {"sp-base-usd": {1: "9"}, "sp-ct-7-usd": {1: "8"}}


async def test_too_dear_is_refused_without_a_call(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(pricing__largest="9999.99")
    await with_skus(desk, "A")
    (outcome,) = await desk.apply(priced("A", {"base": {1: "10000"}}))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "price_too_large"
    assert desk.calls() == []


async def test_a_renamed_type_costs_one_call_for_its_list(desk: Desk) -> None:
    await with_skus(desk, "A", "B")
    before = [priced(sku, {"ct-7": {1: "8"}}) for sku in "AB"]
    await desk.apply(*before)
    desk.calls()
    renamed = [
        price.model_copy(update={"lists": (price.lists[0].model_copy(update={"name": "Resellers " * 9}),)})
        for price in before
    ]
    outcomes = await desk.apply(*renamed)
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert desk.calls() == [RENAME]
    assert desk.site.price_lists.all()[0]["name"] == ("Resellers " * 9)[:64].rstrip()
    outcomes = await desk.apply(*renamed)
    assert all(isinstance(outcome, Applied) and outcome.unchanged for outcome in outcomes)


async def test_a_list_that_somebody_removed_is_made_again(desk: Desk) -> None:
    await with_skus(desk, "A")
    await desk.apply(priced("A", {"base": {1: "9"}}))
    await desk.client.price_lists.delete("sp-base-usd")
    desk.calls()
    (outcome,) = await desk.apply(priced("A", {"base": {1: "7"}}))
    assert isinstance(outcome, Applied)
    assert desk.calls() == [BULK, LISTS, NEW_LIST, BULK]
    assert shown(desk, "A") == {"sp-base-usd": {1: "7"}}


async def test_after_a_restart_existing_lists_are_found(desk: Desk) -> None:
    await with_skus(desk, "A")
    await desk.apply(priced("A", {"base": {1: "9"}}))
    desk.restart()
    desk.calls()
    (same,) = await desk.apply(priced("A", {"base": {1: "9"}}))
    assert isinstance(same, Applied)
    assert desk.calls() == []
    await desk.apply(priced("A", {"base": {1: "8"}}))
    assert desk.calls() == [LISTS, BULK]


async def test_a_batch_that_is_too_large_is_halved_and_the_size_remembered(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(policy={"max_rows": 30})
    skus = [f"S-{at}" for at in range(100)]
    await with_skus(desk, *skus)
    outcomes = await desk.apply(*(priced(sku, {"base": {1: "9"}}) for sku in skus))
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert desk.calls().count(BULK) == 2 + 4
    await desk.apply(*(priced(sku, {"base": {1: "8"}}) for sku in skus))
    assert desk.calls().count(BULK) == 4


async def test_a_single_row_that_is_too_large_is_rejected(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(policy={"max_bytes": 2_500})
    await with_skus(desk, "A", "B")
    many = {at: str(1000 - at) for at in range(1, 200)}
    outcomes = await desk.apply(priced("A", {"base": many}), priced("B", {"base": {1: "5"}}))
    assert isinstance(outcomes[0], Rejected)
    assert outcomes[0].code == "too_large"
    assert isinstance(outcomes[1], Applied)


async def test_a_busy_list_is_tried_again(desk: Desk) -> None:
    await with_skus(desk, "A")
    await desk.apply(priced("A", {"base": {1: "9"}}))
    desk.faults.add(FaultRule("status", path="*pricing", status=409, body=False))
    (outcome,) = await desk.apply(priced("A", {"base": {1: "8"}}))
    assert isinstance(outcome, Failed)
    assert not outcome.target
    (again,) = await desk.run("price", "A")
    assert isinstance(again, Applied)


async def test_trouble_stops_the_rest_of_the_batch(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(pricing__batch="2")
    skus = [f"S-{at}" for at in range(8)]
    await with_skus(desk, *skus)
    desk.faults.add(FaultRule("status", path="*pricing", status=503, times=None))
    outcomes = await desk.apply(*(priced(sku, {"base": {1: "9"}}) for sku in skus))
    assert all(isinstance(outcome, Failed) and outcome.target for outcome in outcomes)
    assert desk.calls().count(BULK) == 1


async def test_a_refusal_without_lines_is_halved_down_to_the_row(desk: Desk) -> None:
    skus = [f"S-{at}" for at in range(8)]
    await with_skus(desk, *skus)
    seen: list[int] = []

    async def odd(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("batch-update-pricing"):
            seen.append(request.content.count(b'"sku"'))
            return httpx.Response(400 if b'"S-5"' in request.content else 204)
        return await httpx.ASGITransport(desk.app).handle_async_request(request)

    keys = Credentials("id-1", "secret-1")
    gate = CallGate(GatePolicy(), desk.clock)
    async with SparkLayerClient(
        "http://site", "acme", keys, transport=httpx.MockTransport(odd), clock=desk.clock, gate=gate
    ) as client:
        desk.handlers = handlers(client)
        outcomes = await desk.apply(*(priced(sku, {"base": {1: "9"}}) for sku in skus))
    assert [at for at, outcome in enumerate(outcomes) if isinstance(outcome, Rejected)] == [5]
    assert sum(isinstance(outcome, Applied) for outcome in outcomes) == 7
    assert seen == [8, 4, 4, 2, 1, 1, 2]


async def test_a_time_out_halves_once_and_then_leaves_it(desk: Desk) -> None:
    skus = [f"S-{at}" for at in range(8)]
    await with_skus(desk, *skus)
    seen: list[int] = []

    async def slow(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("batch-update-pricing"):
            seen.append(request.content.count(b'"sku"'))
            if seen[-1] > 4:
                raise httpx.ReadTimeout("too slow", request=request)
            return httpx.Response(204)
        return await httpx.ASGITransport(desk.app).handle_async_request(request)

    keys, gate = Credentials("id-1", "secret-1"), CallGate(GatePolicy(), desk.clock)
    async with SparkLayerClient(
        "http://site", "acme", keys, transport=httpx.MockTransport(slow), clock=desk.clock, gate=gate
    ) as client:
        desk.handlers = handlers(client)
        outcomes = await desk.apply(*(priced(sku, {"base": {1: "9"}}) for sku in skus))
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert seen == [8, 4, 4]


async def test_a_sku_that_the_site_does_not_have_waits_or_is_tried_again(desk: Desk) -> None:
    await with_skus(desk, "A")
    desk.skus.claim("sparkpay:7", "OLD", "v7", "retired")
    desk.skus.claim("sparkpay:8", "LOST", "v8", "live")
    outcomes = await desk.apply(*(priced(sku, {"base": {1: "9"}}) for sku in ("OLD", "A", "LOST")))
    assert [type(outcome) for outcome in outcomes] == [Waiting, Applied, Failed]
    lost = outcomes[2]  # on its way from one variant to another; refused only when its attempts are used up
    assert isinstance(lost, Failed)
    assert (lost.target, lost.code) == (False, "sku_unknown")


async def test_money_stays_exact(desk: Desk) -> None:
    await with_skus(desk, "A")
    await desk.apply(priced("A", {"base": {1: "0.0001", 2: "9999999.9999"}}))
    assert [item["price"] for item in desk.site.prices("A")["sp-base-usd"]] == [
        Decimal("0.0001"),
        Decimal("9999999.9999"),
    ]


async def test_lists_that_are_refused_for_the_same_reason_share_one_sentence(desk: Desk) -> None:
    await with_skus(desk, "A")
    lists = {"base": {1: "10000000"}, "ct-7": {1: "10000000"}, "ct-8": {1: "5"}, "ct-9": {1: "10000000"}}
    (outcome,) = await desk.apply(priced("A", lists))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "price_refused"
    assert outcome.message.startswith("SKU 'A' in lists sp-base-usd, sp-ct-7-usd and sp-ct-9-usd: price: ")
    assert outcome.message.count("price: ") == 1
    assert [detail["price_list_slug"] for detail in outcome.details] == ["sp-base-usd", "sp-ct-7-usd", "sp-ct-9-usd"]
    assert all(set(detail) == {"property", "message", "price_list_slug"} for detail in outcome.details)
    (alone,) = await desk.apply(priced("A", {"base": {1: "10000000"}}))
    assert isinstance(alone, Rejected)
    assert alone.message.startswith("SKU 'A' in list sp-base-usd: price: ")


async def test_a_sku_that_moves_to_another_variant_gets_its_prices_again(desk: Desk) -> None:
    await with_skus(desk, "A")
    price = priced("A", {"base": {1: "10"}})
    await desk.apply(price)
    await desk.delete("product", "sparkpay:1")
    await desk.apply(rope(2, "A"))
    assert shown(desk, "A") == {}
    desk.calls()
    (again,) = await desk.apply(price)
    assert isinstance(again, Applied)
    assert desk.calls() == [BULK]
    assert shown(desk, "A") == {"sp-base-usd": {1: "10"}}


async def test_prices_deleted_after_a_first_call_without_an_answer_are_taken_out_all_the_same(desk: Desk) -> None:
    await with_skus(desk, "A")
    desk.faults.add(FaultRule("drop_after", path="*pricing"))
    (lost,) = await desk.apply(priced("A", {"base": {1: "9"}, "ct-7": {1: "8"}}))
    assert isinstance(lost, Failed)
    assert set(shown(desk, "A")) == {"sp-base-usd", "sp-ct-7-usd"}
    outcome = await desk.delete("price", "A")
    assert isinstance(outcome, Applied)
    assert shown(desk, "A") == {}
    desk.calls()
    again = await desk.delete("price", "A")
    assert isinstance(again, Applied)
    assert again.unchanged
    assert desk.calls() == []


async def test_a_list_that_another_source_gave_is_not_touched(desk: Desk) -> None:
    await with_skus(desk, "A")
    desk.source = "sparkpay"
    await desk.apply(priced("A", {"base": {1: "100"}, "ct-7": {1: "80"}, "ct-8": {1: "70"}}))
    desk.source = "erp"
    await desk.apply(priced("A", {"base": {1: "99"}, "ct-8": {1: "69"}}))
    assert shown(desk, "A") == {"sp-base-usd": {1: "99"}, "sp-ct-7-usd": {1: "80"}, "sp-ct-8-usd": {1: "69"}}
    await desk.apply(priced("A", {"base": {1: "98"}}))
    assert shown(desk, "A") == {"sp-base-usd": {1: "98"}, "sp-ct-7-usd": {1: "80"}}, "its own list it may give up"
    desk.source = "sparkpay"
    await desk.apply(priced("A", {"base": {1: "97"}}))
    assert shown(desk, "A") == {"sp-base-usd": {1: "97"}}
    desk.calls()
    (again,) = await desk.apply(priced("A", {"base": {1: "97"}}))
    assert isinstance(again, Applied)
    assert again.unchanged
    assert desk.calls() == []
    assert again.ledger == {"lists": {"sp-base-usd": ""}, "given": {"sp-base-usd": "sparkpay"}}


async def test_a_state_that_was_joined_of_all_sources_is_complete(desk: Desk) -> None:
    await with_skus(desk, "A")
    desk.source = "sparkpay"
    await desk.apply(priced("A", {"base": {1: "100"}, "ct-7": {1: "80"}}))
    desk.source = None
    await desk.apply(priced("A", {"base": {1: "100"}}))
    assert shown(desk, "A") == {"sp-base-usd": {1: "100"}}
