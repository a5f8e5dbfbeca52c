"""Customer fields that their source cleared: gone on the other side, unless somebody else gave them."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest

from connector.ports import Doubt
from contracts.entities import CreditTerms, Customer
from handlers.given import given, withdrawn
from handlers.outcome import Applied, Outcome, Task
from handlers.sparklayer.customer_body import Wanted
from handlers.sparklayer.customer_writer import CustomerWriter
from tests.support.handler_desk import Desk
from tests.support.sparkpay_desk import StoreDesk

KEY = "sparkpay:5012"
FULL: dict[str, Any] = {
    "title": "Dr",
    "company": "Ruiz Roofing",
    "phone": "512-555",
    "number": "C-1",
    "tax_exempt": True,
    "tax_exemption_number": "TX-1",
    "vat_numbers": ("DE123456789",),
    "discount_percentage": Decimal("2.5"),
    "credit": CreditTerms(currency="USD", limit=Decimal(5000), net_days=30),
    "pays_by_invoice": True,
    "sales_agents": ("north",),
    "price_lists": ("base",),
    "currency": "USD",
}
CLEARED = {
    "title": "",
    "company_name": "",
    "accounting_id": "",
    "tax_exempt": False,
    "vatin_numbers": [],
    "discount_percentage": None,
    "payment_on_account": None,
    "payment_by_invoice": None,
    "sales_agent_groups": [],
    "metadata": None,
    "price_lists": [],
    "currency_code": None,
}


def person(**changes: Any) -> Customer:
    fields: dict[str, Any] = {"key": KEY, "email": "ana@roofers.example", "first_name": "Ana", "last_name": "Ruiz"}
    return Customer(**{**fields, **changes})


@pytest.fixture
def desk(desk_of: Callable[..., Desk]) -> Desk:
    return site_desk(desk_of)


def site_desk(desk_of: Callable[..., Desk], **settings: str) -> Desk:
    desk = desk_of(**settings)
    desk.settings = desk.settings.with_b2b_types("all")
    desk.source = "sparkpay"
    return desk


@pytest.fixture
async def store() -> AsyncIterator[StoreDesk]:
    desk = StoreDesk()
    desk.store.insert("stores", name="Shop")
    desk.source = "sparklayer"
    yield desk
    assert desk.violations() == []


def there(desk: Desk) -> dict[str, Any]:
    found = desk.site.customers.find("platform", "5012")
    assert found is not None
    return desk.site.customers.shown(found)


def applied(outcomes: list[Outcome]) -> Applied:
    (outcome,) = outcomes
    assert isinstance(outcome, Applied), outcome
    return outcome


def test_only_who_gave_a_field_last_takes_it_back() -> None:
    first = Task("acme", KEY, None, source="sparkpay")
    ledger = {"given": given(first, {"company", "title"})}
    assert ledger["given"] == {"company": "sparkpay", "title": "sparkpay"}
    erp = Task("acme", KEY, None, source="erp", ledger=ledger)
    assert withdrawn(erp, {"company"}) == set()
    ledger = {"given": given(erp, {"company"})}
    second = Task("acme", KEY, None, source="sparkpay", ledger=ledger)
    assert withdrawn(second, set()) == {"title"}
    assert given(second, set()) == {"company": "erp"}
    nobody = Task("acme", KEY, None, ledger=ledger)
    assert withdrawn(nobody, set()) == set()
    assert given(nobody, {"email"}) == ledger["given"]


@pytest.mark.parametrize("api", ["v2", "v1"])
async def test_what_the_same_source_leaves_out_is_cleared_on_sparklayer(desk_of: Callable[..., Desk], api: str) -> None:
    desk = site_desk(desk_of, customers__api=api, customers__vatin="true")
    applied(await desk.apply(person(**FULL, attributes={"Region": "South"})))
    assert there(desk)["company_name"] == "Ruiz Roofing"
    desk.calls()
    assert not applied(await desk.apply(person())).unchanged
    assert [call.split()[0] for call in desk.calls()] == ["GET", "PATCH"], "the look is for price lists of others"
    found = there(desk)
    assert {name: found[name] for name in CLEARED} == CLEARED
    assert applied(await desk.apply(person())).unchanged
    assert desk.calls() == []


async def test_one_field_costs_one_call(desk: Desk) -> None:
    await desk.apply(person(company="Ruiz", number="C-1"))
    desk.calls()
    await desk.apply(person(number="C-1"))
    assert desk.calls() == ["PATCH /api/v2/customers/{lookupBy}/{identifier}"]
    assert (there(desk)["company_name"], there(desk)["accounting_id"]) == ("", "C-1")


async def test_what_others_gave_or_only_sparklayer_knows_stays(desk: Desk) -> None:
    await desk.apply(person(company="Ruiz", number="C-1"))
    await desk.client.customers.change("platform", "5012", {"discount_percentage": Decimal(7)})
    desk.source = "erp"
    await desk.apply(person(number="ERP-1"))
    assert there(desk)["company_name"] == "Ruiz", "the shop gave it, and the ERP says nothing of it"
    desk.source = "sparkpay"
    await desk.apply(person(first_name="Anna"))
    found = there(desk)
    assert (found["company_name"], found["accounting_id"], found["discount_percentage"]) == ("", "ERP-1", 7)


async def test_where_nobody_alone_says_all_of_it_nothing_is_cleared(desk: Desk) -> None:
    await desk.apply(person(company="Ruiz"))
    desk.source = None
    await desk.apply(person(first_name="Anna"))
    assert there(desk)["company_name"] == "Ruiz"


async def test_a_whole_replacement_leaves_cleared_fields_out(desk: Desk) -> None:
    await desk.apply(person(company="Ruiz", number="C-1", discount_percentage=Decimal(7)))
    body = {"external_id": "5012", "email": "ana@roofers.example", "first_name": "Ana", "last_name": "Ruiz"}
    wanted = Wanted({**body, "status": "active"}, None, {"company_name": ""})
    await CustomerWriter(desk.client).write(Task("acme", KEY, None), wanted, desk.settings)
    assert desk.calls()[-1].startswith("PUT")
    found = there(desk)
    assert (found["company_name"], found["accounting_id"], found["discount_percentage"]) == (None, "C-1", 7)


async def test_a_sub_account_that_becomes_its_own_loses_its_parent(desk: Desk) -> None:
    boss = person(key="sparkpay:1", email="boss@x.example")
    await desk.apply(boss)
    desk.known.there("customer", "sparkpay:1", sparklayer="cu_x")
    await desk.apply(person(parent="sparkpay:1", role="limited"))
    assert there(desk)["parent_customer"]["external_id"] == "1"
    await desk.apply(person())
    assert (there(desk)["parent_customer"], there(desk)["role"]) == (None, "main")


@pytest.mark.parametrize("sent", [False, True])
async def test_a_crash_in_between_clears_once(desk: Desk, sent: bool) -> None:
    await desk.apply(person(company="Ruiz"))
    row = desk.rows["customer", KEY]
    row.entity, row.doubt = person(), Doubt.UNSEEN
    if sent:
        await desk.client.customers.change("platform", "5012", {"company_name": ""})
    desk.restart()
    desk.calls()
    outcome = applied(await desk.run("customer", KEY))
    assert outcome.unchanged is sent
    assert [call.split()[0] for call in desk.calls() if "customers" in call] == ["GET", *([] if sent else ["PATCH"])]
    assert there(desk)["company_name"] == ""
    assert "company_name" not in outcome.ledger["given"]


async def test_what_the_same_source_leaves_out_is_cleared_in_spark_pay(store: StoreDesk) -> None:
    full = {name: FULL[name] for name in ("company", "phone", "number", "tax_exempt", "tax_exemption_number", "credit")}
    await store.apply(person(key="sparklayer:cu_1", **full))
    store.calls()
    assert not applied(await store.apply(person(key="sparklayer:cu_1"))).unchanged
    assert store.calls() == ["PUT /customers/{id}"]
    (row,) = store.store.rows("customers")
    names = ("company", "phone_number", "customer_number", "tax_exemption_number", "credit_limit", "payment_net_term")
    assert [row[name] for name in names] == ["", "", "", "", 0, 0]
    assert (row["is_no_tax_customer"], row["first_name"]) == (False, "Ana")
    assert applied(await store.apply(person(key="sparklayer:cu_1"))).unchanged
    assert store.calls() == []


async def test_another_source_clears_nothing_in_spark_pay(store: StoreDesk) -> None:
    await store.apply(person(key="sparklayer:cu_1", company="Ruiz"))
    store.source = "erp"
    await store.apply(person(key="sparklayer:cu_1", number="ERP-1"))
    store.source = "sparklayer"
    (row,) = store.store.rows("customers")
    assert (row["company"], row["customer_number"]) == ("Ruiz", "ERP-1")
    await store.apply(person(key="sparklayer:cu_1"))
    (row,) = store.store.rows("customers")
    assert (row["company"], row["customer_number"]) == ("", "ERP-1")
