"""Situations of single operations of the Ignite contract: what is asked, answered, and what must have come of it."""

import copy
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from pydantic import SecretStr

from connector.app.joining import Joining
from connector.state.ignite_sites import InstalledStore, SiteKey
from connector.state.tables import metadata
from connector.web.ignite.syncs import ENTITIES, METAFIELDS
from tests.unit.web.ignite_contract import Caller, situation
from tests.unit.web.ignite_town import CONNECT, joined, with_goods
from tests.unit.web.test_web_ignite import token

SITE = SiteKey("test", "tools")
STORE = InstalledStore("http://shop", "store-token-34cd")
PLACE = {
    "title": "Ms", "first_name": "Ana", "last_name": "Ruiz", "company": "Ruiz Roofing", "address_line1": "12 Oak St",
    "address_line2": "Floor 2", "city": "Austin", "region_code": "TX", "postal_code": "78701", "country_code": "us",
    "phone": "512 555 0100",
}  # fmt: skip
CART = {
    "cart_id": "3f0c8c0e-7d1b-4a51-9d51-0d7a3c5b7a10",
    "customer": {"id": "cu_1", "email": "ana@roofers.example", "external_id": "1"},
    "currency_code": "usd",
    "billing_address": PLACE,
    "shipping_address": PLACE,
    "line_items": [{"sku": "ROPE-60", "quantity": 3, "price": 98.5}, {"sku": "KNOT", "quantity": 1, "price": "0.10"}],
    "shipping_line": {"id": "custom-1", "title": "Truck", "price": {"net": "12.50", "gross": "12.50"}},
    "payment_method": "paymentByInvoice",
    "ignite_state": {},
}
FULL: Mapping[str, Any] = {
    "createPlatformConnection": CONNECT,
    "createOrUpdateCustomer": {
        "email": "ana@roofers.example", "first_name": "Ana", "last_name": "Ruiz", "company_name": "Ruiz Roofing",
        "sales_agent_groups": ["north"], "price_lists": ["sp-gold"], "customer_discount_percentage": 7.5,
        "group": "ct-1", "role": "main",
    },
    "createSubAccount": {
        "email": "bo@roofers.example", "first_name": "Bo", "last_name": "Lee", "parent_customer_external_id": "1",
        "role": "limited-customer",
    },
    "createCustomerAddress": {**PLACE, "is_default_shipping": True, "is_default_billing": False},
    "updateCustomerAddress": {**PLACE, "city": "Dallas", "is_default_shipping": False, "is_default_billing": True},
    "calculateOrder": CART,
    "completeOrder": CART,
    "enableMetafield": {"key": "customer.company_name", "name": "Company"},
    "authenticationVerify": {"data": "a.b.c"},
}  # fmt: skip
"""A body of each operation that has one, with everything that is listed in it."""
ADDRESS = {"customer_external_id": "1", "customer_address_external_id": "1"}
GIVEN: Mapping[str, Mapping[str, str]] = {
    "triggerDataSync": {"syncDataType": "products"},
    "deleteSubAccount": {"customer_external_id": "2"},
}
"""Parts of the path where not all are `1`."""


def asked(operation: str) -> dict[str, Any]:
    """An operation as it would be asked in earnest."""
    body = {"body": copy.deepcopy(FULL[operation])} if operation in FULL else {}
    return {**GIVEN.get(operation, {}), **body}


async def connected(call: Caller) -> None:
    """A store with goods, one customer, one sub-account's type; shoppers are known by their token."""
    await joined(call.town, customers__association_type_id="3")
    with_goods(call.town)
    call.town.settings(ignite_verify_secret=SecretStr("storefront-key"))


async def with_ana(call: Caller) -> None:
    await connected(call)
    assert (await call.first("createOrUpdateCustomer", **asked("createOrUpdateCustomer")))[
        "customer_external_id"
    ] == "1"


async def with_her_address(call: Caller) -> None:
    await with_ana(call)
    made = await call.first("createCustomerAddress", **asked("createCustomerAddress"))
    assert made["customer_address_external_id"] == "1"


