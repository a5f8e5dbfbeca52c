"""The fast selection finds what a plain scan finds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.sandbox.sparkpay import SparkPayStore
from connector.sandbox.sparkpay.query import Condition, ListQuery
from connector.sandbox.sparkpay.selection import select

START = datetime(2026, 1, 1, tzinfo=UTC)
ZONE = ZoneInfo("America/Chicago")
COMPARE = {"eq": eq, "not": ne, "gt": gt, "gte": ge, "lt": lt, "lte": le}
moments = st.integers(0, 3).map(lambda hours: START + timedelta(hours=hours))
rows = st.fixed_dictionaries(
    {
        "product_id": st.integers(1, 4),
        "price": st.sampled_from([Decimal(1), Decimal("2.5"), Decimal("2.5000"), Decimal(9)]),
        "updated_at": st.none() | moments,
        "start_date": st.sampled_from([None, "", START]),
    }
)
values = {
    "id": st.integers(0, 12),
    "product_id": st.integers(0, 5),
    "price": st.sampled_from([Decimal(0), Decimal("2.5"), Decimal(9)]),
    "updated_at": moments,
    "start_date": st.just(START),
}
conditions = st.sampled_from(sorted(values)).flatmap(
    lambda field: st.builds(Condition, st.just(field), st.sampled_from(sorted(COMPARE)), values[field])
)
groups = st.lists(st.lists(conditions, max_size=3).map(tuple), min_size=1, max_size=2).map(tuple)
sorts = st.lists(
    st.tuples(st.sampled_from(["id", "product_id", "price", "updated_at"]), st.booleans()), max_size=2
).map(tuple)


def holds(row: dict[str, Any], condition: Condition) -> bool:
    value = row[condition.field]
    if value == "" and condition.field == "start_date":
        return condition.operator == "not"
    return value is not None and bool(COMPARE[condition.operator](value, condition.value))


def scanned(rows: list[dict[str, Any]], query: ListQuery) -> list[int]:
    found = [row for row in rows if any(all(holds(row, c) for c in group) for group in query.groups)]
    for field, descending in reversed(query.sort):
        found.sort(key=lambda row: (row[field] is not None, row[field] or 0), reverse=descending)
    return [row["id"] for row in found]


@settings(max_examples=300)
@given(st.lists(rows, max_size=12), groups, sorts, st.integers(1, 3), st.integers(1, 5))
def test_selection(
    given_rows: list[dict[str, Any]],
    given_groups: tuple[tuple[Condition, ...], ...],
    sort: tuple[tuple[str, bool], ...],
    page: int,
    count: int,
) -> None:
    store = SparkPayStore(clock=lambda: START)
    store.tables["product_pricing"].view("price")
    for row in given_rows:
        store.insert("product_pricing", created_at=None, **row)
    if given_rows:
        store.update("product_pricing", 1, touch=False, price=Decimal("2.5"), product_id=4)
    query = ListQuery(groups=given_groups, sort=sort, page=page, count=count)
    expected = scanned(store.rows("product_pricing"), query)
    found = select(store.tables["product_pricing"], query, ZONE)
    assert found.total == len(expected)
    got = [row["id"] for row in found.rows]
    if sort and sort[0][1] and len(sort) == 1:
        # The order among equals is not promised when one field alone sorts downwards.
        wanted = {row["id"]: row[sort[0][0]] for row in store.rows("product_pricing")}
        expected_values = [wanted[row_id] for row_id in expected[(page - 1) * count : page * count]]
        assert [wanted[row_id] for row_id in got] == expected_values
    else:
        assert got == expected[(page - 1) * count : page * count]
