"""Orders as purchases, the older interface, and orders that were placed in SparkLayer: each difference is found."""

from collections.abc import Callable
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from trading_shop import CART, found, item, line, money, order, payment, placed, purchase, shipment, site, store

ORDERS = frozenset({"order"})
KEY = f"sparklayer:{CART}"
Change = Callable[[dict[str, Any]], object]


def orders(shop: dict[str, Any], there: dict[str, Any], **changes: Any) -> list[str]:
    """Fields that differ."""
    return [field for _, _, field in found(shop, there, kinds=ORDERS, **changes)]


def changed(change: Change) -> dict[str, Any]:
    row = deepcopy(purchase())
    change(row)
    return site(purchases=[row])


def package(row: dict[str, Any], at: int) -> dict[str, Any]:
    found_: dict[str, Any] = row["packages"][at]
    return found_


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda row: row["purchase_identifiers"].update(visible="100"), "visible id"),
        (lambda row: row["purchase_identifiers"].update(sparklayer=None), "sparklayer id"),
        (lambda row: row["purchase_identifiers"].update(platform=None), "platform id"),
        (lambda row: row["customer_identifiers"].update(sparklayer="cu_2"), "customer"),
        (lambda row: row.update(type="order_unconfirmed"), "type"),
        (lambda row: row["dates"].update(placed="2026-02-03T09:04:05Z"), "placed"),
        (lambda row: row.update(custom_fields=[]), "customer_reference"),
        (lambda row: row.update(metadata=[]), "payment_method"),
        (lambda row: row["metadata"].append({"name": "refund", "value": "partial"}), "metadata refund"),
        (lambda row: row["metadata"].append({"name": "cancelled", "value": "{}"}), "metadata cancelled"),
        (lambda row: row.update(total_paid=money("1")), "total_paid"),
        (lambda row: row["total_paid"].update(currency="eur"), "currencies"),
        (lambda row: row.update(tax_lines=[]), "tax"),
        (lambda row: row.update(accounting_files=[]), "accounting_files"),
        (lambda row: row["billing_address"].update(city="X"), "billing_address.city"),
        (lambda row: row["billing_address"].update(postal_code="2140"), "billing_address.postal_code"),
        (lambda row: row.update(billing_address=None), "billing_address.address_line1"),
        (lambda row: package(row, 0)["shipping_address"].update(region_code="TX"), "shipping_address.region_code"),
        (lambda row: package(row, 1)["shipping_address"].update(phone=None), "shipping_address.phone"),
        (lambda row: package(row, 0)["shipping_method"].update(name="DHL"), "shipping method"),
        (lambda row: package(row, 0)["shipping_method"]["line_total"].update(total_net=money("1")), "shipping"),
        (lambda row: package(row, 0)["line_items"].pop(), "extra lines"),
        (lambda row: package(row, 0)["line_items"][0].update(quantity=1), "shipment sh-41"),
        (lambda row: package(row, 0)["shipments"].pop(), "sh-41.tracking_numbers"),
        (lambda row: [s.update(carrier="DHL") for s in package(row, 0)["shipments"]], "sh-41.carrier"),
        (lambda row: [s.update(url="http://x") for s in package(row, 0)["shipments"]], "sh-41.url"),
        (
            lambda row: [s.update(shipped_at="2026-02-05T00:00:00Z") for s in package(row, 0)["shipments"]],
            "sh-41.shipped_at",
        ),
        (lambda row: package(row, 1)["line_items"][0].update(quantity=2), "open"),
        (lambda row: package(row, 1)["line_items"][0]["line_total"].update(total_net=money("9")), "line 901.total_net"),
        (lambda row: package(row, 1)["line_items"][0]["line_total"].update(total_tax=money("9")), "line 901.total_tax"),
        (
            lambda row: package(row, 1)["line_items"][0]["line_total"].update(discount_net=money("9")),
            "line 901.discount_net",
        ),
        (lambda row: package(row, 1)["line_items"][1].update(name_parent="Nuts"), "line 902.name_parent"),
        (lambda row: package(row, 1)["line_items"][1]["identifiers"].update(sku="NUTS"), "line 902.sku"),
        (lambda row: package(row, 1)["line_items"].pop(), "open"),
        (lambda row: row["packages"].append(deepcopy(package(row, 1))), "open packages"),
    ],
)
def test_one_field_of_a_purchase(change: Change, field: str) -> None:
    assert field in orders(store(), changed(change))


def test_a_missing_purchase_and_one_of_an_order_that_is_not_there() -> None:
    assert found(store(), site(purchases=[]), kinds=ORDERS) == [("order", KEY, "presence")]
    stranger = deepcopy(purchase())
    stranger["purchase_identifiers"] = {"platform": "101"}
    there = site(purchases=[purchase(), stranger])
    assert found(store(), there, kinds=ORDERS) == [("order", "sparkpay:101", "presence")]


