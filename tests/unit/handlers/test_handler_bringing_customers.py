"""Customers to Spark Pay against the sandbox, call by call."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from connector.sandbox.faults import FaultRule
from contracts.entities import CreditTerms, Customer, CustomerAddress, CustomerGroup, CustomerStatus
from handlers.outcome import A_WRITE, Applied, Failed, Outcome, Rejected, Waiting
from handlers.sparkpay import handlers
from tests.support.sparkpay_desk import StoreDesk

LOOK = "GET /customers"
TYPES = "GET /customer_types"  # once per process


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
    assert desk.calls() == [TYPES, LOOK, "GET /stores", "POST /customers", "POST /addresses"]
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
    assert desk.calls() == [TYPES, LOOK, "PUT /customers/{id}"]
    (row,) = rows(desk)
    assert (row["company"], row["customer_type_id"]) == ("Old", 1)
    assert len(rows(desk, "addresses")) == 1


async def test_two_of_one_email_are_nobodys_guess(desk: StoreDesk) -> None:
    for _ in range(2):
        desk.store.insert("customers", email="ana@roofers.example", store_id=1)
    outcome = only(await desk.apply(person()))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, desk.calls()) == ("customer_ambiguous", [TYPES, LOOK])


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
    assert desk.calls() == [TYPES, "GET /customers/{id}", LOOK, "PUT /customers/{id}"]
    assert [row["email"] for row in rows(desk)] == ["ana@roofers.example"]
    gone = only(await desk.apply(person(key="sparkpay:9", refs={"sparkpay": "9"})))
    assert isinstance(gone, Rejected)
    assert gone.code == "customer_gone"


async def test_an_address_that_is_gone_goes_and_a_strangers_book_stays(desk: StoreDesk) -> None:
    common = {"country": "United States", "city": "Austin"}
    desk.store.insert("customers", email="ana@roofers.example", store_id=1)
    for line in ("1 Old St", "2 Old St"):
        desk.store.insert("addresses", customer_id=1, address_line_1=line, is_default_billing_address=True, **common)
    await desk.apply(person())
    found = {row["address_line_1"]: row["is_default_billing_address"] for row in rows(desk, "addresses")}
    assert found == {"1 Old St": False, "2 Old St": False, "12 Oak St": True}, "linked by e-mail: nothing is taken away"
    known = person(addresses=(address(), address("2", line1="2 Old St", postal_code=None, region=None)))
    desk.rows["customer", known.key].applied_hash = None
    await desk.apply(known)
    assert [row["address_line_1"] for row in rows(desk, "addresses")] == ["2 Old St", "12 Oak St"]
    desk.calls()
    await desk.apply(person())
    assert desk.calls() == ["DELETE /addresses/{id}"]


async def test_an_address_without_a_country_is_left_out(desk: StoreDesk) -> None:
    outcome = only(await desk.apply(person(addresses=(address(country=None), address("a2")))))
    assert isinstance(outcome, Applied)
    assert [(skip.code, skip.part, skip.note) for skip in outcome.skips] == [("country_unknown", "a1", False)]
    assert len(rows(desk, "addresses")) == 1


async def test_a_new_email_keeps_the_customer_unless_somebody_has_it(desk: StoreDesk) -> None:
    await desk.apply(person())
    await desk.apply(person(email="new@x.example"))
    assert [row["email"] for row in rows(desk)] == ["new@x.example"]
    desk.store.insert("customers", email="taken@x.example", store_id=1)
    outcome = only(await desk.apply(person(email="taken@x.example")))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "email_taken"
    assert [row["email"] for row in rows(desk)] == ["new@x.example", "taken@x.example"]


async def test_a_guest_of_the_same_email_is_nobody_who_signs_in(desk: StoreDesk) -> None:
    desk.store.insert("customers", email="ana@roofers.example", store_id=1, no_account=True)
    desk.store.insert("customers", email="ana@roofers.example", store_id=1)
    outcome = only(await desk.apply(person()))
    assert isinstance(outcome, Applied)
    assert outcome.refs == {"sparkpay": "2"}


async def test_a_lost_answer_of_a_second_address_makes_it_once(desk: StoreDesk) -> None:
    await desk.apply(person())
    desk.faults.add(FaultRule(kind="drop_after", method="POST", path="*/addresses"))
    more = person(addresses=(address(), address("a2", line1="9 Elm St"), address("a3", line1="8 Elm St")))
    assert isinstance(only(await desk.apply(more)), Failed)
    assert isinstance(only(await desk.run("customer", more.key)), Applied)
    assert [row["address_line_1"] for row in rows(desk, "addresses")] == ["12 Oak St", "9 Elm St", "8 Elm St"]


async def test_a_refused_address_leaves_the_others_on_record(desk: StoreDesk) -> None:
    desk.faults.add(FaultRule(kind="status", status=409, method="POST", path="*/addresses"))
    refused = only(await desk.apply(person()))
    assert isinstance(refused, Rejected)
    assert refused.applied is not None
    await desk.apply(person(company="R"))
    assert (len(rows(desk)), len(rows(desk, "addresses"))) == (1, 1)


async def test_a_customer_of_another_service_that_the_store_lost_is_made_again(desk: StoreDesk) -> None:
    await desk.apply(person())
    desk.store.delete("customers", 1)
    assert isinstance(only(await desk.apply(person(company="R"))), Failed)
    assert isinstance(only(await desk.run("customer", person().key)), Applied)
    assert [(row["id"], row["company"]) for row in rows(desk)] == [(2, "R")]


async def test_a_group_that_is_on_its_way_is_waited_for(desk: StoreDesk) -> None:
    desk.settings = desk.settings.with_values({"flow.customer_group": "both"})
    waiting = only(await desk.apply(person(group="gold")))
    assert isinstance(waiting, Waiting)
    assert waiting.for_ == "customer-group:gold"
    await desk.apply(CustomerGroup(key="gold", name="Gold"))
    await desk.apply(person(group="gold"))
    assert rows(desk)[0]["customer_type_id"] == 2


async def test_who_leaves_its_parent_is_untied(desk: StoreDesk) -> None:
    await desk.apply(person())
    child = person(key="sparklayer:cu_2", email="bo@x.example", parent="sparklayer:cu_1", addresses=())
    await desk.apply(child)
    await desk.apply(child.model_copy(update={"parent": None}))
    assert rows(desk, "customer_association") == []


async def test_in_doubt_it_looks_and_a_mere_look_writes_nothing(desk: StoreDesk) -> None:
    await desk.apply(person(credit=CreditTerms(currency="USD", limit=Decimal("500.50"), net_days=30)))
    desk.handlers = handlers(desk.client, look_only=True)
    desk.forget()
    desk.calls()
    outcome = only(await desk.run("customer", person().key))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    for change in ("customers", "addresses"):
        before = rows(desk, change)[0]["last_name"]
        desk.store.update(change, 1, last_name="Other")
        desk.forget()
        found = only(await desk.run("customer", person().key))
        assert isinstance(found, Waiting), change
        assert found.for_ == A_WRITE
        desk.store.update(change, 1, last_name=before)
    assert {call for call in desk.calls() if not call.startswith("GET")} == set()


async def test_groups_are_customer_types(desk: StoreDesk) -> None:
    known, new, gone = await desk.apply(
        CustomerGroup(key="ct-1", name="Traders"),
        CustomerGroup(key="gold", name="Gold", refs={"erp": "9"}),
        CustomerGroup(key="ct-9", name="Nobody"),
    )
    assert isinstance(known, Applied)
    assert isinstance(new, Applied)
    assert (known.refs, new.refs) == ({"sparkpay": "1"}, {"sparkpay": "2"})
    assert isinstance(gone, Rejected)
    assert gone.code == "group_gone"
    assert [row["name"] for row in rows(desk, "customer_types")] == ["Traders", "Gold"]
    desk.calls()
    desk.forget()
    desk.handlers = handlers(desk.client, look_only=True)
    again = await desk.run("customer-group", "ct-1", "gold")
    assert all(isinstance(outcome, Applied) and outcome.unchanged for outcome in again)
    desk.store.insert("customer_types", name="gold")
    desk.forget()
    twice = only(await desk.run("customer-group", "gold"))
    assert isinstance(twice, Rejected)
    assert twice.code == "group_ambiguous"
    assert isinstance(await desk.delete("customer-group", "ct-1"), Applied)
    assert {call for call in desk.calls() if not call.startswith("GET")} == set()


async def test_a_group_whose_answer_was_lost_is_made_once(desk: StoreDesk) -> None:
    desk.faults.add(FaultRule(kind="drop_after", method="POST", path="*/customer_types"))
    assert isinstance(only(await desk.apply(CustomerGroup(key="gold", name="Gold"))), Failed)
    assert isinstance(only(await desk.run("customer-group", "gold")), Applied)
    assert [row["name"] for row in rows(desk, "customer_types")] == ["Trade", "Gold"]
