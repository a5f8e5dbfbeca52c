"""Orders to SparkLayer, as purchases and through the older interface, against the sandbox."""

from collections.abc import Callable
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
    Invoice,
    LineKind,
    Order,
    OrderCustomer,
    OrderKind,
    OrderLine,
    OrderStatus,
    PaymentMethod,
    Quantity,
    Return,
    Shipment,
    Shipping,
    TaxLine,
    Totals,
    Tracking,
)
from handlers.outcome import Applied, Failed, Outcome, Rejected, Waiting
from tests.support.handler_desk import Desk

PUT = "PUT /api/v1/purchases/{lookupBy}/{identifier}"
GET = "GET /api/v1/purchases/{lookupBy}/{identifier}"
ORDERS = "/api/v1/orders"
HERE = Address(line1="12 Oak St", city="Austin", region="TX", postal_code="78701", country="US")


def item(id_: str = "9001", quantity: int = 3, **changes: Any) -> OrderLine:
    fields = {"sku": "ROPE", "name": "Rope", "net": Decimal("300.00"), "tax": Decimal("24.75")}
    return OrderLine(id=id_, quantity=Decimal(quantity), **{**fields, **changes})


def order(*lines: OrderLine, **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "key": "sparkpay:100020",
        "refs": {"sparkpay": "100020"},
        "number": "100020",
        "placed_at": datetime(2026, 2, 3, 15, 4, 5, tzinfo=UTC),
        "currency": "USD",
        "customer": OrderCustomer(key="sparkpay:5012"),
        "billing": HERE,
        "destinations": (Destination(id="71", address=HERE),),
        "lines": lines or (item(),),
        "shipping": Shipping(method="Ground", net=Decimal(12)),
        "taxes": (TaxLine(title="Tax", amount=Decimal("24.75")),),
        "totals": Totals(grand=Decimal("336.75"), tax=Decimal("24.75"), paid=Decimal(0)),
    }
    return Order(**{**fields, **changes})


async def with_customer(desk: Desk) -> Desk:
    desk.settings = desk.settings.with_b2b_types("all")
    (outcome,) = await desk.apply(
        Customer(key="sparkpay:5012", email="ana@x.example", first_name="Ana", last_name="Ruiz", group="base")
    )
    assert isinstance(outcome, Applied)
    desk.calls()
    return desk


@pytest.fixture
async def desk(desk_of: Callable[..., Desk]) -> Desk:
    return await with_customer(desk_of())


@pytest.fixture
async def old(desk_of: Callable[..., Desk]) -> Desk:
    return await with_customer(desk_of(orders__api="orders_v1"))


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def purchase(desk: Desk, look_up: str = "platform", key: str = "100020") -> dict[str, Any]:
    found = desk.site.purchases.find(look_up, key)
    assert found is not None
    return found


def money(number: str) -> dict[str, str]:
    return {"number": number, "currency": "usd"}


async def test_an_order_is_one_call(desk: Desk) -> None:
    placed = order(customer_reference="PO-1", payment_method=PaymentMethod.ON_ACCOUNT, net_days=30)
    assert isinstance(only(await desk.apply(placed)), Applied)
    assert desk.calls() == [PUT]
    found = purchase(desk)
    assert found["type"] == "order"
    assert found["purchase_identifiers"] == {"platform": "100020", "visible": "100020"}
    assert found["customer_identifiers"] == {"sparklayer": desk.site.customers.all()[0]["legacy_id"]}
    assert found["dates"]["placed"] == "2026-02-03T15:04:05.000000Z"
    (package,) = found["packages"]
    assert package["shipping_method"] == {"name": "Ground", "line_total": {"total_net": money("12.00")}}
    assert package["shipping_address"]["region_code"] == "TX"
    assert package["line_items"] == [
        {
            "identifiers": {"sku": "ROPE", "platform": "9001"},
            "name_parent": "Rope",
            "quantity": 3,
            "line_total": {
                "total_net": money("300.00"), "total_tax": money("24.75"), "total_gross": money("324.75"),
            },
        }
    ]  # fmt: skip
    assert found["custom_fields"] == [{"name": "customer_reference", "value": "PO-1"}]
    assert found["metadata"] == [
        {"name": "payment_method", "value": "paymentOnAccount"},
        {"name": "net_terms", "value": "30_days"},
    ]