def test_which_orders_are_meant() -> None:
    plain: dict[str, Any] = {"custom_field_values": []}
    assert orders(store(**plain), site(purchases=[])) == ["presence"]
    for row in ({"is_payment_order_only": True}, {"ordered_at": "2025-12-31T12:00:00Z"}):
        assert orders(store(orders=[order(**row)], **plain), site(purchases=[]), orders_since=date(2026, 1, 1)) == []
    assert orders(store(**plain), site(purchases=[]), customer_type_ids=(4,)) == []
    assert orders(store(), site(purchases=[]), customer_type_ids=(4,)) == ["presence"], "it came from a cart"
    assert orders(store(order_items=[]), site(purchases=[])) == []
    assert orders(store(orders=[order(order_status_id=4)]), site(purchases=[])) == []


@pytest.mark.parametrize(
    ("status", "shown", "metadata"),
    [
        (1, {"shipped": True, "open": True}, {}),
        (2, {"shipped": True, "rest": True}, {}),
        (3, {"shipped": True}, {"cancelled": "{}"}),
        (6, {"shipped": True, "open": True}, {"refund": "partial"}),
        (7, {"shipped": True, "open": True}, {}),
    ],
)
def test_a_status_decides_by_its_flags(status: int, shown: dict[str, bool], metadata: dict[str, str]) -> None:
    row = deepcopy(purchase())
    rest = row["packages"].pop()
    if shown.get("open"):
        row["packages"].append(rest)
    if shown.get("rest"):
        row["packages"].append(rest | {"shipments": [{}]})
    row["metadata"] += [{"name": name, "value": value} for name, value in metadata.items()]
    row["type"] = "quote" if status == 7 else "order"
    shop = store(orders=[order(order_status_id=status)])
    assert orders(shop, site(purchases=[row])) == []
    assert orders(store(orders=[order(order_status_id=5)]), site(purchases=[row])) != []
    assert (orders(store(), site(purchases=[row])) == []) is (status == 1)


def test_packages_of_known_types_show_what_was_cancelled() -> None:
    types = {"cancelled": "cancelled"}
    row = deepcopy(purchase())
    package(row, 1)["type"] = "cancelled"
    shop = store(orders=[order(order_status_id=3)])
    assert orders(shop, site(purchases=[row]), package_types=types) == []
    package(row, 1)["line_items"].pop()
    assert orders(shop, site(purchases=[row]), package_types=types) == ["cancelled"]


def test_a_shipment_without_items_takes_all_that_is_left() -> None:
    shop = store(order_shipments=[shipment(), shipment(id=42, items=[], tracking_numbers="")])
    row = deepcopy(purchase())
    package(row, 1).update(identifiers={"platform": "sh-42"}, shipments=[{"shipped_at": "2026-02-05T06:00:00Z"}])
    assert orders(shop, site(purchases=[row])) == []
    assert orders(shop, site()) == ["open", "open packages", "shipment sh-42"]


def test_a_line_that_goes_elsewhere_is_a_package_of_its_own() -> None:
    shop = store(order_items=[item(), store()["order_items"][1] | {"order_shipping_address_id": 81}])
    assert "open packages" in orders(shop, site())


@pytest.mark.parametrize(
    ("row", "method"),
    [
        ({"payment_type": "CreditCard", "payment_method_name": "Visa"}, "upfrontPayment"),
        ({"payment_type": "Custom", "payment_method_name": "Cheque"}, "other"),
        ({"is_void": True}, "other"),
    ],
)
def test_how_it_was_paid(row: dict[str, Any], method: str) -> None:
    shop = store(order_payments=[payment(**row)])
    there = changed(lambda found_: found_["metadata"][0].update(value=method))
    assert "payment_method" not in orders(shop, there)
    assert "payment_method" in orders(shop, site())


def v1(**changes: Any) -> dict[str, Any]:
    address = {name: value for name, value in purchase()["billing_address"].items() if value is not None}
    row = {
        "external_id": "100",
        "visible_id": "SL-3F2A9C1D77AA",
        "customer_id": "cu_1",
        "created_at": "2026-02-03T15:04:05Z",
        "currency_code": "usd",
        "customer_reference": "PO-77",
        "payment_method": "paymentOnAccount",
        "metadata": {"cart_id": CART},
        "invoice_url": "https://erp.example/I-9.pdf",
        "billing_address": address,
        "packages": [
            {
                "status": "shipped",
                "external_id": "sh-41",
                "shipping_name": "UPS Ground",
                "total_shipping": {"net": "12.00"},
                "shipment_tracking": [{"reference": "1Z999"}, {"reference": "1Z998"}],
                "items": [
                    {"sku": "BOLT", "quantity": 2, "line_total": {"net": "20"}},
                    {"name": "Handling", "quantity": 1, "line_total": {"net": "1"}},
                ],
            },
            {
                "status": "open",
                "external_id": None,
                "items": [
                    {"sku": "BOLT", "quantity": 1, "line_total": {"net": "10"}},
                    {"sku": "NUT", "quantity": 2, "line_total": {"net": "10"}},
                ],
            },
        ],
    }
    return site(orders=[{**row, **changes}], purchases=[])


