"""Customers to Spark Pay against the sandbox, call by call."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from connector.sandbox.faults import FaultRule
from contracts.entities import CreditTerms, Customer, CustomerAddress, CustomerStatus
from handlers.outcome import Applied, Failed, Outcome, Rejected, Waiting
from tests.support.sparkpay_desk import StoreDesk

LOOK = "GET /customers"


def address(id_: str = "a1", **changes: Any) -> CustomerAddress:
    fields = {"line1": "12 Oak St", "city": "Austin", "region": "TX", "country": "US", "postal_code": "78701"}
    return CustomerAddress(id=id_, **{**fields, **changes})


def person(**changes: Any) -> Customer:
    fields: dict[str, Any] = {
        "key": "sparklayer:cu_1",
        "email": "ana@roofers.example",
        "first_name": "Ana",
        "last_name": "Ruiz",
        "group": "ct-1",
        "addresses": (address(),),
        "default_billing": "a1",
    }
    return Customer(**{**fields, **changes})


@pytest.fixture
async def desk() -> AsyncIterator[StoreDesk]:
    made = StoreDesk(customers__association_type_id="7")
    made.store.insert("stores", name="Shop")
    made.store.insert("customer_types", name="Trade")
    yield made
    assert made.violations() == []


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def rows(desk: StoreDesk, resource: str = "customers") -> list[dict[str, Any]]:
    return desk.store.rows(resource)


async def test_a_new_customer(desk: StoreDesk) -> None:
    credit = CreditTerms(currency="USD", limit=Decimal("500.5"), net_days=30)
    outcome = only(await desk.apply(person(credit=credit, tax_exempt=True, number="R-1")))
    assert isinstance(outcome, Applied)
    assert outcome.refs == {"sparkpay": "1"}
    assert desk.calls() == [LOOK, "GET /stores", "POST /customers", "POST /addresses"]
    (row,) = rows(desk)
    assert (row["customer_type_id"], row["credit_limit"], row["payment_net_term"], row["is_no_tax_customer"]) == (
        1, Decimal("500.5"), 30, True,
    )  # fmt: skip
    (place,) = rows(desk, "addresses")
    assert (place["country"], place["state"], place["is_default_billing_address"]) == ("United States", "Texas", True)


async def test_a_change_is_one_call_and_no_change_none(desk: StoreDesk) -> None:
    await desk.apply(person())
    desk.calls()
    await desk.apply(person(company="Ruiz"))
    assert desk.calls() == ["PUT /customers/{id}"]
    outcome = only(await desk.apply(person(company="Ruiz")))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    await desk.apply(person(company="Ruiz", addresses=(address(city="Dallas"),)))
    assert desk.calls() == ["PUT /addresses/{id}"]


async def test_a_known_email_is_the_same_customer_and_its_fields_stay(desk: StoreDesk) -> None:
    desk.store.insert(
        "customers", email="Ana@Roofers.example", store_id=1, first_name="Ana", last_name="Ruiz", company="Old"
    )
    desk.store.insert(
        "addresses", customer_id=1, country="United States", state="Texas", city="Austin", postal_code="78701",
        address_line_1="12 Oak St", is_default_billing_address=True,
    )  # fmt: skip
    await desk.apply(person())
    assert desk.calls() == [LOOK, "PUT /customers/{id}"]
    (row,) = rows(desk)
    assert (row["company"], row["customer_type_id"]) == ("Old", 1)
    assert len(rows(desk, "addresses")) == 1


async def test_two_of_one_email_are_nobodys_guess(desk: StoreDesk) -> None:
    for _ in range(2):
        desk.store.insert("customers", email="ana@roofers.example", store_id=1)
    outcome = only(await desk.apply(person()))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, desk.calls()) == ("customer_ambiguous", [LOOK])


async def test_addresses_come_change_and_go_and_one_is_the_default(desk: StoreDesk) -> None:
    await desk.apply(person(addresses=(address("a1"), address("a2", line1="9 Elm St"))))
    await desk.apply(
        person(addresses=(address("a2", line1="9 Elm St"), address("a3", line1="1 New St")), default_billing="a3")
    )
    found = [(row["address_line_1"], row["is_default_billing_address"]) for row in rows(desk, "addresses")]
    assert found == [("9 Elm St", False), ("1 New St", True)]
    desk.calls()
    await desk.apply(person(addresses=None))
    assert desk.calls() == []
    assert len(rows(desk, "addresses")) == 2


async def test_the_old_default_is_cleared_before_the_new_one_is_set(desk: StoreDesk) -> None:
    book = (address("a1"), address("a2", line1="9 Elm St"))
    await desk.apply(person(addresses=book))
    await desk.apply(person(addresses=book, default_billing="a2"))
    found = {row["address_line_1"]: row["is_default_billing_address"] for row in rows(desk, "addresses")}
    assert found == {"12 Oak St": False, "9 Elm St": True}


async def test_a_lost_reply_makes_nobody_twice(desk: StoreDesk) -> None:
    for path in ("*/customers", "*/addresses"):
        desk.faults.add(FaultRule(kind="drop_after", method="POST", path=path))
    outcomes = [only(await desk.apply(person()))]
    for _ in range(2):
        desk.restart()
        outcomes += await desk.run("customer", "sparklayer:cu_1")
    assert [type(outcome) for outcome in outcomes] == [Failed, Failed, Applied]
    assert (len(rows(desk)), len(rows(desk, "addresses"))) == (1, 1)


async def test_a_sub_account_is_tied_to_its_parent_once(desk: StoreDesk) -> None:
    child = person(key="sparklayer:cu_2", email="bo@x.example", parent="sparklayer:cu_1", addresses=())
    outcome = only(await desk.apply(child))
    assert isinstance(outcome, Waiting)
    assert outcome.for_ == "customer:sparklayer:cu_1"
    await desk.apply(person())
    for company in ("A", "B"):
        assert isinstance(only(await desk.apply(child.model_copy(update={"company": company}))), Applied)
    (row,) = rows(desk, "customer_association")
    assert (row["association_type_id"], row["parent_customer_id"], row["child_customer_id"]) == (7, 1, 2)


async def test_inactive_and_deleted_customers_may_not_sign_in(desk: StoreDesk) -> None:
    await desk.apply(person())
    await desk.apply(person(status=CustomerStatus.INACTIVE))
    assert rows(desk)[0]["is_inactive"] is True
    await desk.apply(person())
    assert rows(desk)[0]["is_inactive"] is False
    assert isinstance(await desk.delete("customer", "sparklayer:cu_1"), Applied)
    assert rows(desk)[0]["is_inactive"] is True
    desk.calls()
    await desk.delete("customer", "sparklayer:cu_1")
    assert desk.calls() == []


async def test_a_group_that_is_no_type_is_on_record(desk: StoreDesk) -> None:
    outcome = only(await desk.apply(person(group="gold")))
    assert isinstance(outcome, Applied)
    assert [skip.code for skip in outcome.skips] == ["group_unknown"]
    assert rows(desk)[0]["customer_type_id"] == 0


async def test_without_an_email_nothing_is_done(desk: StoreDesk) -> None:
    outcome = only(await desk.apply(person(email=" ")))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, desk.calls()) == ("email_missing", [])


async def test_a_customer_that_spark_pay_made_is_known_by_its_id(desk: StoreDesk) -> None:
    desk.store.insert("customers", email="old@x.example", store_id=1)
    await desk.apply(person(key="sparkpay:1", refs={"sparkpay": "1"}, addresses=None))
    assert desk.calls() == ["GET /customers/{id}", "PUT /customers/{id}"]
    assert [row["email"] for row in rows(desk)] == ["ana@roofers.example"]
    gone = only(await desk.apply(person(key="sparkpay:9", refs={"sparkpay": "9"})))
    assert isinstance(gone, Rejected)
    assert gone.code == "customer_gone"
