"""What a dry run announces is what the sync then does, and it writes nothing anywhere."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from connector.app.differences import Change
from connector.app.dry_run import DryRun, dry_run
from connector.app.preview import preview
from connector.app.service import started
from connector.choice import Choice
from connector.demo.shopper import placed_order
from connector.errors import UserFault
from connector.state.runs import Run
from connector.state.tables import metadata
from tests.behaviour.app.letter_desk import LetterDesk
from tests.support.both_platforms import Platforms, over

pytestmark = pytest.mark.timeout(300)
CATALOGUE = {"flow__customer": "off", "flow__customer_group": "off", "flow__order": "off"}
RULES = "[to_sparklayer.product.compute]\ntitle = 'upper(title)'\n"


@pytest.fixture
async def both(desk: LetterDesk) -> AsyncIterator[Platforms]:
    platforms = over(desk.core)
    yield platforms
    assert platforms.store_app.state.journal.violations == []


async def announced(both: Platforms, **options: Any) -> tuple[DryRun, list[Change]]:
    """A dry run; nothing is written meanwhile, to no platform and to no table that matters."""
    writes, state = both.writes, await rows_of(both)
    changes: list[Change] = []
    found = await dry_run(both.core, "acme", say=changes.append, transport=both.transport, **options)
    assert both.writes == writes
    assert await rows_of(both) == state
    assert (found.created, found.changed, found.removed) == tuple(
        Counter(change.act for change in changes)[act] for act in ("create", "change", "remove")
    )
    return found, changes


async def rows_of(both: Platforms) -> dict[str, int]:
    """How many rows every table has; tokens and budgets belong to the calls."""
    async with both.core.database.read() as transaction:
        return {
            table.name: (await transaction.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
            for table in metadata.sorted_tables
            if table.name not in {"tokens", "budgets"}
        }


async def synced(both: Platforms, **asked: Any) -> Run:
    """The same sync, done."""
    request: dict[str, Any] = {"entities": (), "full": True, "requested_by": "test", **asked}
    run = await both.core.runs.request("acme", **request)
    async with started(both.core, frozenset({"producers", "intake", "appliers"}), both.transport) as service:
        working = asyncio.create_task(service.run())
        while not (run := await both.core.runs.get(run.id)).over:
            assert not working.done(), working.exception()
            await asyncio.sleep(0.05)
        working.cancel()
        await asyncio.wait([working])
    assert run.state == "done", run.message
    return run


def acts(changes: list[Change]) -> list[tuple[str, str]]:
    return sorted((change.act, change.what) for change in changes)


async def test_what_was_announced_is_what_happens(both: Platforms) -> None:
    await both.add(**CATALOGUE)
    first = both.product("A-1", item_name="Rope")
    second = both.product("B-1", item_name="Twine")
    found, changes = await announced(both)
    assert found.refused == []
    assert found.undecided == 0
    assert ("create", f"products {first}") in acts(changes)
    assert ("create", f"products {second}") in acts(changes)
    assert {what for _, what in acts(changes)} >= {"stock of A-1 at default", "price of A-1 in sp-base-usd"}
    assert found.calls["sparkpay"] > 0
    assert found.calls["sparklayer"] > 0
    before = both.writes["sparklayer"]
    await synced(both)
    done = Counter(both.writes["sparklayer"]) - Counter(before)
    assert sum(count for write, count in done.items() if write == "POST /api/v1/products") == 2
    found, changes = await announced(both)
    assert changes == []
    # What changes next is announced with its old and its new value.
    both.store.update("products", first, item_name="Strong rope", price=6)
    found, changes = await announced(both)
    (title,) = [change for change in changes if change.what == f"products/{first}"]
    assert title.act == "change"
    assert ("title", "Rope", "Strong rope") in [(field.name, field.old, field.new) for field in title.fields]
    prices = [change for change in changes if change.what.startswith("price of A-1")]
    assert {change.act for change in prices} == {"change"}
    assert len(changes) == 1 + len(prices)
    writes = len(both.writes["sparklayer"])
    await synced(both)
    assert len(both.writes["sparklayer"]) == writes + 2
    found, changes = await announced(both)
    assert changes == []


async def test_a_product_that_goes_is_announced_as_removed_and_a_refusal_by_name(both: Platforms) -> None:
    await both.add(**CATALOGUE)
    first, _ = both.product("A-1"), both.product("B-1")
    await synced(both)
    both.store.delete("products", first)
    nameless = both.product("", item_name="No number")
    found, changes = await announced(both)
    assert ("remove", f"products/{first}") in acts(changes)
    assert [(one.key, one.code) for one in found.refused] == [(f"sparkpay:{nameless}", "sku_missing")]


async def test_what_is_on_the_site_already_is_not_announced_although_nothing_is_remembered(both: Platforms) -> None:
    await both.add(**CATALOGUE)
    both.product("A-1")
    await synced(both)
    await both.core.connections.remove("acme")
    await both.add(**CATALOGUE)
    found, changes = await announced(both)
    assert changes == []
    assert found.undecided == 0


async def test_a_new_field_mapping_is_announced_and_applied_without_reading_the_store(both: Platforms) -> None:
    await both.add(**CATALOGUE)
    id_ = both.product("A-1", item_name="Rope")
    await synced(both)
    await both.remap(RULES)
    before = both.writes["sparklayer"]
    calls = len(both.store_app.state.journal.since(0))
    async with started(both.core, frozenset({"appliers"}), both.transport) as service:
        working = asyncio.create_task(service.run())
        while (len(both.writes["sparklayer"]) == len(before)) or await both.core.inbox.busy("acme"):
            await asyncio.sleep(0.05)
        working.cancel()
        await asyncio.wait([working])
    assert both.writes["sparklayer"][len(before) :] == [f"PATCH /api/v1/products/{id_}"]
    assert len(both.store_app.state.journal.since(0)) == calls


async def test_a_dry_run_of_a_choice_tells_of_nothing_else(both: Platforms) -> None:
    await both.add(**CATALOGUE)
    first, second = both.product("A-1", item_name="Rope"), both.product("B-1", item_name="Twine")
    _, changes = await announced(both, choice=Choice(ids=(second,)))
    assert {change.what for change in changes if change.what.startswith("products")} == {f"products {second}"}
    _, changes = await announced(both, choice=Choice(where="item_name=like:Rop"), entities=("product",))
    assert [change.what for change in changes] == [f"products {first}"]


async def test_people_and_orders_are_announced_in_both_directions(both: Platforms) -> None:
    await both.add()
    both.product("A-1", item_name="Rope")
    buyer = both.store.insert(
        "customers", email="ana@example.com", first_name="Ana", last_name="Ruiz", store_id=1, customer_type_id=1
    )["id"]
    both.store.insert(
        "addresses", customer_id=buyer, address_line_1="1 Oak St", city="Austin", country="United States", state="Texas"
    )
    found, changes = await announced(both)
    assert {("create", "customer-groups ct-1"), ("create", f"customers/platform/{buyer}")} <= set(acts(changes))
    assert found.refused == []
    assert found.undecided == 0
    await synced(both)
    _, changes = await announced(both)
    assert changes == []
    # Somebody buys: the order is announced for Spark Pay, and made there.
    (customer,) = both.site.customers.all()
    purchase = placed_order(both.site.dump(), customer, Random(3), at="2026-11-22T10:00:00.000Z")
    cart = purchase["purchase_identifiers"]["sparklayer"]
    both.site.purchases.put("sparklayer", cart, purchase)
    shown = await preview(both.core, "acme", "order", cart, source="sparklayer", transport=both.transport)
    (order,) = shown.entities
    assert order.key == f"sparklayer:{cart}"
    assert order.outcome == "taken by sparkpay"
    assert order.requests[0].method == "POST"
    found, changes = await announced(both)
    assert [change.act for change in changes if change.side == "sparkpay" and "orders" in change.what][:1] == ["create"]
    made = [one.path for one in order.requests]
    before = len(both.writes["sparkpay"])
    await synced(both)
    assert [write.split()[1].removeprefix("/api/v1") for write in both.writes["sparkpay"][before:]][: len(made)] == made
    assert len(both.store.dump()["orders"]) == 1


async def test_a_kind_that_does_not_flow_is_named(both: Platforms) -> None:
    await both.add(flow__order="off")
    with pytest.raises(UserFault, match="the flow of acme takes no order from either side"):
        await dry_run(both.core, "acme", say=print, entities=("order",), transport=both.transport)