@pytest.mark.parametrize(
    "field",
    ["visible_id", "customer_id", "currency_code", "customer_reference", "payment_method", "invoice_url"],
)
def test_one_field_of_an_order_of_the_older_interface(field: str) -> None:
    assert orders(store(), v1(), orders_api="orders_v1") == []
    assert orders(store(), v1(**{field: "x"}), orders_api="orders_v1") == [field]


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (lambda row: row["packages"][1]["items"].pop(), ["open"]),
        (lambda row: row["packages"][1].update(status="cancelled"), ["open", "cancelled"]),
        (lambda row: row["packages"][0].update(status="returned"), ["shipped", "returned"]),
        (lambda row: row["packages"][0]["items"].pop(), ["extra lines"]),
        (lambda row: row["packages"][0].update(total_shipping=None), ["shipping"]),
        (lambda row: row["packages"][0].update(shipping_name="DHL"), ["shipping_name"]),
        (lambda row: row["packages"][0]["shipment_tracking"].pop(), ["sh-41.tracking_numbers"]),
        (lambda row: row["billing_address"].update(city="X"), ["billing_address.city"]),
        (lambda row: row.update(metadata=None), ["cart_id"]),
        (lambda row: row.update(created_at="2026-02-03T09:04:05Z"), ["placed"]),
    ],
)
def test_one_part_of_an_order_of_the_older_interface(change: Change, fields: list[str]) -> None:
    there = v1()
    change(there["orders"][0])
    assert orders(store(), there, orders_api="orders_v1") == fields


def test_presence_in_the_older_interface() -> None:
    none = site(orders=[], purchases=[])
    assert orders(store(), none, orders_api="orders_v1") == ["presence"]
    quote = store(orders=[order(order_status_id=7)])
    assert orders(quote, none, orders_api="orders_v1") == []
    assert orders(quote, v1(), orders_api="orders_v1") == ["presence"]


def placed_found(shop: dict[str, Any], change: Change = lambda _row: None) -> list[str]:
    row = placed()
    change(row)
    found_ = found(shop, site(), kinds=ORDERS, placed=[row])
    return [field for entity, _, field in found_ if entity == "placed"]


def test_an_order_that_was_placed_is_there_once_as_it_was_agreed() -> None:
    assert placed_found(store()) == []
    assert placed_found(store(custom_field_values=[])) == ["orders in the shop"]
    twice = store()
    twice["orders"].append(order(id=101))
    twice["custom_field_values"].append({"id": 3, "custom_field_id": 1, "resource_id": 101, "value": CART})
    assert placed_found(twice) == ["orders in the shop"]
    assert found(twice, site(), kinds=ORDERS)[-1] == ("placed", KEY, "orders in the shop")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda row: row["packages"][0]["line_items"][0].update(quantity=4), "BOLT.quantity"),
        (lambda row: row["packages"][0]["line_items"][0]["line_total"].update(total_net=money("29")), "BOLT.net"),
        (lambda row: row["packages"][0]["line_items"].append(line("X", "", "X", 1, "0", "0")), "skus"),
        (lambda row: row["packages"][0]["line_items"].pop(), "extra lines"),
        (lambda row: row["packages"][0]["shipping_method"].update(name="DHL"), "shipping method"),
        (
            lambda row: row["packages"][0]["shipping_method"]["line_total"].update(total_net=money("1")),
            "shipping",
        ),
        (lambda row: row["tax_lines"][0].update(amount=money("5")), "tax"),
        (lambda row: row["tax_lines"][0].update(amount=money("5")), "grand_total"),
        (lambda row: row["custom_fields"][0].update(value="PO-78"), "customer_reference"),
        (lambda row: row["customer_identifiers"].update(sparklayer="cu_2"), "customer"),
        (lambda row: row["billing_address"].update(city="Boston"), "billing_address.city"),
        (
            lambda row: row["packages"][0]["shipping_address"].update(address_line1="1 Elm"),
            "shipping_address.address_line1",
        ),
    ],
)
def test_one_field_of_an_order_that_was_placed(change: Change, field: str) -> None:
    assert field in placed_found(store(), change)


def test_its_number_its_payment_and_its_addresses() -> None:
    assert placed_found(store(orders=[order(order_number="7")])) == ["order_number"]
    assert placed_found(store(order_payments=[])) == ["payments"]
    assert placed_found(store(orders=[order(order_billing_address_id=0)])) == ["billing_address"]
