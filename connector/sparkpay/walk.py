"""Reading lists by key, never by page number: rows shift between numbered pages while they are read.

Each walk ends when a page holds all that matched, so the last page costs no extra call.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connector.errors import ContractFault
from connector.ports import Priority
from connector.sparkpay.answers import Page, Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.dates import moment
from connector.sparkpay.failures import SIDE
from connector.sparkpay.query import Condition, Query, eq, gt, gte, lte

TICK = timedelta(milliseconds=4)
"""Times are kept in ticks of 3.33 ms and shown in milliseconds: two readings of one time may differ by a tick."""

_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rows:
    """Part of a walk: rows, when and as which request the oldest of their pages was asked for."""

    rows: Sequence[Row]
    started: datetime
    order: int


@dataclass(frozen=True, slots=True)
class Changes(Rows):
    """Rows that changed, and the newest change that has been read whole up to here."""

    until: datetime


async def by_id(
    client: SparkPayClient,
    resource: str,
    query: Query,
    *,
    after: int = 0,
    key: str = "id",
    priority: Priority = Priority.SYNC,
    fresh: bool = True,
) -> AsyncIterator[Page]:
    """Everything that matches, by its id (field `key`), from `after` on.

    Raises `ContractFault` when the platform ignores the key.
    """
    while True:
        asked = query.where(key, gt(after)).sorted_by(key)
        page = await client.page(resource, asked, priority=priority, fresh=fresh)
        if not page.rows:
            return
        after = _in_order(resource, key, page.rows, after, unique=True)[-1]
        yield page
        if page.complete:
            return


async def by_parent(
    client: SparkPayClient,
    resource: str,
    query: Query,
    *,
    parent: str,
    after: int = 0,
    key: str = "id",
    priority: Priority = Priority.SYNC,
) -> AsyncIterator[Rows]:
    """Rows that belong to others, by the field that says to which; the rows of one parent always come together.

    A page may end within a parent, so its last parent is read again with the next page; a parent with more rows than a
    page is walked by id. Rows without a parent are left out.
    """
    start: Condition = gt(after)
    while True:
        page = await client.page(resource, query.where(parent, start).sorted_by(parent, key), priority=priority)
        if not page.rows:
            return
        parents = _in_order(resource, parent, page.rows, after)
        first, last = parents[0], parents[-1]
        if page.complete:
            yield Rows(page.rows, page.started, page.order)
            return
        if first == last:
            rows = list(page.rows)
            one = query.where(parent, eq(last))
            async for more in by_id(client, resource, one, after=rows[-1][key], key=key, priority=priority):
                rows += more.rows
            yield Rows(rows, page.started, page.order)
            start, after = gt(last), last
        else:
            yield Rows(page.rows[: parents.index(last)], page.started, page.order)
            start, after = gte(last), last - 1


async def since(
    client: SparkPayClient,
    resource: str,
    query: Query,
    *,
    start: datetime,
    strict: bool = False,
    priority: Priority = Priority.LIVE,
) -> AsyncIterator[Changes]:
    """What changed at `start` or later (`strict`: later only), oldest first. Rows without a time never show up here.

    The next page begins a tick before the last row of the one before, because what is shown as one time may be kept as
    another. A page that does not get further than that (one mass update may stamp thousands of rows) is walked by id
    within the ticks around it.
    """
    at = start
    while True:
        condition = gt(at) if strict else gte(at)
        asked = query.where("updated_at", condition).sorted_by("updated_at", "id")
        page = await client.page(resource, asked, priority=priority)
        if not page.rows:
            return
        last = _in_order_of_time(resource, page.rows, at)
        if page.complete:
            yield Changes(page.rows, page.started, page.order, last)
            return
        if last - TICK > at:
            at, strict = last - TICK, False
            yield Changes(page.rows, page.started, page.order, at)
            continue
        end = last + TICK
        within = query.where("updated_at", condition, lte(end))
        async for some in by_id(client, resource, within, priority=priority):
            yield Changes(some.rows, some.started, some.order, at)
        yield Changes([], page.started, page.order, last)
        at, strict = end, True


def changed_at(resource: str, row: Row) -> datetime:
    """`updated_at` of a row that was found by it, no later than one can reckon with.

    Raises `ContractFault` where it has none.
    """
    try:
        at = moment(row.get("updated_at"))
    except ValueError as error:
        raise ContractFault(str(error), side=SIDE, endpoint=f"GET /{resource}") from error
    if at is None:
        text = f"row {row.get('id')} was asked for by updated_at and has none"
        raise ContractFault(text, side=SIDE, endpoint=f"GET /{resource}")
    return min(at, _LATEST)


def _in_order_of_time(resource: str, rows: Sequence[Row], start: datetime) -> datetime:
    """The newest time of the rows.

    Rows in another order, or from before `start`, would take the position past unread ones: `ContractFault`.
    """
    last = start
    for row in rows:
        at = changed_at(resource, row)
        if at < last - TICK:
            text = f"row {row.get('id')} of {at} came after {last}: the platform does not sort or filter by updated_at"
            raise ContractFault(text, side=SIDE, endpoint=f"GET /{resource}")
        last = max(last, at)
    return last


def _in_order(resource: str, key: str, rows: Sequence[Row], after: int, *, unique: bool = False) -> list[int]:
    """The keys of the rows. A walk by key over rows in another order would lose rows or never end: `ContractFault`."""
    values: list[int] = []
    before = after
    for value in (row.get(key) for row in rows):
        if not isinstance(value, int) or value < before or (unique and value == after):
            text = f"{key} {value!r} came after {before}: the platform does not sort or filter by {key}"
            raise ContractFault(text, side=SIDE, endpoint=f"GET /{resource}")
        values.append(value)
        before = value
    return values
