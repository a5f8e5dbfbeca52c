"""Customer groups and customers of the simulated site."""

from typing import Any

import pytest

from connector.sandbox.faults import FaultRule


@pytest.fixture
async def site(caller: Any) -> Any:
    return caller


def customer(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "external_id": "5012",
        "email": "ana@roofers.example",
        "first_name": "Ana",
        "last_name": "Ruiz",
        "addresses": [
            {"external_id": "8801", "address_line1": "12 Oak St", "city": "Austin", "country_code": "US"},
            {"external_id": "8802", "address_line1": "9 Elm St", "city": "Austin", "country_code": "US"},
        ],
        "default_shipping_address_id": "8802",
    }
    return {**body, **changes}


PATH = "/api/v2/customers/platform/5012"


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(error["code"], error["property"]) for error in answer.json()["errors"]]


async def test_groups_answer_with_the_whole_list(site: Any) -> None:
    answer = await site.call("POST", "/api/v1/customer-groups", {"slug": "ct-4", "name": "Trade"})
    assert [row["slug"] for row in answer.json()] == ["base", "ct-4"]
    answer = await site.call("PATCH", "/api/v1/customer-groups/ct-4", {"name": "Trades", "parent_slug": "base"})
    assert answer.json()[1] == {"slug": "ct-4", "name": "Trades", "parent_slug": "base"}


async def test_a_rename_without_parent_puts_the_group_under_the_root(site: Any) -> None:
    for slug, parent in (("a1", None), ("b1", "a1")):
        await site.call("POST", "/api/v1/customer-groups", {"slug": slug, "name": slug, "parent_slug": parent})
    answer = await site.call("PATCH", "/api/v1/customer-groups/b1", {"name": "B"})
    assert answer.json()[2]["parent_slug"] == "base"
    answer = await site.call("PATCH", "/api/v1/customer-groups/a1", {"name": "A", "parent_slug": "a1"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"slug": "12", "name": "x"}, ("invalid-value", "slug")),
        ({"slug": "base", "name": "x"}, ("resource-already-exists", "slug")),
        ({"slug": "c1", "name": "x", "parent_slug": "nobody"}, ("resource-id-not-found", "parent_slug")),
        ({"slug": "c" * 31, "name": "x"}, ("too-long", "slug")),
    ],
)
async def test_a_group_that_cannot_be(site: Any, body: dict[str, Any], code: tuple[str, str]) -> None:
    answer = await site.call("POST", "/api/v1/customer-groups", body)
    assert answer.status_code == 400
    assert codes(answer) == [code]


async def test_a_group_in_use_stays(site: Any) -> None:
    await site.call("POST", "/api/v1/customer-groups", {"slug": "ct-4", "name": "Trade"})
    await site.call("PUT", PATH, customer(group="ct-4"))
    answer = await site.call("DELETE", "/api/v1/customer-groups/ct-4")
    assert codes(answer) == [("resource-in-use", "slug")]
    await site.call("DELETE", PATH)
    assert (await site.call("DELETE", "/api/v1/customer-groups/ct-4")).status_code == 204


async def test_settings_of_a_group(site: Any) -> None:
    rows = [{"key": "orderTotalsValidation", "value": [{"currency_code": "usd", "minimum_value": 100}]}]
    assert (await site.call("PATCH", "/api/v1/settings/base", rows)).status_code == 204
    assert (await site.call("GET", "/api/v1/settings/base")).json() == rows
    assert (await site.call("PATCH", "/api/v1/settings/base", [{"key": "x", "value": 1}])).status_code == 400
    assert (await site.call("PATCH", "/api/v1/settings/nobody", rows)).status_code == 400


async def test_global_settings_take_known_keys_only_and_not_from_the_dashboard(start: Any) -> None:
    caller = await start()
    (first, *_) = (await caller.call("GET", "/api/v1/settings")).json()
    assert (await caller.call("PATCH", "/api/v1/settings", [{**first, "value": "gross"}])).status_code == 204
    assert (await caller.call("PATCH", "/api/v1/settings", [{"key": "x", "value": 1}])).status_code == 400
    caller = await start(dashboard_keys=True)
    assert (await caller.call("PATCH", "/api/v1/settings", [first])).status_code == 403


async def test_a_customer_is_created_then_replaced_as_a_whole(site: Any) -> None:
    answer = await site.call("PUT", PATH, customer(company_name="Ruiz", price_lists=["nowhere"]))
    assert answer.status_code == 201
    first = answer.json()
    assert first["legacy_id"].startswith("cu_")
    assert first["default_shipping_address_id"] == first["addresses"][1]["id"]
    answer = await site.call("PUT", PATH, customer(addresses=customer()["addresses"][1:]))
    assert answer.status_code == 200
    second = answer.json()
    assert (second["id"], second["company_name"], second["price_lists"]) == (first["id"], None, [])
    assert [row["id"] for row in second["addresses"]] == [first["addresses"][1]["id"]]


