"""Customer groups and customers against the sandbox, call by call."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.sandbox.faults import FaultRule
from contracts.entities import CreditTerms, Customer, CustomerAddress, CustomerGroup, CustomerRole, CustomerStatus
from contracts.values import Money
from handlers.outcome import Applied, Failed, Outcome, Rejected, Waiting
from handlers.sparklayer.price_lists import PriceLists
from tests.support.handler_desk import Desk

GET = "GET /api/v2/customers/{lookupBy}/{identifier}"
PUT = "PUT /api/v2/customers/{lookupBy}/{identifier}"
PATCH = "PATCH /api/v2/customers/{lookupBy}/{identifier}"
GROUPS = "GET /api/v1/customer-groups"
LISTS = "GET /api/v2/price-lists"
NEW_LIST = "POST /api/v1/price-lists"


def address(id_: str = "8801", **changes: Any) -> CustomerAddress:
    fields = {"line1": "12 Oak St", "city": "Austin", "region": "TX", "country": "US", "postal_code": "78701"}
    return CustomerAddress(id=id_, **{**fields, **changes})


def person(number: int = 5012, **changes: Any) -> Customer:
    fields: dict[str, Any] = {
        "key": f"sparkpay:{number}",
        "email": f"p{number}@roofers.example",
        "first_name": "Ana",
        "last_name": "Ruiz",
        "group": "base",
        "price_lists": ("base",),
        "currency": "USD",
        "tax_exempt": False,
        "addresses": (address(f"a{number}"),),
        "default_billing": f"a{number}",
    }
    return Customer(**{**fields, **changes})


@pytest.fixture
def desk(desk_of: Callable[..., Desk]) -> Desk:
    desk = desk_of()
    desk.settings = desk.settings.with_b2b_types("all")
    return desk


def there(desk: Desk, number: int = 5012) -> dict[str, Any]:
    found = desk.site.customers.find("platform", str(number))
    assert found is not None
    return desk.site.customers.shown(found)


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


async def test_a_new_customer_costs_a_look_and_a_write(desk: Desk) -> None:
    outcome = only(await desk.apply(person()))
    assert isinstance(outcome, Applied)
    assert outcome.refs["sparklayer"] == there(desk)["legacy_id"]
    assert desk.calls() == [GROUPS, LISTS, NEW_LIST, GET, PUT]
    found = there(desk)
    assert (found["email"], found["group"], found["price_lists"]) == ("p5012@roofers.example", "base", ["sp-base-usd"])
    assert found["default_billing_address_id"] == found["addresses"][0]["id"]
    assert found["addresses"][0]["region_code"] == "TX"


async def test_a_change_is_one_call_and_no_change_none(desk: Desk) -> None:
    await desk.apply(person())
    desk.calls()
    assert isinstance(only(await desk.apply(person(company="Ruiz Roofing"))), Applied)
    assert desk.calls() == [PATCH]
    assert there(desk)["company_name"] == "Ruiz Roofing"
    outcome = only(await desk.apply(person(company="Ruiz Roofing")))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    assert desk.calls() == []


async def test_what_only_sparklayer_knows_is_kept(desk: Desk) -> None:
    body = {
        "external_id": "5012", "email": "p5012@roofers.example", "first_name": "A", "last_name": "B",
        "discount_percentage": Decimal(5), "sales_agent_groups": ["north"], "price_lists": ["vip", "sp-ct-9-usd"],
        "accounting_id": "R-1",
    }  # fmt: skip
    await desk.client.customers.put("platform", "5012", body)
    await desk.apply(person(number=5012))
    found = there(desk)
    assert (found["discount_percentage"], found["sales_agent_groups"], found["accounting_id"]) == (5, ["north"], "R-1")
    assert found["price_lists"] == ["sp-base-usd", "vip"]
    await desk.client.customers.change("platform", "5012", {"discount_percentage": Decimal(7)})
    await desk.apply(person(number=5012, company="New", price_lists=("ct-4",)))
    found = there(desk)
    assert (found["discount_percentage"], found["price_lists"]) == (7, ["sp-ct-4-usd", "vip"])


async def test_all_of_the_terms(desk: Desk) -> None:
    await desk.apply(
        person(
            number=5012,
            tax_exempt=True,
            tax_exemption_number="TX-1",
            credit=CreditTerms(currency="USD", limit=Decimal(5000), net_days=30),
            discount_percentage=Decimal("2.5"),
            attributes={"Region": "South"},
        )
    )
    found = there(desk)
    assert found["tax_exempt"] is True
    assert found["payment_on_account"] == {"credit_limit": 5000, "currency_code": "usd", "net_terms": "30_days"}
    assert found["metadata"] == {"Region": "South", "tax_exemption_number": "TX-1"}
    assert found["discount_percentage"] == Decimal("2.5")


async def test_a_missing_name_is_made_of_what_there_is(desk: Desk) -> None:
    await desk.apply(person(1, first_name=None, company="Roofs"), person(2, first_name="", last_name=None))
    assert (there(desk, 1)["first_name"], there(desk, 2)["last_name"]) == ("Roofs", "p2")


@pytest.mark.parametrize("email", [None, "", "nobody", "a@b", "x" * 250 + "@x.example"])
async def test_without_an_email_there_is_no_customer(desk: Desk, email: str | None) -> None:
    outcome = only(await desk.apply(person(email=email)))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "email_missing"
    assert PUT not in desk.calls()


async def test_addresses_that_cannot_be_are_left_out_alone(desk: Desk) -> None:
    book = (
        address("1", line1=None), address("2", city=" "), address("3", country=None), address("4", phone="1" * 25),
    )  # fmt: skip
    outcome = only(await desk.apply(person(addresses=book, default_shipping="1", default_billing="4")))
    assert isinstance(outcome, Applied)
    assert [(skip.code, skip.note) for skip in outcome.skips] == [
        ("address_line1_missing", False),
        ("city_missing", False),
        ("country_unknown", False),
        ("truncated", True),
    ]
    found = there(desk)
    assert [row["external_id"] for row in found["addresses"]] == ["4"]
    assert found["default_shipping_address_id"] is None


async def test_a_customer_out_of_scope_is_made_by_nobody_and_may_not_stay(desk: Desk) -> None:
    desk.settings = desk.settings.with_b2b_types("4")
    await desk.apply(CustomerGroup(key="ct-4", name="Trade"), CustomerGroup(key="ct-9", name="Other"))
    outcome = only(await desk.apply(person(group="ct-9", price_lists=("ct-9",))))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged
    assert desk.site.customers.all() == []
    await desk.apply(person(group="ct-4"))
    assert there(desk)["status"] == "active"
    await desk.apply(person(group="ct-9"))
    assert there(desk)["status"] == "inactive"
    await desk.apply(person(group="ct-4"))
    assert there(desk)["status"] == "active"


async def test_a_deleted_customer_may_not_sign_in_any_more(desk: Desk) -> None:
    await desk.apply(person())
    assert isinstance(await desk.delete("customer", "sparkpay:5012"), Applied)
    assert there(desk)["status"] == "inactive"
    desk.calls()
    again = await desk.delete("customer", "sparkpay:5012")
    assert isinstance(again, Applied)
    assert again.unchanged
    assert desk.calls() == []
    await desk.apply(person())
    assert there(desk)["status"] == "active"


async def test_a_deleted_customer_goes_where_the_setting_says_so(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(customers__on_remove="delete")
    desk.settings = desk.settings.with_b2b_types("all")
    await desk.apply(person())
    await desk.delete("customer", "sparkpay:5012")
    assert desk.site.customers.all() == []
    await desk.apply(person(company="Back"))
    assert there(desk)["company_name"] == "Back"


async def test_a_sub_account_waits_for_its_parent(desk: Desk) -> None:
    child = person(6, parent="sparkpay:5012", role=CustomerRole.LIMITED)
    outcome = only(await desk.apply(child))
    assert isinstance(outcome, Waiting)
    assert outcome.for_ == "customer:sparkpay:5012"
    assert PUT not in desk.calls()
    both = await desk.apply(child, person())
    assert all(isinstance(outcome, Applied) for outcome in both)
    assert there(desk, 6)["parent_customer"]["external_id"] == "5012"
    assert there(desk, 6)["role"] == "limited-customer"


async def test_a_customer_waits_for_its_group(desk: Desk) -> None:
    outcome = only(await desk.apply(person(group="ct-4")))
    assert isinstance(outcome, Waiting)
    assert outcome.for_ == "customer-group:ct-4"
    await desk.apply(CustomerGroup(key="ct-4", name="Trade"))
    assert isinstance(only(await desk.apply(person(group="ct-4"))), Applied)


async def test_a_known_email_without_a_shop_id_is_the_same_customer(desk: Desk) -> None:
    body = {"email": "p5012@roofers.example", "first_name": "A", "last_name": "B", "discount_percentage": Decimal(3)}
    made = await desk.client.customers.put("email", "p5012@roofers.example", body)
    assert isinstance(only(await desk.apply(person())), Applied)
    found = there(desk)
    assert (found["id"], found["discount_percentage"], found["first_name"]) == (made["id"], 3, "Ana")


async def test_an_email_of_another_customer_is_refused_after_a_second_look(desk: Desk) -> None:
    await desk.apply(person(1, email="same@x.example"))
    outcome = only(await desk.apply(person(2, email="SAME@x.example")))
    assert isinstance(outcome, Failed)
    assert (outcome.retry_after, outcome.target) == (5.0, False)
    (again,) = await desk.run("customer", "sparkpay:2", attempts=1)
    assert isinstance(again, Rejected)
    assert again.code == "email-taken"
    assert "customer 1" in again.message


async def test_an_email_moves_within_a_batch(desk: Desk) -> None:
    await desk.apply(person(1, email="one@x.example"), person(2, email="two@x.example"))
    outcomes = await desk.apply(person(2, email="one@x.example"), person(1, email="three@x.example"))
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    assert there(desk, 2)["email"] == "one@x.example"


async def test_a_customer_that_vanished_there_is_made_again(desk: Desk) -> None:
    await desk.apply(person())
    await desk.client.customers.delete("platform", "5012")
    assert isinstance(only(await desk.apply(person(company="Back"))), Applied)
    assert there(desk)["company_name"] == "Back"


async def test_a_site_that_takes_the_status_elsewhere(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(policy={"status_refused_in_v2": True})
    desk.settings = desk.settings.with_b2b_types("all")
    await desk.apply(person())
    await desk.apply(person(status=CustomerStatus.INACTIVE))
    assert there(desk)["status"] == "inactive"
    desk.calls()
    await desk.apply(person(status=CustomerStatus.ACTIVE))
    assert there(desk)["status"] == "active"
    assert desk.calls() == [PATCH, "PATCH /api/v1/customers/{id}"]


async def test_the_older_interface(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(customers__api="v1")
    desk.settings = desk.settings.with_b2b_types("all")
    assert isinstance(only(await desk.apply(person(addresses=(address("1"), address("2"))))), Applied)
    await desk.apply(person(addresses=(address("2"), address("3")), default_billing="3", company="New"))
    found = there(desk)
    assert ([row["external_id"] for row in found["addresses"]], found["company_name"]) == (["2", "3"], "New")
    await desk.delete("customer", "sparkpay:5012")
    assert there(desk)["status"] == "inactive"


async def test_a_lost_reply_creates_nobody_twice(desk: Desk) -> None:
    desk.faults.add(FaultRule(kind="drop_after", method="PUT", path="*/customers/*"))
    outcome = only(await desk.apply(person()))
    assert isinstance(outcome, Failed)
    assert outcome.uncertain
    assert isinstance(only(await desk.run("customer", "sparkpay:5012")), Applied)
    assert len(desk.site.customers.all()) == 1


async def test_another_services_customer_goes_by_its_whole_key(desk: Desk) -> None:
    await desk.apply(person(key="erp:K-1", group=None, price_lists=None, addresses=None, default_billing=None))
    assert desk.site.customers.find("platform", "erp:K-1") is not None


async def test_groups_are_read_once_and_written_where_they_differ(desk: Desk) -> None:
    groups = [CustomerGroup(key=f"ct-{n}", name=f"Type {n}") for n in range(3)]
    assert all(isinstance(outcome, Applied) for outcome in await desk.apply(*groups))
    assert desk.calls() == [GROUPS, *["POST /api/v1/customer-groups"] * 3]
    desk.restart()
    for row in desk.rows.values():
        row.applied_hash = None
    outcomes = await desk.apply(*groups)
    assert all(isinstance(outcome, Applied) and outcome.unchanged for outcome in outcomes)
    assert desk.calls() == [GROUPS]
    await desk.apply(CustomerGroup(key="ct-1", name="Renamed"))
    assert desk.calls() == ["PATCH /api/v1/customer-groups/{slug}"]


async def test_a_group_with_a_least_order(desk: Desk) -> None:
    money = (Money(amount=Decimal("100.50"), currency="USD"),)
    await desk.apply(CustomerGroup(key="ct-1", name="One", minimum_order=money))
    assert desk.site.groups.settings("ct-1") == [
        {
            "key": "orderTotalsValidation",
            "value": [{"currency_code": "usd", "minimum_value": Decimal("100.5"), "compare_type": "gross"}],
        }
    ]


async def test_the_root_group_has_the_sites_name(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(sparklayer__root_group="base")
    outcome = only(await desk.apply(CustomerGroup(key="base", name="Everybody")))
    assert isinstance(outcome, Applied)
    assert outcome.unchanged


async def test_a_group_goes_when_nobody_is_in_it(desk: Desk) -> None:
    await desk.apply(CustomerGroup(key="ct-1", name="One"))
    await desk.apply(person(group="ct-1"))
    outcome = await desk.delete("customer-group", "ct-1")
    assert isinstance(outcome, Rejected)
    assert outcome.code == "resource-in-use"
    await desk.apply(person(group="base"))
    assert isinstance(await desk.delete("customer-group", "ct-1"), Applied)
    assert not desk.site.groups.has("ct-1")


async def test_a_list_that_prices_made_meanwhile_keeps_its_name(desk: Desk) -> None:
    """Customers know which list they need and not what it is called; prices do."""
    of_customers, of_prices = PriceLists(desk.client), PriceLists(desk.client)
    assert await of_customers.slugs() == frozenset()
    await of_prices.ensure({"sp-ct-7-usd": ("Dealers", "usd")})
    await of_customers.ensure({"sp-ct-7-usd": ("", "usd"), "sp-ct-8-usd": ("", "usd")})
    names = {row["slug"]: row["name"] for row in desk.site.price_lists.all()}
    assert names == {"sp-ct-7-usd": "Dealers", "sp-ct-8-usd": "ct-8"}
    await of_prices.ensure({"sp-ct-8-usd": ("Schools", "usd")})
    assert {row["name"] for row in desk.site.price_lists.all()} == {"Dealers", "Schools"}


async def test_customers_that_are_applied_at_once_read_and_create_the_lists_once(desk: Desk) -> None:
    people = [person(number, price_lists=(f"ct-{number % 2}",)) for number in range(5012, 5020)]
    assert all(isinstance(outcome, Applied) for outcome in await desk.apply(*people))
    calls = desk.calls()
    assert (calls.count(LISTS), calls.count(NEW_LIST)) == (1, 2)


async def test_customers_who_wait_for_a_group_have_the_list_read_twice_and_not_each(desk: Desk) -> None:
    people = [person(number, group="ct-9") for number in range(5012, 5032)]
    assert all(isinstance(outcome, Waiting) for outcome in await desk.apply(*people))
    assert desk.calls() == [GROUPS, GROUPS]
    assert all(isinstance(outcome, Waiting) for outcome in await desk.apply(*people))
    assert desk.calls() == []
    desk.site.groups.create({"slug": "ct-9", "name": "Made by somebody else"})
    desk.now += timedelta(seconds=11)
    assert all(isinstance(outcome, Applied) for outcome in await desk.apply(*people))
    assert desk.calls().count(GROUPS) == 1