async def test_nothing_new_is_no_call(desk: Desk) -> None:
    await desk.apply(order())
    desk.calls()
    outcome = only(await desk.apply(order()))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    assert desk.calls() == []


async def test_shipments_are_packages_and_the_rest_stays_open(desk: Desk) -> None:
    sent = Shipment(
        id="sh-1",
        at=datetime(2026, 2, 4, tzinfo=UTC),
        tracking=(Tracking(carrier="UPS", number="1Z9", url="https://x.example/1Z9"),),
        lines=(Quantity(line="9001", quantity=Decimal(2)),),
    )
    await desk.apply(order(status=OrderStatus.PARTIALLY_SHIPPED, shipments=(sent,)))
    shipped, rest = purchase(desk)["packages"]
    assert shipped["identifiers"] == {"platform": "sh-1"}
    assert shipped["shipments"] == [
        {"carrier": "UPS", "carrier_id": "1Z9", "url": "https://x.example/1Z9",
         "shipped_at": "2026-02-04T00:00:00.000000Z"}
    ]  # fmt: skip
    assert [package["line_items"][0]["quantity"] for package in (shipped, rest)] == [2, 1]
    nets = [package["line_items"][0]["line_total"]["total_net"]["number"] for package in (shipped, rest)]
    assert nets == ["200.00", "100.00"]


async def test_the_pennies_of_a_part_add_up(desk: Desk) -> None:
    sent = Shipment(id="sh-1", lines=(Quantity(line="9001", quantity=Decimal(1)),))
    await desk.apply(order(item(net=Decimal("100.00"), tax=Decimal("10.01")), shipments=(sent,)))
    totals = [package["line_items"][0]["line_total"] for package in purchase(desk)["packages"]]
    assert [total["total_net"]["number"] for total in totals] == ["33.33", "66.67"]
    assert sum(Decimal(total["total_tax"]["number"]) for total in totals) == Decimal("10.01")


async def test_cancelled_pieces_leave_the_package_while_the_word_for_them_is_not_known(desk: Desk) -> None:
    gone = Cancellation(id="c", lines=(Quantity(line="9001", quantity=Decimal(1)),))
    await desk.apply(order(cancellations=(gone,)))
    found = purchase(desk)
    assert [package["line_items"][0]["quantity"] for package in found["packages"]] == [2]
    assert {"name": "cancelled", "value": '{"ROPE": "1"}'} in found["metadata"]


async def test_cancelled_and_returned_packages_where_the_words_are_set(desk_of: Callable[..., Desk]) -> None:
    words = '{"cancelled": "cancellation", "returned": "return", "shipped": "shipment"}'
    desk = await with_customer(desk_of(orders__package_types=words))
    await desk.apply(
        order(
            status=OrderStatus.REFUNDED,
            shipments=(Shipment(id="s", lines=(Quantity(line="9001", quantity=Decimal(2)),)),),
            cancellations=(Cancellation(id="c"),),
            returns=(Return(id="r", lines=None),),
        )
    )
    packages = purchase(desk)["packages"]
    assert [(package["type"], package["line_items"][0]["quantity"]) for package in packages] == [
        ("cancellation", 1),
        ("return", 2),
    ]