async def rows_of_the_site(call: Caller) -> dict[str, int]:
    """Rows by table, but for what is of the process."""
    found = {}
    async with call.town.core.database.read() as read:
        for table in metadata.sorted_tables:
            if count := (await read.execute(sa.select(sa.func.count()).select_from(table))).scalar_one():
                found[table.name] = int(count)
    return found


# --- I1, I2: connections


@situation("createPlatformConnection", 201)
async def a_new_site(call: Caller) -> None:
    first = await call(body=CONNECT)
    assert first["redirect_url"].startswith("http://us/oauth/sparkpay/install?link=")
    assert await call(body={**CONNECT, "anything": ["else"]}) == first
    site = await call.town.core.sites.get(SITE)
    assert site is not None
    assert (site.state, site.store_id, site.client_id) == ("pending", "shop", "client-1")
    assert await call.town.core.connections.ids() == []


@situation("createPlatformConnection", 204)
async def a_site_that_is_connected(call: Caller) -> None:
    await call.first("createPlatformConnection", body=CONNECT)
    made = await Joining(call.town.core).installed(SITE, STORE)
    assert made is not None
    run = await call.town.core.runs.next_requested(made.id)
    assert run is not None
    assert (run.entities, run.full) == ((), True)
    await call.town.core.runs.fail(run.id, "broken off")
    call.town.site.clock.advance(1)
    await call(body={**CONNECT, "spark_api_client_secret": "renewed"})
    again = await call.town.core.runs.next_requested(made.id)
    assert again is not None  # the steps of completion are taken once more, safely:
    await call(body={**CONNECT, "spark_api_client_secret": "renewed"})
    assert (await call.town.core.runs.latest(made.id)) == again
    assert len(await call.town.core.connections.ids()) == 1
    assert (await call.town.core.connections.get(made.id)).sparklayer.client_secret == "renewed"


@situation("createPlatformConnection", 204)
async def the_store_was_first(call: Caller) -> None:
    assert await Joining(call.town.core).installed(SITE, STORE) is None
    await call(body=CONNECT)
    assert await call.town.core.connections.ids() != []


@situation("createPlatformConnection", 400)
async def another_store(call: Caller) -> None:
    await call.first("createPlatformConnection", body=CONNECT)
    await Joining(call.town.core).installed(SITE, STORE)
    assert (await call(body={**CONNECT, "store_id": "other"}))["error_code"] == "another-store"


@situation("createPlatformConnection", 204)
async def after_a_removal_that_broke_off(call: Caller) -> None:
    await call.first("createPlatformConnection", body=CONNECT)
    made = await Joining(call.town.core).installed(SITE, STORE)
    assert made is not None
    await call.town.core.sites.set_state(SITE, "removing")
    await call.town.core.connections.set_state(made.id, "paused")
    await call(body=CONNECT)
    assert (await call.town.core.connections.get(made.id)).state == "active"


@situation("createPlatformConnection", 201)
async def after_a_removal_that_broke_off_at_its_end(call: Caller) -> None:
    await call.first("createPlatformConnection", body=CONNECT)
    await call.town.core.sites.set_state(SITE, "removing")
    await call(body=CONNECT)
    assert await Joining(call.town.core).installed(SITE, STORE) is not None


@situation("createPlatformConnection", 201)
async def announced_anew_after_a_removal(call: Caller) -> None:
    await call.first("createPlatformConnection", body=CONNECT)
    made = await Joining(call.town.core).installed(SITE, STORE)
    assert made is not None
    await call.first("removePlatformConnection")
    await call(body=CONNECT)
    await call.town.core.connections.sweep_up(made.id)  # as the service does for a while after a removal
    assert await Joining(call.town.core).installed(SITE, STORE) is not None


@situation("createPlatformConnection", 500)
async def nobody_said_where_we_are(call: Caller) -> None:
    call.town.settings(public_url=None)
    await call(body=CONNECT)


