"""What one entity comes to, shown without a write."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connector.app.preview import Preview, preview, report
from connector.errors import UserFault
from connector.state.connections import Connection
from tests.support.both_platforms import ALL, Platforms, both_platforms

RULES = """
[to_sparklayer.product.compute]
title = 'upper(title)'

[to_sparklayer.customer]
drop = ["phone"]
"""


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Platforms]:
    async with both_platforms(tmp_path) as platforms:
        yield platforms
        assert platforms.writes == {"sparkpay": [], "sparklayer": []}
        assert platforms.store_app.state.journal.violations == []


async def shown(both: Platforms, kind: str, id_: object, **options: Any) -> Preview:
    return await preview(both.core, "acme", kind, str(id_), transport=both.transport, **options)


async def test_a_product_is_shown_as_read_as_understood_and_as_it_would_be_sent(both: Platforms) -> None:
    await both.add()
    await both.remap(RULES)
    id_ = both.product(item_name="Rope")
    found = await shown(both, "product", id_)
    assert (found.source, found.side) == ("sparkpay", "sparklayer")
    (read,) = [one for one in found.read if one.path.startswith("/api/v1/products")]
    assert read.answer["products"][0]["item_name"] == "Rope"
    (one,) = found.entities
    assert one.key == f"sparkpay:{id_}"
    assert one.entity.model_dump()["title"] == "Rope"
    assert one.mapped is not None
    assert one.mapped.model_dump()["title"] == "ROPE"
    (request,) = one.requests
    assert (request.method, request.path, request.body["title"]) == ("POST", "/api/v1/products", "ROPE")
    assert one.outcome == "taken by sparklayer"
    assert one.needed
    assert found.calls["sparkpay"] > 0


@pytest.mark.parametrize("kind", ["price", "stock"])
async def test_prices_and_stock_are_shown_by_sku_or_by_product(both: Platforms, kind: str) -> None:
    await both.add()
    id_ = both.product("ROPE-9")
    for name in ("ROPE-9", id_):
        (one,) = (await shown(both, kind, name)).entities
        assert one.key == "ROPE-9"
        assert "ROPE-9" in str([request.body for request in one.requests])


async def test_people_and_orders_are_shown_with_all_that_belongs_to_them(both: Platforms) -> None:
    await both.add(**dict.fromkeys((f"flow__{kind}" for kind in ("customer", "customer_group", "order")), "both"))
    await both.remap(RULES)
    customer = both.store.insert(
        "customers", email="ana@example.com", first_name="Ana", store_id=1, customer_type_id=1, phone_number="1"
    )["id"]
    both.store.insert("addresses", customer_id=customer, address_line_1="12 Oak St", city="Austin", country="Canada")
    (one,) = (await shown(both, "customer", customer)).entities
    assert one.entity.model_dump()["phone"] == "1"
    assert one.mapped is not None
    assert one.mapped.model_dump()["phone"] is None
    assert one.outcome.startswith("waits for customer-group:ct-1: ")
    assert one.outcome.endswith("; then taken by sparklayer")
    assert [request.method for request in one.requests] == ["POST", "PUT"]  # its price list, then itself
    assert one.requests[-1].body["addresses"][0]["city"] == "Austin"
    order = both.store.insert(
        "orders", customer_id=customer, order_status_id=1, store_id=1, order_type="Order", grand_total=5, tax_total=0
    )["id"]
    both.store.insert("order_items", order_id=order, item_number="ROPE-1", item_name="Rope", quantity=1, price=5)
    (placed,) = (await shown(both, "order", order)).entities
    assert placed.entity.model_dump(mode="json")["totals"]["grand"] == "5"
    assert placed.outcome.startswith(f"waits for customer:sparkpay:{customer}: ")
    assert [request.method for request in placed.requests] == ["PUT"]
    (group,) = (await shown(both, "customer-group", 1)).entities
    assert (group.key, group.entity.model_dump()["name"]) == ("ct-1", "Trade")


async def test_an_entity_that_is_there_already_is_shown_with_its_request_all_the_same(both: Platforms) -> None:
    await both.add()
    id_ = both.product()
    before = (await shown(both, "product", id_)).entities[0]
    again = (await shown(both, "product", id_)).entities[0]
    assert again.requests == before.requests


@pytest.mark.parametrize(
    ("kind", "id_", "options", "why"),
    [
        ("product", "99", {}, "acme has no product '99' on sparkpay: --id is the product's number in the store"),
        ("product", "rope", {}, "--id 'rope': --id is the product's number"),
        ("produkt", "1", {}, "--entity 'produkt': write product, price"),
        ("product", "1", {"source": "erp"}, "--from 'erp': write sparkpay or sparklayer"),
        ("product", "1", {"source": "sparklayer"}, "SparkLayer is not read for product"),
        ("order", "c-1", {"source": "sparklayer"}, "acme has no order 'c-1' on sparklayer: --id is the cart's id"),
        ("price", "NONE", {"source": "sparklayer"}, "acme has no price 'NONE' on sparklayer: --id is a SKU"),
    ],
)
async def test_what_cannot_be_shown_says_why(
    both: Platforms, kind: str, id_: str, options: dict[str, Any], why: str
) -> None:
    await both.add()
    with pytest.raises(UserFault) as refused:
        await shown(both, kind, id_, **options)
    assert why in str(refused.value)


async def test_a_rule_that_refuses_the_entity_is_shown_as_its_outcome(both: Platforms) -> None:
    await both.add()
    await both.remap("[to_sparklayer.product.compute]\n'variants[].pack_size' = 'title'\n")
    (one,) = (await shown(both, "product", both.product())).entities
    assert one.requests == ()
    assert "refused by the field mapping" in one.outcome
    assert "is no number" in one.outcome


async def test_the_report_has_everything_and_no_credentials(both: Platforms) -> None:
    await both.add()
    facts = report(await shown(both, "product", both.product()))
    assert set(facts) == {"connection", "entity", "source", "side", "read", "entities", "calls"}
    connection: Connection = await both.core.connections.get("acme")
    assert connection.sparkpay.token not in str(facts)
    assert connection.sparklayer.client_secret not in str(facts)


@pytest.mark.parametrize("kind", [kind.replace("_", "-") for kind in ALL])
async def test_every_kind_has_an_answer_for_an_unknown_id(both: Platforms, kind: str) -> None:
    await both.add(**dict.fromkeys((f"flow__{kind}" for kind in ALL), "to_sparklayer"), shipping__api="v2")
    with pytest.raises(UserFault, match="acme has no"):
        await shown(both, kind, 4_000_000)