async def test_no_addresses_key_deletes_all_of_them_on_put_and_none_on_patch(site: Any) -> None:
    await site.call("PUT", PATH, customer())
    answer = await site.call("PATCH", PATH, {"first_name": "Anna"})
    assert (len(answer.json()["addresses"]), answer.json()["first_name"]) == (2, "Anna")
    body = {k: v for k, v in customer().items() if k not in ("addresses", "default_shipping_address_id")}
    assert (await site.call("PUT", PATH, body)).json()["addresses"] == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"external_id": "other"}, ("idMismatch", "external_id")),
        ({"group": "default"}, ("resource-not-found", "group")),
        ({"vatin_numbers": ["TX-1"]}, ("invalid-value", "vatin_numbers[0]")),
        ({"email": "nobody"}, ("invalid-value", "email")),
        ({"role": "boss"}, ("invalid-value", "role")),
        ({"parent_customer_id": "4711"}, ("resource-not-found", "parent_customer_id")),
        ({"default_shipping_address_id": "9"}, ("resource-not-found", "default_shipping_address_id")),
        ({"payment_on_account": {"currency_code": "usd", "net_terms": "soon"}},
         ("invalid-value", "payment_on_account.net_terms")),
        ({"addresses": [{"city": "Austin", "country_code": "US"}]}, ("required", "addresses[0].address_line1")),
        ({"colour": "red"}, ("unknown-field", "colour")),
    ],
)  # fmt: skip
async def test_a_customer_that_cannot_be(site: Any, changes: dict[str, Any], code: tuple[str, str]) -> None:
    answer = await site.call("PUT", PATH, customer(**changes))
    assert answer.status_code == 400
    assert code in codes(answer)


async def test_emails_external_ids_and_addresses_belong_to_one_customer(site: Any) -> None:
    await site.call("PUT", PATH, customer())
    other = {"external_id": "6", "email": "bo@x.example", "addresses": [], "default_shipping_address_id": None}
    path = "/api/v2/customers/platform/6"
    assert (await site.call("PUT", path, customer(**other))).status_code == 201
    answer = await site.call("PUT", path, customer(**{**other, "email": "ANA@roofers.example"}))
    assert (answer.status_code, codes(answer)) == (409, [("resource-already-exists", "email")])
    answer = await site.call("PUT", path, customer(**{**other, "addresses": customer()["addresses"][:1]}))
    assert (answer.status_code, codes(answer)) == (409, [("resource-already-exists", "addresses")])


async def test_an_email_lookup_links_a_customer_to_the_platform(site: Any) -> None:
    body = {"email": "ana@roofers.example", "first_name": "Ana", "last_name": "Ruiz"}
    created = (await site.call("PUT", "/api/v2/customers/email/ana@roofers.example", body)).json()
    assert created["external_id"] is None
    linked = await site.call("PUT", "/api/v2/customers/email/ANA@roofers.example", {**body, "external_id": "5012"})
    assert (linked.status_code, linked.json()["id"]) == (200, created["id"])
    assert (await site.call("GET", PATH)).json()["id"] == created["id"]


async def test_a_sub_account_shows_its_parent_by_both_ids(site: Any) -> None:
    parent = (await site.call("PUT", PATH, customer())).json()
    child = customer(
        external_id="6", email="bo@x.example", addresses=[], default_shipping_address_id=None,
        parent_customer_id="5012", role="limited-customer",
    )  # fmt: skip
    answer = await site.call("PUT", "/api/v2/customers/platform/6", child)
    assert answer.json()["parent_customer"] == {"id": parent["legacy_id"], "external_id": "5012"}


async def test_the_status_can_be_left_to_v1(start: Any) -> None:
    caller = await start(status_refused_in_v2=True)
    answer = await caller.call("PUT", PATH, customer(status="inactive"))
    assert codes(answer) == [("unknown-field", "status")]
    await caller.call("PUT", PATH, customer())
    answer = await caller.call("PATCH", "/api/v1/customers/5012", {"status": "inactive"})
    assert (answer.status_code, answer.json()["status"]) == (200, "inactive")


async def test_v1_has_addresses_apart(site: Any) -> None:
    body = {"email": "ana@roofers.example", "first_name": "Ana", "last_name": "Ruiz", "external_id": "5012"}
    assert (await site.call("POST", "/api/v1/customers", body)).status_code == 201
    address = {"external_id": "8801", "address_line1": "12 Oak St", "city": "Austin", "country_code": "US"}
    assert (await site.call("POST", "/api/v1/customers/5012/addresses", address)).status_code == 201
    assert len((await site.call("GET", "/api/v1/customers/5012/addresses")).json()) == 1
    assert (await site.call("DELETE", "/api/v1/customers/5012/addresses/8801")).status_code == 204
    assert (await site.call("DELETE", "/api/v1/customers/5012/addresses/8801")).status_code == 404
    assert (await site.call("DELETE", "/api/v1/customers/platform/5012")).status_code == 204
    assert (await site.call("GET", "/api/v1/customers/5012")).status_code == 404


async def test_a_deleted_customer_frees_its_names(site: Any) -> None:
    await site.call("PUT", PATH, customer())
    assert (await site.call("DELETE", PATH)).status_code == 204
    assert (await site.call("PUT", PATH, customer())).status_code == 201


async def test_people_do_things_at_the_site_that_are_no_calls(caller: Any) -> None:
    caller.app.state.faults.add(FaultRule("status", status=503, times=None))
    address = {"address_line1": "1 Elm", "city": "Waco", "country_code": "US"}
    body = {"email": "bo@x.example", "first_name": "Bo", "last_name": "Li", "addresses": [address]}
    deed = {"method": "PUT", "path": "/api/v2/customers/email/bo@x.example", "body": body}
    made = await caller.call("POST", "/_sandbox/do", deed)
    assert (made.status_code, made.json()["email"]) == (200, "bo@x.example")
    assert (await caller.call("GET", "/_sandbox/stats")).json()["calls"] == 0
    refused = await caller.call("POST", "/_sandbox/do", {**deed, "body": {"email": "bo@x.example"}})
    assert refused.status_code == 400
    assert "first_name" in refused.text
    nothing = await caller.call("POST", "/_sandbox/do", {"method": "PUT"})
    assert (nothing.status_code, "send" in nothing.text) == (400, True)