async def test_an_order_that_began_in_sparklayer_keeps_what_is_not_ours(desk: Desk) -> None:
    body: dict[str, Any] = {
        "type": "order_unconfirmed",
        "purchase_identifiers": {"sparklayer": "f5b1"},
        "customer_identifiers": {"sparklayer_sales_rep": "rep-1"},
        "packages": [
            {"line_items": [{
                "identifiers": {"sku": "ROPE"}, "name_parent": "Rope", "quantity": 3,
                "custom_attributes": [{"key": "cut", "value": "2 m"}],
                "line_total": {"total_net": money("300.00")},
            }]}
        ],
        "accounting_files": [],
        "custom_fields": [{"name": "project", "value": "roof"}, {"name": "customer_reference", "value": "old"}],
        "metadata": [{"name": "source", "value": 7}],
    }  # fmt: skip
    await desk.client.purchases.put("sparklayer", "f5b1", body)
    desk.calls()
    began = {"key": "sparklayer:f5b1", "refs": {"sparkpay": "100020", "sparklayer": "f5b1"}}
    await desk.apply(order(**began))
    assert desk.calls() == [GET, PUT]
    found = purchase(desk, "sparklayer", "f5b1")
    assert (found["type"], found["purchase_identifiers"]["platform"]) == ("order", "100020")
    assert found["customer_identifiers"]["sparklayer_sales_rep"] == "rep-1"
    assert found["packages"][0]["line_items"][0]["custom_attributes"] == [{"key": "cut", "value": "2 m"}]
    assert {"name": "project", "value": "roof"} in found["custom_fields"]
    assert {"name": "source", "value": 7} in found["metadata"]
    await desk.apply(order(**began, status=OrderStatus.SHIPPED, shipments=(Shipment(id="s"),)))
    assert desk.calls() == [PUT]
    assert purchase(desk, "sparklayer", "f5b1")["customer_identifiers"]["sparklayer_sales_rep"] == "rep-1"


async def test_an_order_waits_for_its_customer(desk: Desk) -> None:
    outcome = only(await desk.apply(order(customer=OrderCustomer(key="sparkpay:7"))))
    assert isinstance(outcome, Waiting)
    assert outcome.for_ == "customer:sparkpay:7"
    assert desk.calls() == []


async def test_no_lines_no_purchase(desk: Desk) -> None:
    fee = OrderLine(id="fee", kind=LineKind.FEE, quantity=Decimal(1), net=Decimal(3))
    outcome = only(await desk.apply(order(fee)))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "order_empty"


async def test_fees_and_discounts_are_lines_without_sku(desk: Desk) -> None:
    discount = OrderLine(id="d", kind=LineKind.DISCOUNT, name="Coupon", quantity=Decimal(1), net=Decimal("-5.00"))
    outcome = only(
        await desk.apply(order(item(), discount, totals=Totals(grand=Decimal("331.75"), tax=Decimal("24.75"))))
    )
    assert isinstance(outcome, Applied)
    assert outcome.skips == ()
    lines = purchase(desk)["packages"][0]["line_items"]
    assert [(line["name_parent"], "identifiers" in line) for line in lines] == [("Rope", True), ("Coupon", False)]


async def test_sums_that_differ_are_on_record(desk: Desk) -> None:
    outcome = only(await desk.apply(order(totals=Totals(grand=Decimal(400)))))
    assert isinstance(outcome, Applied)
    assert [(skip.code, skip.note) for skip in outcome.skips] == [("total_mismatch", True)]
    assert "come to 336.75, the order says 400" in outcome.skips[0].message


async def test_quotes_invoices_and_declined_orders(desk: Desk) -> None:
    await desk.apply(order(kind=OrderKind.QUOTE, invoices=(Invoice(number="R1", url="https://x.example/1"),)))
    found = purchase(desk)
    assert found["type"] == "quote"
    assert found["accounting_files"][0]["identifiers"] == {"visible": "R1"}
    declined = order(key="sparkpay:7", refs={"sparkpay": "7"}, status=OrderStatus.DECLINED)
    outcome = only(await desk.apply(declined))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    assert desk.site.purchases.find("platform", "7") is None


async def test_a_deleted_order_goes(desk: Desk) -> None:
    await desk.apply(order())
    assert isinstance(await desk.delete("order", "sparkpay:100020"), Applied)
    assert desk.site.purchases.all() == []


