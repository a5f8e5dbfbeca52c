"""Bringing one customer to SparkLayer without clearing what only SparkLayer knows.

The upsert replaces the whole customer: fields that are left out are cleared (vendor docs: customers v2). So a customer
that is known is changed field by field, and one that may be there already is read before it is replaced.
"""

from collections.abc import Mapping
from typing import Any

from connector.errors import NotFound, PlatformError, Refused
from connector.settings import ConnectionSettings
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.customers import LookUp
from connector.sparklayer.wire import Row
from handlers.outcome import Failed, Outcome, Rejected, Task
from handlers.sparklayer.classify import classify, taken_fields
from handlers.sparklayer.customer_body import Body, Wanted, merged_lists
from handlers.sparklayer.customers_v1 import write_v1

_AGAIN_SECONDS = 5.0
_METHOD_NOT_ALLOWED = 405
_KEPT = (
    "title",
    "company_name",
    "accounting_id",
    "sales_agent_groups",
    "vatin_numbers",
    "discount_percentage",
    "tax_exempt",
    "payment_by_invoice",
    "payment_on_account",
    "metadata",
    "group",
    "role",
    "currency_code",
    "available_shipping_addresses",
    "default_billing_address_id",
    "default_shipping_address_id",
)


class CustomerWriter:
    """Writes customers of one site and remembers what that site does not take."""

    def __init__(self, client: SparkLayerClient) -> None:
        self._client = client
        self._can_change = True  # the partial update is not in every generation of the platform
        self._takes_status = True

    async def write(self, task: Task, wanted: Wanted, settings: ConnectionSettings) -> Row | Outcome:
        """The customer as answered; an outcome where it was not taken. Raises a `PlatformError`."""
        id_ = str(wanted.body["external_id"])
        if settings.customers.api == "v1":
            return await write_v1(self._client, task, wanted)
        try:
            return await self._write(task, id_, wanted, settings)
        except Refused as error:
            if "email" in taken_fields(error) or "external_id" in taken_fields(error):
                return await self._link(task, wanted, error)
            if self._takes_status and any(detail.get("property") == "status" for detail in error.details):
                self._takes_status = False
                return await self.write(task, wanted, settings)
            raise

    async def deactivate(self, id_: str, settings: ConnectionSettings) -> None:
        """Nobody signs in with it any more. Raises `NotFound` and other `PlatformError`s."""
        await self._status(id_, "inactive", settings)

    async def delete(self, id_: str, settings: ConnectionSettings) -> None:
        """Drop it. Raises `NotFound` and other `PlatformError`s."""
        if settings.customers.api == "v1":
            await self._client.customers_v1.delete(id_)
        else:
            await self._client.customers.delete("platform", id_)

    async def _write(self, task: Task, id_: str, wanted: Wanted, settings: ConnectionSettings) -> Row:
        known = bool(task.ledger.get("id"))
        if known and self._can_change:
            try:
                return await self._change(task, id_, wanted)
            except NotFound:
                known = False
            except Refused as error:
                if error.status != _METHOD_NOT_ALLOWED:
                    raise
                self._can_change = False
        there: Row | None = None
        if settings.customers.merge_before_put or known:
            try:
                there = await self._client.customers.get("platform", id_)
            except NotFound:
                there = None
        return await self._put("platform", id_, wanted, there)

    async def _change(self, task: Task, id_: str, wanted: Wanted) -> Row:
        changes = {**self._without_status(wanted.body), **wanted.empty}
        if wanted.lists is not None and wanted.lists != task.ledger.get("lists"):
            there = await self._client.customers.get("platform", id_)
            changes["price_lists"] = merged_lists(wanted.lists, there.get("price_lists") or ())
        answer = await self._client.customers.change("platform", id_, changes)
        return await self._with_status(id_, wanted.body, answer)

    async def _put(self, look_up: LookUp, key: str, wanted: Wanted, there: Row | None) -> Row:
        kept = {name: value for name, value in _kept(there).items() if name not in wanted.empty}
        whole = {**kept, **self._without_status(wanted.body)}
        if wanted.lists is not None or there is not None:
            whole["price_lists"] = merged_lists(wanted.lists or (), (there or {}).get("price_lists") or ())
        answer = await self._client.customers.put(look_up, key, whole)
        return await self._with_status(str(wanted.body["external_id"]), wanted.body, answer)

    async def _link(self, task: Task, wanted: Wanted, error: Refused) -> Row | Outcome:
        """SparkLayer knows the e-mail already: without an id of a shop it is the same customer, else it is another."""
        body = wanted.body
        try:
            there = await self._client.customers.get("email", str(body["email"]))
        except NotFound:
            return classify(error)
        owner = there.get("external_id")
        if owner in (None, ""):
            return await self._put("email", str(body["email"]), wanted, there)
        if task.attempts == 0:  # it may be about to learn our id, or to lose this e-mail
            return Failed(
                error.message, target=False, retry_after=_AGAIN_SECONDS, status=error.status, code="email-taken"
            )
        return Rejected(
            "email-taken",
            f"customer {body['external_id']}: SparkLayer has {body['email']} as customer {owner}; "
            "give one of the two another e-mail address",
            status=error.status,
            details=error.details,
        )

    async def _status(self, id_: str, status: str, settings: ConnectionSettings) -> None:
        if settings.customers.api == "v1" or not self._takes_status or not self._can_change:
            await self._client.customers_v1.change(id_, {"status": status})
            return
        try:
            await self._client.customers.change("platform", id_, {"status": status})
        except Refused as error:
            if error.status != _METHOD_NOT_ALLOWED and not _names_status(error):
                raise
            await self._client.customers_v1.change(id_, {"status": status})

    def _without_status(self, body: Body) -> Body:
        return {name: value for name, value in body.items() if name != "status" or self._takes_status}

    async def _with_status(self, id_: str, body: Body, answer: Row) -> Row:
        if self._takes_status or answer.get("status") == body["status"]:
            return answer
        return {**answer, **await self._client.customers_v1.change(id_, {"status": body["status"]})}


def _kept(there: Row | None) -> dict[str, Any]:
    """What a read showed and a replacement would clear; addresses are ours."""
    if there is None:
        return {}
    kept = {name: there[name] for name in _KEPT if there.get(name) not in (None, [], "")}
    books = {row.get("id"): row.get("external_id") for row in there.get("addresses") or () if isinstance(row, Mapping)}
    for name in ("default_billing_address_id", "default_shipping_address_id"):
        if name in kept:
            kept[name] = books.get(kept[name])
    parent = there.get("parent_customer")
    if isinstance(parent, Mapping) and parent.get("external_id"):
        kept["parent_customer_id"] = parent["external_id"]
    return kept


def _names_status(error: PlatformError) -> bool:
    return any(detail.get("property") == "status" for detail in error.details)
