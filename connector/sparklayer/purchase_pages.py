"""All purchases that changed since a moment, though the list is paged by offset and shifts while it is read."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from connector.errors import ContractFault
from connector.sparklayer import endpoint
from connector.sparklayer.mapping.fields import Row, text
from connector.sparklayer.mapping.purchase import cart_of, changed_at, shop_id_of
from connector.sparklayer.purchases import MOST_PER_PAGE, Purchases

OVERLAP = 20
"""Rows that are read twice at the border of two pages: fewer may leave the part that was read without being noticed."""
_MOST_STARTS = 5


async def changed_since(
    purchases: Purchases, since: datetime | None, *, type_: str | None = None
) -> AsyncIterator[Sequence[Row]]:
    """Pages of rows; a row may come more than once. Raises a `PlatformError`.

    Offsets count rows that may move meanwhile: a purchase that changes goes to another place, and all behind it move up
    by one. So each page begins some rows before the end of the last one. Where it does not begin with a row that was
    there before, as it is now, too much has moved, and reading begins anew.
    """
    for _ in range(_MOST_STARTS):
        before: frozenset[object] = frozenset()
        offset = 0
        while True:
            page = await purchases.page(since=since, type_=type_, offset=offset)
            if offset and (not page or _place(page[0]) not in before):
                break
            yield page
            if len(page) < MOST_PER_PAGE:
                return
            before = frozenset(_place(row) for row in page)
            offset += MOST_PER_PAGE - OVERLAP
    raise ContractFault(
        f"the list of purchases moved while it was read, {_MOST_STARTS} times in a row",
        side=endpoint.SIDE,
        endpoint=endpoint.PURCHASES.name,
        status=200,
    )


def _place(row: Row) -> object:
    """What stays the same as long as a row keeps its place among the others."""
    return identity(row), changed_at(row)


def identity(row: Row) -> object:
    """What tells one purchase from the others."""
    return cart_of(row) or shop_id_of(row) or text(row.get("id")) or repr(row.get("purchase_identifiers"))