@situation("removePlatformConnection", 204)
async def nothing_is_left(call: Caller) -> None:
    await call.first("createPlatformConnection", body=CONNECT)
    made = await Joining(call.town.core).installed(SITE, STORE)
    assert made is not None
    with_goods(call.town)
    await call.first("createOrUpdateCustomer", **asked("createOrUpdateCustomer"))
    await call.first("completeOrder", **asked("completeOrder"))
    assert len(await rows_of_the_site(call)) > 3
    await call()
    assert await rows_of_the_site(call) == {}
    await call()


@situation("removePlatformConnection", 204)
async def a_site_that_nobody_knows(call: Caller) -> None:
    await call(siteId="nobody")
    await call(siteEnv="live")


# --- I3 to I5: customers and sub-accounts


@situation("createOrUpdateCustomer", 201)
async def made_and_changed(call: Caller) -> None:
    await connected(call)
    full = FULL["createOrUpdateCustomer"]
    assert await call(body=full) == {"customer_external_id": "1"}
    (row,) = call.town.customers()
    assert [row[name] for name in ("email", "first_name", "last_name", "company", "customer_type_id")] == [
        "ana@roofers.example", "Ana", "Ruiz", "Ruiz Roofing", 1,
    ]  # fmt: skip
    again = {"email": full["email"].upper(), "first_name": "Anna", "last_name": "Ruiz", "role": "limited-customer"}
    assert await call(body=again) == {"customer_external_id": "1"}
    (row,) = call.town.customers()
    assert (row["first_name"], row["company"], row["customer_type_id"]) == ("Anna", "Ruiz Roofing", 1)


@situation("createOrUpdateCustomer", 201)
async def fields_that_the_store_has_no_place_for(call: Caller) -> None:
    await connected(call)
    extra = {"sales_agent_groups": [], "price_lists": ["x" * 512], "customer_discount_percentage": -400, "tags": {}}
    for group in ("vip", "ct-77", "ct-x", "default"):
        await call(body={"email": f"{group}@x.example", "first_name": "A", "last_name": "B", "group": group, **extra})
    assert {row["customer_type_id"] for row in call.town.customers()} <= {None, 0}


@situation("createOrUpdateCustomer", 201)
async def a_group_that_is_still_to_come(call: Caller) -> None:
    made = await call.town.core.connections.get(await joined(call.town))
    both = made.settings.with_values({"flow.customer_group": "both", "flow.customer": "both"})
    await call.town.core.connections.update(made.id, settings=both)
    assert both.to_side("customer-group", "sparkpay")
    await call(body={**FULL["createOrUpdateCustomer"], "group": "not-there-yet"})


@situation("createOrUpdateCustomer", 400)
async def two_of_one_address(call: Caller) -> None:
    await connected(call)
    for _ in range(2):
        call.town.store.insert("customers", email="ana@roofers.example", store_id=1)
    assert (await call(body=FULL["createOrUpdateCustomer"]))["error_code"] == "customer-ambiguous"


@situation("createSubAccount", 201)
async def tied_to_its_main_account(call: Caller) -> None:
    await with_ana(call)
    for _ in range(2):
        assert await call(body=FULL["createSubAccount"]) == {"customer_external_id": "2"}
    (tie,) = call.town.store.rows("customer_association")
    assert (tie["parent_customer_id"], tie["child_customer_id"]) == (1, 2)
    assert call.town.customers()[1]["customer_type_id"] == 1


@situation("createSubAccount", 400)
async def taken(call: Caller) -> None:
    await with_ana(call)
    mine = {**FULL["createSubAccount"], "email": "ana@roofers.example"}
    assert (await call(body=mine))["error_code"] == "email-already-taken"


@situation("createSubAccount", 400)
async def of_nobody(call: Caller) -> None:
    await with_ana(call)
    for nobody in ("9", "0", "-1", "x", "٣", "9" * 40):
        body = {**FULL["createSubAccount"], "parent_customer_external_id": nobody}
        assert (await call(body=body))["error_code"] == "parent-not-found"
    assert len(call.town.customers()) == 1


@situation("deleteSubAccount", 204)
async def may_not_sign_in_any_more(call: Caller) -> None:
    await with_ana(call)
    await call.first("createSubAccount", body=FULL["createSubAccount"])
    for _ in range(2):
        await call(customer_external_id="2")
    assert call.town.store.rows("customer_association") == []
    assert [bool(row["is_inactive"]) for row in call.town.customers()] == [False, True]
    for gone in ("77", "x", "9" * 40):
        await call(customer_external_id=gone)


