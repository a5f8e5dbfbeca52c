"""Packed rows are a sequence like the list that they were made of."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sparkpay.packed_rows import packed

ROWS = [
    {
        "id": number,
        "price": Decimal("29.1666") + number,
        "name": f"Größe {number} 😀",
        "gone": None,
        "shown": number % 2 == 0,
        "variants": [{"id": number * 10, "product_id": number}],
    }
    for number in range(1, 134)
]


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 133])
def test_they_are_the_rows_in_their_order_as_often_as_one_looks(count: int) -> None:
    rows = packed(ROWS[:count])

    assert len(rows) == count
    assert bool(rows) is (count > 0)
    assert list(rows) == ROWS[:count]
    assert list(rows) == ROWS[:count]


def test_decimals_stay_exact() -> None:
    (row,) = packed([{"id": 1, "price": Decimal("0.10000")}])

    assert isinstance(row["price"], Decimal)
    assert str(row["price"]) == "0.10000"


@given(st.integers(-150, 150))
def test_a_row_is_found_by_its_place(place: int) -> None:
    rows = packed(ROWS)

    if -len(ROWS) <= place < len(ROWS):
        assert rows[place] == ROWS[place]
    else:
        with pytest.raises(IndexError):
            rows[place]


@given(st.slices(133), st.slices(133))
def test_a_slice_is_a_sequence_of_its_own(first: slice, second: slice) -> None:
    rows = packed(ROWS)[first]

    assert list(rows) == ROWS[first]
    assert len(rows) == len(ROWS[first])
    assert list(rows[second]) == ROWS[first][second]


def test_two_readers_do_not_disturb_each_other() -> None:
    rows = packed(ROWS)

    assert list(zip(rows, rows[60:], strict=False)) == list(zip(ROWS, ROWS[60:], strict=False))


def test_what_is_done_to_the_rows_afterwards_does_not_show() -> None:
    mine = [{"id": 1, "price": 5}]
    rows = packed(mine)
    mine[0]["price"] = 6
    mine.clear()

    assert list(rows) == [{"id": 1, "price": 5}]