async def test_another_services_order_goes_by_its_key(desk: Desk) -> None:
    await desk.apply(order(key="erp:4711", refs={}, number="A-1"))
    assert purchase(desk, "internal", "erp:4711")["purchase_identifiers"]["visible"] == "A-1"


def states(desk: Desk) -> list[tuple[str, list[Decimal]]]:
    (found,) = desk.site.orders.all()
    return [(package["status"], [item["quantity"] for item in package["items"]]) for package in found["packages"]]


async def test_the_older_interface_creates_then_sends_only_what_is_new(old: Desk) -> None:
    await old.apply(order())
    assert old.calls() == [f"POST {ORDERS}"]
    (made,) = old.site.orders.all()
    assert (made["external_id"], made["spark_billing_chargeable"], made["packages"][0]["shipping_name"]) == (
        "100020", False, "Ground",
    )  # fmt: skip
    first = Shipment(id="sh-1", lines=(Quantity(line="9001", quantity=Decimal(2)),))
    await old.apply(order(status=OrderStatus.PARTIALLY_SHIPPED, shipments=(first,)))
    assert old.calls() == [f"GET {ORDERS}/{{id}}", f"POST {ORDERS}/{{id}}/ship"]
    assert states(old) == [("open", [1]), ("shipped", [2])]
    await old.apply(
        order(
            shipments=(first,), cancellations=(Cancellation(id="c"),), invoices=(Invoice(number="1", url="https://i"),)
        )
    )
    assert old.calls() == [f"GET {ORDERS}/{{id}}", f"POST {ORDERS}/{{id}}/cancel", f"PATCH {ORDERS}/{{id}}"]
    assert states(old) == [("shipped", [2]), ("cancelled", [1])]


async def test_a_lost_reply_ships_nothing_twice(old: Desk) -> None:
    await old.apply(order())
    old.faults.add(FaultRule(kind="drop_after", method="POST", path="*/ship"))
    first = Shipment(id="sh-1", lines=(Quantity(line="9001", quantity=Decimal(1)),))
    outcome = only(await old.apply(order(shipments=(first,))))
    assert isinstance(outcome, Failed)
    assert isinstance(only(await old.run("order", "sparkpay:100020", attempts=1)), Applied)
    assert states(old) == [("open", [2]), ("shipped", [1])]


async def test_a_lost_reply_creates_no_order_twice(old: Desk) -> None:
    old.faults.add(FaultRule(kind="drop_after", method="POST", path=ORDERS))
    assert isinstance(only(await old.apply(order())), Failed)
    assert isinstance(only(await old.run("order", "sparkpay:100020")), Applied)
    assert len(old.site.orders.all()) == 1


async def test_a_refunded_order_comes_back_whole(old: Desk) -> None:
    await old.apply(order())
    await old.apply(
        order(status=OrderStatus.REFUNDED, shipments=(Shipment(id="status-shipped"),), returns=(Return(id="r"),))
    )
    assert states(old) == [("returned", [3])]


async def test_an_old_order_is_one_call_with_all_that_happened(old: Desk) -> None:
    first = Shipment(id="sh-1", lines=(Quantity(line="9001", quantity=Decimal(2)),))
    await old.apply(order(shipments=(first,), cancellations=(Cancellation(id="c"),)))
    assert old.calls() == [f"POST {ORDERS}"]
    assert states(old) == [("shipped", [2]), ("cancelled", [1])]


async def test_a_deleted_order_is_cancelled_in_the_older_interface(old: Desk) -> None:
    await old.apply(order())
    assert isinstance(await old.delete("order", "sparkpay:100020"), Applied)
    assert states(old) == [("cancelled", [3])]
    quote = order(key="sparkpay:8", refs={"sparkpay": "8"}, kind=OrderKind.QUOTE)
    outcome = only(await old.apply(quote))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
