"""Customers through the older interface: fields in one call, each address in one of its own.

An address cannot be changed there: one that differs is deleted and made anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import NotFound, Refused
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.wire import Row
from handlers.outcome import Outcome, Task
from handlers.sparklayer.classify import taken_fields
from handlers.sparklayer.customer_body import Body, merged_lists

NOT_IN_V1 = frozenset({"addresses", "role", "default_billing_address_id", "default_shipping_address_id"})
_DEFAULTS = ("default_billing_address_id", "default_shipping_address_id")


async def write_v1(client: SparkLayerClient, task: Task, body: Body, lists: Sequence[str] | None) -> Row | Outcome:
    """The customer as answered. Raises a `PlatformError`; every step can be repeated."""
    id_ = str(body["external_id"])
    fields: dict[str, Any] = {name: value for name, value in body.items() if name not in NOT_IN_V1}
    there = await _there(client, id_) if task.ledger.get("id") else None
    if lists is not None and lists != task.ledger.get("lists"):
        fields["price_lists"] = merged_lists(lists, (there or {}).get("price_lists") or ())
    if there is None:
        try:
            answer = await client.customers_v1.create(fields)
        except Refused as error:
            if "external_id" not in taken_fields(error):
                raise
            answer = await client.customers_v1.change(id_, fields)  # a lost reply: it was created
    else:
        answer = await client.customers_v1.change(id_, fields)
    if "addresses" not in body:
        return answer
    await _bring_addresses(client, id_, body["addresses"])
    return await client.customers_v1.change(id_, {name: body[name] for name in _DEFAULTS})


async def _there(client: SparkLayerClient, id_: str) -> Row | None:
    try:
        return await client.customers_v1.get(id_)
    except NotFound:
        return None


async def _bring_addresses(client: SparkLayerClient, id_: str, wanted: Sequence[Mapping[str, Any]]) -> None:
    there = {str(row.get("external_id") or row["id"]): row for row in await client.customers_v1.addresses(id_)}
    named = {str(line["external_id"]): line for line in wanted}
    for address_id, row in there.items():
        if not _same(row, named.get(address_id)):
            await client.customers_v1.delete_address(id_, address_id)
    for address_id, line in named.items():
        if not _same(there.get(address_id), line):
            await client.customers_v1.add_address(id_, line)


def _same(there: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> bool:
    if there is None or wanted is None:
        return False
    shown = {name: value for name, value in there.items() if name not in ("id", "created_at", "updated_at")}
    return {name: value for name, value in shown.items() if value is not None} == dict(wanted)
