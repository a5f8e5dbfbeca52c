"""Situations that every operation of the Ignite contract may come into, made of its document."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from connector.sandbox.sparkpay import FaultRule
from connector.web.ignite.gate import BURST, LARGEST_BYTES
from tests.unit.web.ignite_contract import OPERATIONS, Caller, resolved, situation
from tests.unit.web.ignite_situations import FULL, asked, connected
from tests.unit.web.ignite_town import TOKEN

CONNECTING = {"createPlatformConnection", "removePlatformConnection"}
CALLING_THE_STORE = (
    "createOrUpdateCustomer", "createSubAccount", "deleteSubAccount", "createCustomerAddress", "updateCustomerAddress",
    "deleteCustomerAddress", "calculateOrder", "completeOrder",
)  # fmt: skip
JSON = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

Run = Callable[[Caller], Awaitable[None]]


def of_each(operations: Iterable[str], status: int) -> Callable[[Run], Run]:
    """The same situation for several operations."""

    def put(run: Run) -> Run:
        for operation in operations:
            situation(operation, status)(run)
        return run

    return put


@of_each(OPERATIONS, 401)
async def without_the_credential(call: Caller) -> None:
    await connected(call)
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": f"Basic {TOKEN}"}):
        assert await call(headers=headers, **asked(call.operation)) == {"error_code": "auth-failure"}
    assert call.town.customers() == []
    assert await call.town.core.connections.ids() == ["tools"]


@of_each(OPERATIONS, 401)
async def while_none_is_configured(call: Caller) -> None:
    call.town.settings(ignite_token=None)
    await call(**asked(call.operation))


@of_each(OPERATIONS, 429)
async def who_goes_on_guessing(call: Caller) -> None:
    for _ in range(BURST):
        await call.send(call.operation, headers={}, **asked(call.operation))
    assert await call(**asked(call.operation)) == {"error_code": "too-many-attempts"}


@of_each(OPERATIONS, 413)
async def a_body_that_is_too_large(call: Caller) -> None:
    given = {**asked(call.operation), "body": None}
    assert await call(content=b" " * (LARGEST_BYTES + 1), **given) == {"error_code": "body-too-large"}


@of_each(OPERATIONS, 500)
async def the_database_is_broken(call: Caller) -> None:
    await connected(call)
    async with call.town.core.database.begin() as transaction:
        for table in ("connections", "ignite_sites"):
            await transaction.execute(sa.text(f"DROP TABLE {table}"))
    assert (await call(**asked(call.operation)))["error_code"] == "system-exception"


@of_each(CALLING_THE_STORE, 500)
async def the_store_lets_nobody_in(call: Caller) -> None:
    await connected(call)
    call.town.shop.state.faults.add(FaultRule("status", times=None, status=401))
    refused = await call(**asked(call.operation))
    assert refused["error_code"] in ("store-not-available", "system-exception")
    assert refused["message"]


@of_each(OPERATIONS, 400)
async def a_site_that_cannot_be(call: Caller) -> None:
    for site in ({"siteEnv": "moon"}, {"siteId": "%C3%A4"}, {"siteId": "x" * 201}):
        assert (await call(**asked(call.operation), **site))["error_code"] == "invalid-request"


@of_each((one for one in OPERATIONS if one not in CONNECTING), 400)
async def a_site_without_a_store(call: Caller) -> None:
    assert (await call(**asked(call.operation)))["error_code"] == "not-connected"


@of_each(FULL, 400)
async def bodies_that_are_none(call: Caller) -> None:
    await connected(call)
    given = {**asked(call.operation), "body": None}
    for raw in (b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"email": "\\ud800"}', b'{"key": "\\u0000"}'):
        assert (await call(headers=JSON, content=raw, **given))["error_code"] == "invalid-request"


@of_each((one for one in FULL if "required" in (OPERATIONS[one].body or {})), 400)
async def a_field_that_is_missing(call: Caller) -> None:
    await connected(call)
    for name in _schema(call)["required"]:
        refused = await call(**_with_body(call, {key: value for key, value in _full(call).items() if key != name}))
        assert refused["error_code"] == "invalid-request"
        assert name in refused["message"]


@of_each(FULL, 400)
async def a_field_of_another_type(call: Caller) -> None:
    await connected(call)
    for name, field in _schema(call)["properties"].items():
        refused = await call(**_with_body(call, {**_full(call), name: _wrong_for(field)}))
        assert refused["error_code"] == "invalid-request"
        assert name in refused["message"]


def _full(call: Caller) -> Mapping[str, Any]:
    found: Mapping[str, Any] = FULL[call.operation]
    return found


def _schema(call: Caller) -> Mapping[str, Any]:
    schema = OPERATIONS[call.operation].body
    assert schema is not None
    return schema


def _with_body(call: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
    return {**asked(call.operation), "body": body}


def _wrong_for(field: Mapping[str, Any]) -> object:
    """A value of a type that the field does not have."""
    kinds = {resolved(one).get("type", "object") for one in field.get("anyOf", [field])}
    return next(value for kind, value in (("array", []), ("object", {}), ("string", "x")) if kind not in kinds)
