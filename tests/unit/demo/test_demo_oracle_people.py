"""Customers, their addresses and their groups: every single difference is found, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from trading_shop import SETTINGS, address, child, customer, found, held_child, held_customer, site, store

PEOPLE = frozenset({"customer", "customer-group"})


def people(shop: dict[str, Any], there: dict[str, Any], **changes: Any) -> list[tuple[str, str, str]]:
    return found(shop, there, kinds=PEOPLE, **changes)


def with_customer(**changes: Any) -> dict[str, Any]:
    return site(customers=[held_customer() | changes, held_child()])


def with_address(**changes: Any) -> dict[str, Any]:
    row = held_customer()
    row["addresses"][0] |= changes
    return site(customers=[row, held_child()])


def test_what_is_as_it_should_be_has_no_difference() -> None:
    assert SETTINGS.kinds > PEOPLE
    assert found(store(), site()) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "other@roofers.example"),
        ("first_name", "Anna"),
        ("last_name", None),
        ("company_name", None),
        ("accounting_id", "50"),
        ("group", "ct-4"),
        ("status", "inactive"),
        ("role", "limited-customer"),
        ("tax_exempt", False),
        ("payment_on_account", None),
        ("payment_on_account", {"credit_limit": "5000", "currency_code": "eur", "net_terms": "30_days"}),
        ("payment_on_account", {"credit_limit": "500", "currency_code": "usd", "net_terms": "30_days"}),
        ("payment_on_account", {"credit_limit": "5000", "currency_code": "usd", "net_terms": "60_days"}),
        ("payment_by_invoice", None),
        ("sales_agent_groups", []),
        ("metadata", None),
        ("parent_customer", {"id": "cu_2", "external_id": "51"}),
        ("price_lists", ["sp-base-usd", "vip"]),
        ("price_lists", ["sp-ct-3-usd", "sp-base-usd", "vip"]),
        ("default_billing_address_id", None),
        ("default_shipping_address_id", "ca_2"),
    ],
)
def test_one_field_of_a_customer(field: str, value: object) -> None:
    assert people(store(), with_customer(**{field: value})) == [("customer", "sparkpay:50", field)]


def test_lists_of_others_go_after_ours() -> None:
    there = with_customer(price_lists=["vip", "sp-ct-3-usd"])
    assert people(store(), there) == [("customer", "sparkpay:50", "own price_lists first")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_name", None),
        ("last_name", "R"),
        ("company", "X"),
        ("address_line1", "13 Oak St"),
        ("address_line2", "x"),
        ("city", "Boston"),
        ("region_code", None),
        ("region_code", "Texas"),
        ("postal_code", "7870"),
        ("country_code", "CA"),
        ("phone", None),
        ("mobile", "1"),
        ("nickname", "Default"),
    ],
)
def test_one_field_of_an_address(field: str, value: object) -> None:
    assert people(store(), with_address(**{field: value})) == [("address", "71", field)]


@pytest.mark.parametrize(
    ("field", "value"),
    [("role", "main"), ("parent_customer", None), ("first_name", "Bob"), ("payment_by_invoice", True)],
)
def test_one_field_of_a_sub_account(field: str, value: object) -> None:
    there = site(customers=[held_customer(), held_child() | {field: value}])
    assert people(store(), there) == [("customer", "sparkpay:51", field)]


def test_a_missing_customer_and_a_missing_address() -> None:
    assert people(store(), site(customers=[held_customer()])) == [("customer", "sparkpay:51", "presence")]
    row = held_customer()
    del row["addresses"][1]
    assert people(store(), site(customers=[row, held_child()])) == [("customer", "sparkpay:50", "addresses")]
    assert people(store(addresses=[address()]), site()) == [("customer", "sparkpay:50", "addresses")]


@pytest.mark.parametrize(
    "changes",
    [
        {"is_inactive": True},
        {"no_account": True},
        {"is_contact_information_only": 1},
        {"store_id": 2},
        {"customer_type_id": 9},
    ],
)
def test_who_is_not_served_may_not_sign_in(changes: dict[str, Any]) -> None:
    shop = store(customers=[customer(**changes), child()])
    scope = {"customer_type_ids": (3,)}
    groups = site()["customer_groups"][:2]
    assert people(shop, site(customer_groups=groups), **scope) == [("customer", "sparkpay:50", "status")]
    inactive = with_customer(status="inactive", first_name="whatever it was") | {"customer_groups": groups}
    assert people(shop, inactive, **scope) == []
    never_came = held_child() | {"parent_customer": {"id": "cu_9", "external_id": "50"}}
    assert people(shop, site(customers=[never_came], customer_groups=groups), **scope) == []


def test_a_sub_account_of_nobody_cannot_come() -> None:
    shop = store(customers=[customer(is_inactive=True), child()])
    assert people(shop, site(customers=[])) == []
    assert people(store(), site(customers=[])) == [("customer", "sparkpay:50", "presence")]


def test_nobody_is_served_where_no_type_is_named() -> None:
    there = site(customers=[], customer_groups=[])
    assert people(store(), there, customer_type_ids=()) == []
    assert [entity for entity, _, _ in people(store(), site(), customer_type_ids=())] == ["customer", "customer"]


def test_a_deleted_customer_is_inactive() -> None:
    shop = store(customers=[customer()], customer_association=[])
    assert people(shop, site()) == [("customer", "sparkpay:51", "status")]
    assert people(shop, site(customers=[held_customer(), held_child() | {"status": "inactive"}])) == []


def test_a_customer_without_a_usable_email_is_skipped() -> None:
    for email in ("", "nobody", "a@b"):
        shop = store(customers=[customer(email=email), child()])
        assert people(shop, site(customers=[held_child()])) == []


@pytest.mark.parametrize("row", [{"city": ""}, {"address_line_1": " "}, {"country": "Atlantis"}])
def test_an_address_that_cannot_be_is_left_out_and_no_default(row: dict[str, Any]) -> None:
    shop = store(addresses=[address(**row), *store()["addresses"][1:]])
    held = held_customer()
    del held["addresses"][0]
    held["default_billing_address_id"] = None
    assert people(shop, site(customers=[held, held_child()])) == []


def test_words_that_are_too_long_are_cut_and_ids_are_not() -> None:
    shop = store(customers=[customer(first_name="A" * 200), child()])
    assert people(shop, with_customer(first_name="A" * 128)) == []
    assert people(shop, with_customer(first_name="A" * 60)) == [("customer", "sparkpay:50", "first_name")]


@pytest.mark.parametrize(
    ("groups", "field"),
    [
        (lambda rows: rows[:2], "presence"),
        (lambda rows: [*rows[:2], rows[2] | {"name": "School"}], "name"),
        (lambda rows: [*rows[:2], rows[2] | {"parent_slug": "ct-3"}], "parent_slug"),
    ],
)
def test_one_difference_of_a_group(groups: Callable[[list[Any]], list[Any]], field: str) -> None:
    there = site(customer_groups=groups(site()["customer_groups"]))
    assert people(store(), there) == [("customer-group", "ct-4", field)]


def test_a_group_whose_type_is_gone_stays_only_while_it_is_used() -> None:
    shop = store(customer_types=[{"id": 3, "name": "Dealer"}])
    assert people(shop, site()) == [("customer-group", "ct-4", "presence")]
    used = site(customers=[held_customer(), held_child(), {"external_id": None, "group": "ct-4"}])
    assert people(shop, used) == []