# --- I6 to I8: addresses


@situation("createCustomerAddress", 201)
async def in_the_book_once(call: Caller) -> None:
    await with_ana(call)
    for _ in range(2):
        assert await call(body=FULL["createCustomerAddress"]) == {**PLACE, "customer_address_external_id": "1"}
    (row,) = call.town.store.rows("addresses")
    assert (row["customer_id"], row["is_default_shipping_address"], row["country"]) == (1, True, "United States")
    assert (await call(body={}))["customer_address_external_id"] == "2"


@situation("createCustomerAddress", 400)
async def for_nobody(call: Caller) -> None:
    await connected(call)
    for nobody in ("7", "x", "9" * 40):
        assert (await call(body=PLACE, customer_external_id=nobody))["error_code"] == "customer-not-found"


@situation("updateCustomerAddress", 200)
async def as_it_says(call: Caller) -> None:
    await with_her_address(call)
    body = FULL["updateCustomerAddress"]
    assert await call(body=body) == {**PLACE, "city": "Dallas", "customer_address_external_id": "1"}
    (row,) = call.town.store.rows("addresses")
    assert (row["city"], row["is_default_billing_address"]) == ("Dallas", True)


@situation("updateCustomerAddress", 400)
async def not_hers(call: Caller) -> None:
    await with_her_address(call)
    for customer, address in (("1", "9"), ("9", "1"), ("1", "x"), ("x", "1"), ("1", "9" * 40)):
        path = {"customer_external_id": customer, "customer_address_external_id": address}
        assert (await call(body=PLACE, **path))["error_code"] == "address-not-found"


@situation("deleteCustomerAddress", 204)
async def gone(call: Caller) -> None:
    await with_her_address(call)
    for _ in range(2):
        await call()
    assert call.town.store.rows("addresses") == []
    await call(customer_address_external_id="x")


@situation("deleteCustomerAddress", 400)
async def of_another(call: Caller) -> None:
    await with_her_address(call)
    assert (await call(customer_external_id="9"))["error_code"] == "address-not-found"
    assert len(call.town.store.rows("addresses")) == 1


# --- I9, I10: checkout


@situation("calculateOrder", 200)
async def methods_tax_and_totals(call: Caller) -> None:
    await with_ana(call)
    answer = await call(body=CART)
    assert answer["available_shipping_methods"] == [
        {"id": "custom-1", "title": "Truck", "price": {"net": "12.50", "gross": "12.50"}}
    ]
    totals = {name: (sums["net"], sums["gross"]) for name, sums in answer["totals"].items()}
    assert totals == {
        "total_sub": ("295.60", "319.99"), "total_shipping": ("12.50", "12.50"), "total": ("308.10", "332.49"),
    }  # fmt: skip
    before = len(call.town.shop.state.journal.since(0))
    assert await call(body={**CART, "ignite_state": answer["ignite_state"]}) == answer
    assert len(call.town.shop.state.journal.since(0)) == before
    assert call.town.store.rows("orders") == []


@situation("calculateOrder", 200)
async def a_state_that_is_not_ours(call: Caller) -> None:
    await connected(call)
    answer = await call(body=CART)
    for price in ("NaN", "1e999999", "-1", "x", None, ["1"]):
        spoiled = {**answer["ignite_state"], "rates": [["custom-1", "Truck", price]]}
        assert await call(body={**CART, "ignite_state": spoiled}) == answer


@situation("calculateOrder", 400)
async def goods_that_the_store_does_not_have(call: Caller) -> None:
    await connected(call)
    body = {**CART, "line_items": [{"sku": "NOBODY", "quantity": 1, "price": "1"}]}
    refused = await call(body=body)
    assert refused == {"error_code": "sku-unknown", "message": "NOBODY: the store does not sell this item"}


