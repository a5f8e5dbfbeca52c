"""Orders to Spark Pay against the sandbox: placed once, whatever is lost on the way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.sandbox.faults import FaultRule
from contracts.entities import (
    Address,
    Cancellation,
    Customer,
    Destination,
    LineKind,
    Order,
    OrderCustomer,
    OrderKind,
    OrderLine,
    OrderStatus,
    Payment,
    PaymentMethod,
    Quantity,
    Shipment,
    Shipping,
    TaxLine,
    Totals,
    Tracking,
)
from handlers.outcome import A_WRITE, Applied, Failed, Outcome, Rejected, Waiting
from handlers.sparkpay import handlers
from tests.support.sparkpay_desk import StoreDesk

CART = "f5b1c2d4-8a57-4f0e-9b0e-2f8d3c6a1e90"
HERE = Address(line1="12 Oak St", city="Austin", region="TX", postal_code="78701", country="US", first_name="Ana")
THERE = Address(line1="9 Elm St", city="Austin", region="TX", postal_code="78701", country="US")
READY = ["GET /order_statuses", "GET /custom_fields", "POST /custom_fields"]
WHOLE = ["POST /orders/integration", "GET /orders"]


def line(id_: str = "l1", sku: str = "A-1", price: str = "10.1666", quantity: int = 3, **changes: Any) -> OrderLine:
    net = Decimal(price) * quantity
    fields = {"sku": sku, "name": f"Item {sku}", "unit_price": Decimal(price), "net": net}
    return OrderLine(id=id_, quantity=Decimal(quantity), **{**fields, **changes})


def order(*lines: OrderLine, **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "key": f"sparklayer:{CART}",
        "refs": {"sparklayer": CART},
        "status": OrderStatus.UNCONFIRMED,
        "placed_at": datetime(2026, 2, 3, 15, 4, 5, tzinfo=UTC),
        "currency": "USD",
        "customer": OrderCustomer(email="ana@roofers.example", first_name="Ana", last_name="Ruiz"),
        "billing": HERE,
        "destinations": (Destination(id="1", address=THERE),),
        "lines": lines or (line(), line("l2", "B-2-R", "5.00", 2)),
        "shipping": Shipping(method="Ground", net=Decimal(12)),
        "taxes": (TaxLine(title="Tax", amount=Decimal("3.50")),),
        "totals": Totals(grand=Decimal("56.00"), tax=Decimal("3.50")),
        "payment_method": PaymentMethod.ON_ACCOUNT,
        "net_days": 30,
        "customer_reference": "PO-7",
        "note": "Ring twice",
    }
    return Order(**{**fields, **changes})


def stocked(desk: StoreDesk) -> StoreDesk:
    store = desk.store
    store.insert("stores", name="Shop")
    store.insert("product_statuses", name="In Stock")
    store.insert("categories", name="Tools")
    common = {"product_status_id": 1, "primary_category_id": 1}
    store.insert("products", item_number="A-1", item_name="Hinge", price=Decimal(20), **common)
    store.insert("products", item_number="B-2", item_name="Bolt", price=Decimal(5), **common)
    store.insert("variant_inventory", product_id=2, item_number="B-2-R")
    store.insert("customers", email="ana@roofers.example", store_id=1)
    store.insert("order_statuses", name="Quote", is_quote_status=True)
    store.insert("order_statuses", name="Fresh", is_open=True)
    store.insert("order_statuses", name="Gone", is_shipped=True)
    store.insert("order_statuses", name="Off", is_cancelled=True)
    return desk


@pytest.fixture
async def desk() -> AsyncIterator[StoreDesk]:
    made = stocked(StoreDesk())
    yield made
    assert made.violations() == []


@pytest.fixture
async def plain() -> AsyncIterator[StoreDesk]:
    """A store without integration routes."""
    made = stocked(StoreDesk(policy={"integration_routes": False}))
    yield made
    assert made.violations() == []


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def the_order(desk: StoreDesk) -> dict[str, Any]:
    (row,) = desk.store.rows("orders")
    return row


def facts(desk: StoreDesk) -> dict[str, Any]:
    """Everything about the one order that matters."""
    row = the_order(desk)
    items = [(item["item_number"], item["quantity"], item["price"]) for item in desk.store.rows("order_items")]
    values = [value["value"] for value in desk.store.rows("custom_field_values")]
    return {
        "number": row["order_number"], "status": row["order_status_id"], "customer": row["customer_id"],
        "grand": row["grand_total"], "items": sorted(items), "payments": len(desk.store.rows("order_payments")),
        "fields": sorted(values),
    }  # fmt: skip


WANTED = {
    "number": "SL-F5B1C2D48A57", "status": 2, "customer": 1, "grand": Decimal("56.00"),
    "items": [("A-1", 3, Decimal("10.1666")), ("B-2-R", 2, Decimal("5.00"))], "payments": 1, "fields": ["PO-7", CART],
}  # fmt: skip


async def test_an_order_is_two_calls(desk: StoreDesk) -> None:
    outcome = only(await desk.apply(order()))
    assert isinstance(outcome, Applied)
    assert outcome.refs == {"sparkpay": str(the_order(desk)["id"])}
    fields = ["GET /custom_fields", "POST /custom_fields"] * 2
    assert desk.calls() == ["GET /order_statuses", *fields, *WHOLE]
    assert facts(desk) == WANTED
    row = the_order(desk)
    assert (row["tax_total"], row["shipping_total"], row["public_comments"]) == (Decimal("3.50"), 12, "Ring twice")
    assert "30 days net" in str(row["admin_comments"])
    places = {place["id"]: place for place in desk.store.rows("order_addresses")}
    assert places[row["order_shipping_address_id"]]["address_line_1"] == "9 Elm St"
    assert places[row["order_billing_address_id"]]["state"] == "Texas"
    await desk.apply(order(key="sparklayer:other", refs={"sparklayer": "other"}))
    assert desk.calls() == WHOLE


async def test_the_same_again_is_no_call(desk: StoreDesk) -> None:
    await desk.apply(order())
    desk.calls()
    outcome = only(await desk.apply(order()))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    assert desk.calls() == []


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "timeout", "cut_json"])
async def test_a_lost_reply_places_nothing_twice(desk: StoreDesk, kind: Any) -> None:
    desk.faults.add(FaultRule(kind=kind, method="POST", path="*/orders/integration"))
    first = only(await desk.apply(order()))
    assert isinstance(first, Failed)
    assert first.uncertain
    assert first.retry_after == 5.0
    desk.restart()
    assert isinstance(only(await desk.run("order", order().key)), Applied)
    assert facts(desk) == WANTED


@pytest.mark.parametrize("number", range(12))
async def test_a_crash_at_any_call_leaves_one_whole_order(plain: StoreDesk, number: int) -> None:
    """In a store without integration routes: each call in turn is applied and its answer lost, then all starts anew."""
    writes = ["*/order_addresses", "*/orders", "*/order_items", "*/order_payments", "*/custom_field_values"]
    plain.faults.add(
        FaultRule(kind="drop_after", method="POST", path=writes[number % len(writes)], times=1 + number // 5)
    )
    key = order().key
    outcome = only(await plain.apply(order()))
    for attempt in range(1, 6):
        if isinstance(outcome, Applied):
            break
        assert isinstance(outcome, Failed)
        plain.restart()
        (outcome,) = await plain.run("order", key, attempts=attempt)
    assert isinstance(outcome, Applied)
    assert facts(plain) == WANTED


async def test_a_store_without_integration_routes_costs_the_rows(plain: StoreDesk) -> None:
    await plain.apply(order())
    plain.calls()
    await plain.apply(order(key="sparklayer:other", refs={"sparklayer": "other"}, customer_reference=None))
    assert plain.calls() == [
        "GET /customers",
        "POST /order_addresses",
        "POST /order_addresses",
        "POST /orders",
        "GET /variant_inventory",
        "GET /products",
        "POST /order_items",
        "POST /order_items",
        "POST /order_payments",
        "POST /custom_field_values",
        "GET /orders",
    ]


async def test_an_order_that_was_posted_twice_loses_its_double_lines(desk: StoreDesk) -> None:
    await desk.apply(order())
    row = the_order(desk)
    for item in desk.store.rows("order_items"):
        desk.store.insert(
            "order_items", **{k: v for k, v in item.items() if k not in ("id", "created_at", "updated_at")}
        )
    desk.store.insert("order_payments", order_id=row["id"], customer_id=1, amount=Decimal(56))
    desk.rows["order", order().key].ledger = {}
    desk.rows["order", order().key].applied_hash = None
    assert isinstance(only(await desk.run("order", order().key)), Applied)
    assert facts(desk) == WANTED


async def test_a_number_that_the_store_has_twice_is_nobodys_guess(desk: StoreDesk) -> None:
    for _ in range(2):
        desk.store.insert("orders", customer_id=1, order_status_id=2, order_number="SL-F5B1C2D48A57")
    await desk.intents.first("order", order().key, "create")
    outcome = only(await desk.apply(order()))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "order_ambiguous"
    assert len(desk.store.rows("orders")) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lines": ()}, "order_empty"),
        ({"lines": (line(unit_price=None),)}, "price_missing"),
        ({"lines": (line(sku=None),)}, "sku_missing"),
        ({"lines": (OrderLine(id="l", sku="A", quantity=Decimal("1.5"), unit_price=Decimal(1), net=Decimal(2)),)},
         "quantity_invalid"),
        ({"customer": OrderCustomer()}, "email_missing"),
    ],
)  # fmt: skip
async def test_never_an_order_with_a_guess(desk: StoreDesk, changes: dict[str, Any], code: str) -> None:
    outcome = only(await desk.apply(order(**changes)))
    assert isinstance(outcome, Rejected)
    assert outcome.code == code
    assert desk.store.rows("orders") == []


async def test_a_new_customer_is_made_with_the_order(plain: StoreDesk, desk: StoreDesk) -> None:
    who = OrderCustomer(email="new@x.example", first_name="Neo", last_name="Ko", company="K")
    for store in (plain, desk):
        await store.apply(order(customer=who))
        assert [row["email"] for row in store.store.rows("customers")] == ["ana@roofers.example", "new@x.example"]
        assert the_order(store)["customer_id"] == 2


async def test_an_email_that_two_customers_have_is_not_guessed_at(plain: StoreDesk) -> None:
    plain.store.insert("customers", email="ANA@roofers.example", store_id=1)
    outcome = only(await plain.apply(order()))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "customer_ambiguous"


async def test_the_status_of_a_payment_method_is_configured(desk: StoreDesk) -> None:
    desk.settings = desk.settings.with_values({"orders.new_status_id": '{"on-account": 1}'})
    await desk.apply(order())
    assert the_order(desk)["order_status_id"] == 1


async def test_a_store_without_a_fitting_status_stops_the_side(desk: StoreDesk) -> None:
    desk.settings = desk.settings.with_values({"orders.new_status_id": '{"on-account": 99}'})
    outcome = only(await desk.apply(order()))
    assert isinstance(outcome, Failed)
    assert outcome.pause
    assert "no order status 99" in outcome.message
    desk.store.insert("order_statuses", id=99, name="On account", is_open=True)
    assert isinstance(only(await desk.run("order", order().key)), Applied), "it is looked for again"


async def test_discounts_and_fees_are_sums_of_the_order_and_count_once(desk: StoreDesk, plain: StoreDesk) -> None:
    coupon = OrderLine(id="d", kind=LineKind.DISCOUNT, name="Coupon", quantity=Decimal(1), net=Decimal("-5.00"))
    fee = OrderLine(id="f", kind=LineKind.FEE, name="Pallet", quantity=Decimal(1), net=Decimal("2.50"))
    for store in (desk, plain):
        assert isinstance(only(await store.apply(order(line(), coupon, fee))), Applied)
        assert [item["item_name"] for item in store.store.rows("order_items")] == ["Item A-1"]
        row = the_order(store)
        assert (row["discount_total"], row["additional_fees"]) == (Decimal("5.00"), Decimal("2.50"))
        assert "Coupon: -5" in str(row["admin_comments"])


async def test_a_discount_of_a_line_is_in_its_price(desk: StoreDesk) -> None:
    reduced = line(quantity=4, net=Decimal(30), discount=Decimal("10.6664"))
    await desk.apply(order(reduced))
    (item,) = desk.store.rows("order_items")
    assert (item["price"], item["quantity"]) == (Decimal("7.5"), 4)


async def test_twenty_lines_two_addresses_and_a_payment_are_two_calls(desk: StoreDesk) -> None:
    await desk.apply(order())
    desk.calls()
    lines = [line(f"l{number}", f"S-{number}") for number in range(20)]
    await desk.apply(order(*lines, key="sparklayer:other", refs={"sparklayer": "other"}))
    assert desk.calls() == WHOLE


async def test_a_quote_is_an_order_that_nobody_pays_yet(desk: StoreDesk) -> None:
    await desk.apply(order(kind=OrderKind.QUOTE))
    row = the_order(desk)
    assert (row["order_type"], row["order_status_id"], desk.store.rows("order_payments")) == ("Quote", 1, [])
    desk.calls()
    desk.forget()
    assert only(await desk.run("order", order().key)).unchanged  # type: ignore[union-attr]
    assert desk.calls() == ["GET /orders"]


async def test_payments_of_another_service_are_kept_apart(desk: StoreDesk, plain: StoreDesk) -> None:
    told = (
        Payment(id="1", name="Deposit", amount=Decimal(20), paid=True, reference="R-1"),
        Payment(id="2", amount=Decimal(36)),
        Payment(id="3", amount=Decimal(9), void=True),
    )
    for store in (desk, plain):
        await store.apply(order(payments=told))
        found = [
            (row["payment_ref_num"], row["amount"], row["is_captured"]) for row in store.store.rows("order_payments")
        ]
        assert found == [("R-1", 20, True), ("SL-F5B1C2D48A57/2", 36, False)]


async def test_the_customer_is_the_one_that_is_known_whatever_the_email_says(desk: StoreDesk) -> None:
    desk.store.insert("customers", email="moved@x.example", store_id=1)
    desk.known.there("customer", "sparklayer:cu_1", sparkpay="2")
    await desk.apply(order(customer=OrderCustomer(key="sparklayer:cu_1", email="ana@roofers.example")))
    assert the_order(desk)["customer_id"] == 2
    nameless = OrderCustomer(key="sparkpay:2")
    await desk.apply(order(key="sparklayer:other", refs={"sparklayer": "other"}, customer=nameless))
    assert [row["customer_id"] for row in desk.store.rows("orders")] == [2, 2]


async def test_a_customer_and_an_order_of_one_new_email_make_one_customer(plain: StoreDesk) -> None:
    who = OrderCustomer(email="neo@x.example")
    person = Customer(key="sparklayer:cu_9", email="NEO@x.example", first_name="Neo")
    await asyncio.gather(plain.apply(order(customer=who)), plain.apply(person))
    assert [row["email"].lower() for row in plain.store.rows("customers")] == ["ana@roofers.example", "neo@x.example"]


async def test_an_order_number_that_the_store_has_already_is_that_order(desk: StoreDesk) -> None:
    desk.store.insert("orders", customer_id=1, order_status_id=2, order_number="A-4711")
    outcome = only(await desk.apply(order(key="erp:4711", refs={"erp": "4711"}, number="A-4711")))
    assert isinstance(outcome, Applied)
    assert (outcome.refs, outcome.unchanged) == ({"sparkpay": "1"}, True)
    assert desk.store.rows("order_items") == []


async def test_an_order_of_the_store_is_looked_at_before_it_is_moved(desk: StoreDesk) -> None:
    """A status that is there already is not set again: it would write to the customer once more."""
    id_ = desk.store.add("orders", {"customer_id": 1, "order_status_id": 3})
    desk.store.add("order_shipments", {"order_id": id_, "shipment_name": "1", "tracking_numbers": "1Z"})
    parcel = Shipment(id="77", tracking=(Tracking(number="1Z"),))
    own = Shipment(id="sh-1")
    known = order(
        key=f"sparkpay:{id_}", refs={}, status=OrderStatus.SHIPPED,
        shipments=(parcel, own, Shipment(id="status-shipped")),
    )  # fmt: skip
    outcome = only(await desk.apply(known))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    assert len(desk.store.rows("order_shipments")) == 1
    desk.calls()
    await desk.apply(known.model_copy(update={"status": OrderStatus.CANCELLED}))
    assert desk.calls() == ["PUT /orders/{id}/status"]


async def test_what_is_taken_back_in_part_is_written_down_once(desk: StoreDesk) -> None:
    await desk.apply(order())
    gone = Cancellation(id="c", lines=(Quantity(line="l2", quantity=Decimal(1)),), reason="sold out")
    desk.calls()
    await desk.apply(order(cancellations=(gone,)))
    assert desk.calls() == ["GET /orders/{id}", "PUT /orders/{id}"]
    comments = str(the_order(desk)["admin_comments"])
    assert "Purchase order number: PO-7" in comments
    assert comments.endswith("Cancelled: 1 x B-2-R (sold out)")
    desk.calls()
    await desk.apply(order(cancellations=(gone,), note="Changed"))
    assert desk.calls() == []


async def test_an_order_that_the_store_lost_is_not_placed_again(desk: StoreDesk) -> None:
    outcome = only(await desk.apply(order(refs={"sparklayer": CART, "sparkpay": "99"})))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "order_gone"


async def test_in_doubt_it_looks_and_a_mere_look_writes_nothing(desk: StoreDesk) -> None:
    sent = Shipment(id="77", tracking=(Tracking(number="1Z"),))
    await desk.apply(order(status=OrderStatus.SHIPPED, shipments=(sent,)))
    before = facts(desk)
    desk.handlers = handlers(desk.client, look_only=True)
    desk.intents.marks.clear()
    desk.forget()
    desk.calls()
    outcome = only(await desk.run("order", order().key))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    desk.put("order", order(status=OrderStatus.SHIPPED, refs={"sparklayer": CART, "sparkpay": "1"}, shipments=(sent,)))
    desk.forget()
    known = only(await desk.run("order", order().key))
    assert isinstance(known, Applied)
    assert known.unchanged
    missing = order(key="sparklayer:other", refs={"sparklayer": "other"})
    absent = only(await desk.apply(missing))
    assert isinstance(absent, Waiting)
    assert absent.for_ == A_WRITE
    assert {call for call in desk.calls() if not call.startswith("GET")} == set()
    assert facts(desk) == before


async def test_an_erp_ships_and_cancels(desk: StoreDesk) -> None:
    await desk.apply(order())
    sent = Shipment(
        id="77",
        at=datetime(2026, 2, 5, tzinfo=UTC),
        tracking=(Tracking(carrier="UPS", number="1Z", url="https://x.example/1Z"),),
        lines=(Quantity(line="l1", quantity=Decimal(2)),),
    )
    desk.calls()
    await desk.apply(order(status=OrderStatus.SHIPPED, shipments=(sent,)))
    assert desk.calls() == ["POST /order_shipments", "PUT /orders/{id}/status"]
    (row,) = desk.store.rows("order_shipments")
    assert (row["shipment_name"], row["tracking_numbers"], row["items"]) == (
        "SL-77", "1Z", ({"id": 1, "quantity_shipped": 2},),
    )  # fmt: skip
    assert the_order(desk)["order_status_id"] == 3
    await desk.apply(order(status=OrderStatus.CANCELLED, shipments=(sent,)))
    assert desk.calls() == ["PUT /orders/{id}/status"]
    assert the_order(desk)["order_status_id"] == 4


async def test_a_shipment_whose_reply_was_lost_is_sent_once(desk: StoreDesk) -> None:
    await desk.apply(order())
    desk.faults.add(FaultRule(kind="drop_after", method="POST", path="*/order_shipments"))
    shipped = order(shipments=(Shipment(id="77"),))
    assert isinstance(only(await desk.apply(shipped)), Failed)
    assert isinstance(only(await desk.run("order", shipped.key)), Applied)
    assert len(desk.store.rows("order_shipments")) == 1


async def test_an_order_of_the_store_itself_is_not_placed_again(desk: StoreDesk) -> None:
    id_ = desk.store.add("orders", {"customer_id": 1, "order_status_id": 2})
    known = order(key=f"sparkpay:{id_}", refs={"sparkpay": str(id_)}, status=OrderStatus.OPEN)
    outcome = only(await desk.apply(known))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    assert len(desk.store.rows("orders")) == 1
    assert isinstance(await desk.delete("order", known.key), Applied)
    assert len(desk.store.rows("orders")) == 1


async def test_another_services_order_goes_by_its_own_number(desk: StoreDesk) -> None:
    await desk.apply(order(key="erp:4711", refs={"erp": "4711"}, number="A-4711"))
    assert the_order(desk)["order_number"] == "A-4711"
    assert [value["value"] for value in desk.store.rows("custom_field_values")] == ["PO-7"]
