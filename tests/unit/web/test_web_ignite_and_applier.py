"""What Ignite makes and what the applier of the same store makes of the purchases and customers it is told: one thing.

Each test goes through the handlers that the service gives an applier where Ignite may be called.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.app.ignite_checkout import IgniteCheckout
from connector.app.ignite_turns import in_turn, turn_of
from connector.sandbox.sparkpay import FaultRule
from connector.sparklayer.mapping.purchase import cart_of
from connector.web.ignite.checkout import checkout_of
from connector.web.ignite.models import CheckoutBody
from contracts.entities import Customer, Order
from handlers import sparkpay as to_sparkpay
from handlers.outcome import Applied, Context, Failed, Handler, Outcome, Task
from tests.unit.web.ignite_town import Town, ignite_town, joined
from tests.unit.web.test_web_ignite_customers import ANA, cart, made


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async for found in ignite_town(tmp_path):
        await joined(found, flow__customer="both")
        yield found


class Applying:
    """An applier of the store, as far as its handlers go."""

    def __init__(self, town: Town, handlers: Mapping[str, Handler], context: Context) -> None:
        self.town, self.handlers, self.context = town, handlers, context

    async def apply(self, entity: Customer | Order, **more: Any) -> Outcome:
        kind = "order" if isinstance(entity, Order) else "customer"
        (outcome,) = await self.handlers[kind].apply([Task("tools", entity.key, entity, **more)], self.context)
        return outcome


async def applying(town: Town) -> Applying:
    desk = await town.site.service.desks.of(await town.core.connections.get("tools"))
    handlers = in_turn(to_sparkpay.handlers(desk.client), town.core.turns, "tools")
    return Applying(town, handlers, desk.context())


async def ordered(town: Town, body: Mapping[str, Any]) -> Order:
    """The order of the cart under the key by which SparkLayer's list of purchases tells it."""
    desk = await town.site.service.desks.of(await town.core.connections.get("tools"))
    order = IgniteCheckout(desk).order_of(checkout_of(CheckoutBody.model_validate(body), json.dumps(body).encode()))
    assert order.key == f"sparklayer:{cart_of({'purchase_identifiers': {'sparklayer': body['cart_id']}})}"
    return order


async def test_an_order_that_ignite_has_made_is_not_made_again(town: Town) -> None:
    body = cart(await made(town))
    answer = await town.call("POST", "/checkout/complete", 201, json=body)
    applier = await applying(town)
    outcome = await applier.apply(await ordered(town, body))
    assert isinstance(outcome, Applied)
    assert outcome.refs == {"sparkpay": answer["external_id"]}
    assert len(town.store.rows("orders")) == 1
    assert len(town.store.rows("order_items")) == 2
    assert body["cart_id"] in [row["value"] for row in town.store.rows("custom_field_values")]  # so it is read as ours


async def test_an_order_that_the_applier_has_made_is_the_one_that_ignite_answers(town: Town) -> None:
    body = cart(await made(town))
    checkout = await ordered(town, body)
    outcome = await (await applying(town)).apply(checkout)
    assert isinstance(outcome, Applied)
    assert (await town.call("POST", "/checkout/complete", 201, json=body))["external_id"] == outcome.refs["sparkpay"]
    assert len(town.store.rows("orders")) == 1


async def test_both_at_once_make_one_order(town: Town) -> None:
    body = cart(await made(town))
    applier, checkout = await applying(town), await ordered(town, body)
    answer, *outcomes = await asyncio.gather(
        town.call("POST", "/checkout/complete", 201, json=body),
        *(applier.apply(checkout) for _ in range(3)),
    )
    assert {outcome.refs["sparkpay"] for outcome in outcomes if isinstance(outcome, Applied)} == {answer["external_id"]}
    assert len(town.store.rows("orders")) == 1
    assert len(town.store.rows("order_items")) == 2


async def test_both_at_once_make_one_customer(town: Town) -> None:
    applier = await applying(town)
    customer = Customer(key="sparklayer:cu-1", email=ANA["email"].upper(), first_name="Ana", last_name="Ruiz")
    id_, *outcomes = await asyncio.gather(made(town), *(applier.apply(customer) for _ in range(3)))
    assert {outcome.refs["sparkpay"] for outcome in outcomes if isinstance(outcome, Applied)} == {id_}
    assert len(town.customers()) == 1


async def test_a_turn_that_another_process_keeps_is_tried_again_later(town: Town) -> None:
    body = cart(await made(town))
    checkout = await ordered(town, body)
    other = type(town.core.turns)(town.core.database, town.core.clock)
    async with other.taken("tools", f"cart:{body['cart_id']}", 1.0):
        outcome = await (await applying(town)).apply(checkout)
    assert isinstance(outcome, Failed)
    assert not outcome.target
    assert town.store.rows("orders") == []


async def test_what_failed_leaves_the_turn(town: Town) -> None:
    body = cart(await made(town))
    checkout, applier = await ordered(town, body), await applying(town)
    town.shop.state.faults.add(FaultRule("status", method="POST", path="*/orders/integration", status=503))
    assert isinstance(await applier.apply(checkout), Failed)
    town.shop.state.faults.clear()
    assert isinstance(await applier.apply(checkout), Applied)
    assert len(town.store.rows("orders")) == 1


def test_only_what_may_have_to_be_made_takes_a_turn() -> None:
    customer = Customer(key="sparklayer:cu-1", email="Ana@Trade.example ")
    again = customer.model_copy(update={"refs": {"sparkpay": "5"}})
    assert turn_of(Task("c", "sparklayer:cu-1", None)) is None
    assert turn_of(Task("c", "sparklayer:cu-1", again)) is None
    assert turn_of(Task("c", "sparklayer:cu-1", customer, ledger={"customer_id": 5})) is None
    name = turn_of(Task("c", "sparklayer:cu-1", customer))
    assert name is not None
    assert "trade" not in name
    assert name == turn_of(Task("c", "x", customer.model_copy(update={"email": "ana@trade.example"})))
