"""Whether a site has a customer as it would be sent: for when nobody knows any more what was."""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import NotFound
from connector.settings import ConnectionSettings
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.wire import Row
from handlers.sparklayer.customer_body import Body, merged_lists
from handlers.sparklayer.customers_v1 import NOT_IN_V1
from handlers.sparklayer.likeness import difference

_DEFAULTS = ("default_billing_address_id", "default_shipping_address_id")


async def find_customer(client: SparkLayerClient, id_: str, settings: ConnectionSettings) -> Row | None:
    """The customer of that id of the shop, none where the site has none. Raises a `PlatformError`."""
    try:
        if settings.customers.api == "v2":
            return await client.customers.get("platform", id_)
        there = await client.customers_v1.get(id_)
        return {**there, "addresses": await client.customers_v1.addresses(id_)}
    except NotFound:
        return None


def lacks(there: Row, body: Body, lists: Sequence[str] | None, settings: ConnectionSettings) -> str | None:
    """The first field that is not as it would be sent; none where a write would change nothing."""
    wanted: dict[str, Any] = dict(body)
    if settings.customers.api == "v1":
        kept = {"addresses", *_DEFAULTS}
        wanted = {name: value for name, value in wanted.items() if name not in NOT_IN_V1 or name in kept}
    if lists is not None:
        wanted["price_lists"] = merged_lists(lists, there.get("price_lists") or ())
    return difference(wanted, _as_sent(there))


def _as_sent(there: Row) -> dict[str, Any]:
    """A customer as it is shown, in the words in which one is written."""
    books = {row.get("id"): row.get("external_id") for row in there.get("addresses") or () if isinstance(row, Mapping)}
    parent = there.get("parent_customer")
    shown = {**there, **{name: books.get(there.get(name), there.get(name)) for name in _DEFAULTS}}
    if isinstance(parent, Mapping) and parent.get("external_id"):
        shown["parent_customer_id"] = parent["external_id"]
    return shown
