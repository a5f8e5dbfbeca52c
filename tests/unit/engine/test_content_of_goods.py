"""Prices and stock say the same on both platforms, however each of them puts it."""

from datetime import UTC, date, datetime
from decimal import Decimal

from connector.engine.content import content
from contracts.entities import Price, PriceList, PriceRow, Stock, StockLevel


def price(*lists: PriceList, **fields: str) -> Price:
    return Price(sku="ROPE", currency="USD", lists=lists, **fields)  # type: ignore[arg-type]


def rows(*amounts: str) -> tuple[PriceRow, ...]:
    return tuple(PriceRow(from_quantity=10**at, amount=Decimal(amount)) for at, amount in enumerate(amounts))


def test_lists_in_another_order_under_other_names_and_empty_ones_are_no_difference() -> None:
    base, trade = PriceList(list="base", name="Base", rows=rows("10.00")), PriceList(list="ct-4", rows=rows("9", "8"))
    shown = price(PriceList(list="ct-4", name="Trade", rows=rows("9", "8.0")), PriceList(list="base", rows=rows("10")))
    assert content(price(base, trade)) == content(shown)
    assert content(price(base)) == content(price(base, PriceList(list="ct-7", name="Others")))


def test_an_amount_a_quantity_or_a_period_is_a_difference() -> None:
    now = price(PriceList(list="base", rows=rows("10")))
    sale = PriceRow(amount=Decimal(10), valid_until=datetime(2026, 5, 1, tzinfo=UTC))
    assert content(now) != content(price(PriceList(list="base", rows=rows("11"))))
    assert content(now) != content(price(PriceList(list="base", rows=(PriceRow(from_quantity=2, amount=Decimal(10)),))))
    assert content(now) != content(price(PriceList(list="base", rows=(sale,))))
    assert content(now) != content(price(PriceList(list="ct-4", rows=rows("10"))))


def stock(*levels: StockLevel) -> dict[str, str]:
    return content(Stock(sku="ROPE", levels=levels))


def test_one_level_is_the_same_in_any_place_and_several_are_not() -> None:
    assert stock(StockLevel(location="wh-2", name="Second", level=5)) == stock(StockLevel(level=5, name="Default"))
    here, there = StockLevel(location="default", level=5), StockLevel(location="wh-2", level=7)
    assert stock(here, there) == stock(there, here)
    assert stock(here, there) != stock(StockLevel(location="default", level=7), StockLevel(location="wh-2", level=5))


def test_what_the_other_side_cannot_hold_is_no_difference() -> None:
    assert stock(StockLevel(level=-3)) == stock(StockLevel(level=0))
    assert stock(StockLevel(level=12, unlimited=True)) == stock(StockLevel(unlimited=True))
    assert stock(StockLevel(level=1)) != stock(StockLevel(level=1, restock_date=date(2026, 5, 1)))
    assert stock(StockLevel(level=1)) != stock(StockLevel(level=1, minimum=-9))