@situation("completeOrder", 201)
async def one_order_of_a_cart(call: Caller) -> None:
    await with_ana(call)
    for cart_id in (CART["cart_id"], CART["cart_id"], str(CART["cart_id"]).upper()):
        assert await call(body={**CART, "cart_id": cart_id}) == {"order_external_id": "1", "external_id": "1"}
    (order,) = call.town.store.rows("orders")
    assert (order["customer_id"], str(order["grand_total"])) == (1, "308.10")
    assert len(call.town.store.rows("order_items")) == 2
    assert (await call(body={**CART, "cart_id": str(uuid4())}))["external_id"] == "2"


@situation("completeOrder", 201)
async def by_invoice_and_on_account(call: Caller) -> None:
    await with_ana(call)
    for method in (None, "paymentByInvoice", "paymentOnAccount", "somethingElse"):
        answer = await call(body={**CART, "cart_id": str(uuid4()), "payment_method": method})
        assert answer["order_external_id"] == answer["external_id"]
    assert len(call.town.store.rows("orders")) == 4


@situation("completeOrder", 400)
async def what_would_have_to_be_guessed(call: Caller) -> None:
    await with_ana(call)
    for changes, code in (
        ({"line_items": []}, "cart-empty"),
        ({"line_items": [{"sku": "A", "quantity": 1}]}, "price-missing"),
        ({"line_items": [{"sku": "A", "quantity": 1, "price": "1e-9999"}]}, "amount-invalid"),
        ({"line_items": [{"sku": "A", "quantity": 0, "price": 1}]}, "quantity-invalid"),
        ({"line_items": [{"quantity": 1, "price": 1}]}, "sku-missing"),
        ({"payment_method": "upfrontPayment"}, "payment-method-unsupported"),
        ({"customer": {"external_id": "1"}}, "customer-email-missing"),
    ):
        refused = await call(body={**CART, **changes})
        assert refused["error_code"] == code
        assert refused["message"]
    assert call.town.store.rows("orders") == []


# --- I11 to I14


@situation("triggerDataSync", 201)
async def each_kind_of_data(call: Caller) -> None:
    await connected(call)
    for kind, entities in ENTITIES.items():
        await call(syncDataType=kind)
        run = await call.town.core.runs.latest("tools")
        assert run is not None
        assert (run.entities, run.full, run.requested_by) == (entities, True, "ignite")
        call.town.site.clock.advance(1)


@situation("triggerDataSync", 400)
async def one_is_under_way(call: Caller) -> None:
    await connected(call)
    await call.first("triggerDataSync", syncDataType="customers")
    assert (await call(syncDataType="customers"))["error_code"] == "sync-already-running"
    assert (await call(syncDataType="orders"))["error_code"] == "invalid-request"


@situation("getMetafieldConfiguration", 200)
async def every_field_that_is_known(call: Caller) -> None:
    await connected(call)
    assert await call() == [{"key": key, "name": name, "enabled": False} for key, name in METAFIELDS.items()]


@situation("enableMetafield", 204)
async def switched_on(call: Caller) -> None:
    await connected(call)
    for _ in range(2):
        for key in METAFIELDS:
            await call(body={"key": key})
    assert all(field["enabled"] for field in await call.first("getMetafieldConfiguration"))


@situation("enableMetafield", 400)
async def no_such_field(call: Caller) -> None:
    await connected(call)
    assert (await call(body={"key": "customer.shoe_size"}))["error_code"] == "metafield-unknown"


@situation("authenticationVerify", 200)
async def a_shopper_who_is_signed_in(call: Caller) -> None:
    await connected(call)
    later = call.town.site.clock.now().timestamp() + 60
    assert await call(body={"data": token({"sub": "5012", "exp": later})}) == {"customer_external_id": "5012"}


@situation("authenticationVerify", 401)
async def a_shopper_whom_nobody_signed(call: Caller) -> None:
    await connected(call)
    later = call.town.site.clock.now().timestamp() + 60
    for wrong in ("x", token({"sub": "5012", "exp": later}, "other"), token({"sub": "5012", "exp": later - 61})):
        assert (await call(body={"data": wrong}))["error_code"] == "auth-failure"
    assert call.calls == 3
