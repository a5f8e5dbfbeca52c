"""Made-up customers and orders: repeatable, whole, and with what goes wrong in real stores."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.sandbox.sparkpay import SUB_ACCOUNT, CatalogueShape, SparkPayStore, fill_catalogue, fill_trade

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def store(products: int = 20) -> SparkPayStore:
    made = SparkPayStore(clock=lambda: NOW)
    fill_catalogue(made, CatalogueShape(products=products, skus_at_least=0), 1)
    return made


def test_the_same_seed_makes_the_same_store() -> None:
    one, other, third = store(), store(), store()
    for made, seed in ((one, 1), (other, 1), (third, 2)):
        fill_trade(made, customers=30, orders=40, seed=seed)
    assert one.dump() == other.dump()
    assert one.dump()["orders"] != third.dump()["orders"]


def test_every_order_is_whole_and_adds_up() -> None:
    made = store()
    facts = fill_trade(made, customers=60, orders=120, seed=3)
    assert (len(facts.customers), len(facts.orders)) == (60, 120)
    dump = made.dump()
    for order in dump["orders"]:
        lines = [row for row in dump["order_items"] if row["order_id"] == order["id"]]
        assert lines
        goods = sum(Decimal(str(row["price"])) * row["quantity"] for row in lines)
        more = sum(Decimal(str(order[name])) for name in ("tax_total", "shipping_total", "handling_total"))
        assert goods + more - Decimal(str(order["discount_total"])) == Decimal(str(order["grand_total"]))
        assert len([row for row in dump["order_payments"] if row["order_id"] == order["id"]]) == 1
    statuses = {row["order_status_id"] for row in dump["orders"]}
    assert len(statuses) >= 6
    assert len(dump["order_shipments"]) > 10


def test_the_oddities_of_real_customers_are_among_them() -> None:
    made = store()
    fill_trade(made, customers=300, orders=0, seed=4)
    people = made.dump()["customers"]
    for name in ("is_inactive", "no_account", "is_no_tax_customer", "credit_limit"):
        assert any(row[name] for row in people)
    assert any(not row["first_name"] for row in people)
    assert any(not row["customer_type_id"] for row in people)
    assert len({row["email"].casefold() for row in people}) == 300
    assert any(row["country"] == "Atlantis" for row in made.dump()["addresses"])
    assert {row["association_type_id"] for row in made.dump()["customer_association"]} == {SUB_ACCOUNT}


def test_orders_need_buyers_and_goods() -> None:
    with pytest.raises(ValueError, match="orders need customers and products"):
        fill_trade(store(), customers=0, orders=1, seed=1)
    with pytest.raises(ValueError, match="orders need customers and products"):
        fill_trade(SparkPayStore(clock=lambda: NOW), customers=1, orders=1, seed=1)
