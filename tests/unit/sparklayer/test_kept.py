"""What SparkLayer cannot hold is no change, and is not lost by reading it back."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from connector.settings import ConnectionSettings
from connector.sparklayer.kept import kept_customer, kept_price, kept_stock
from contracts.entities import Customer, CustomerAddress, Price, PriceList, PriceRow, Stock, StockLevel

SETTINGS = ConnectionSettings()
NOW = datetime(2026, 4, 1, tzinfo=UTC)


def address(id_: str, **fields: str | None) -> CustomerAddress:
    return CustomerAddress(**{"id": id_, "line1": "12 Oak St", "city": "Austin", "country": "US", **fields})  # type: ignore[arg-type]


def customer(**fields: object) -> Customer:
    return Customer.model_validate({"key": "sparkpay:1", "email": "jo.day@x.example", **fields})


@pytest.mark.parametrize(
    ("company", "shown", "kept"),
    [("Day Ltd", "Day Ltd", None), (None, "jo day", None), ("Day Ltd", "Josephine", "Josephine")],
)
def test_a_name_that_stands_in_for_none_is_none(company: str | None, shown: str, kept: str | None) -> None:
    wanted = customer(company=company, last_name="Day")
    there = customer(company=company, first_name=shown, last_name="Day")
    assert (kept_customer(there, wanted, SETTINGS).first_name, there.last_name) == (kept, "Day")


def test_an_address_that_cannot_be_there_is_put_back_with_its_role() -> None:
    atlantis = address("9", country=None)
    wanted = customer(addresses=(address("8"), atlantis), default_billing="9", default_shipping="8")
    there = customer(addresses=(address("8", city="Dallas"),), default_shipping="8")
    kept = kept_customer(there, wanted, SETTINGS)
    assert kept.addresses == (address("8", city="Dallas"), atlantis)
    assert (kept.default_billing, kept.default_shipping) == ("9", "8")


def test_an_address_that_was_deleted_there_stays_deleted() -> None:
    wanted = customer(addresses=(address("8"), address("9")))
    assert kept_customer(customer(addresses=(address("8"),)), wanted, SETTINGS).addresses == (address("8"),)


def test_a_region_without_a_code_is_kept_until_the_country_changes() -> None:
    wanted = customer(addresses=(address("8", region="Nowhere"),))
    for country, region in (("US", "Nowhere"), ("CA", None)):
        kept = kept_customer(customer(addresses=(address("8", country=country),)), wanted, SETTINGS)
        assert [one.region for one in kept.addresses or ()] == [region]


def price(*lists: PriceList) -> Price:
    return Price(sku="ROPE", currency="USD", lists=lists)


@pytest.mark.parametrize(
    ("amount", "hours", "same"),
    [("8", 0, True), ("10", 0, False), ("10", 25, True), ("8", 25, False), ("9", 0, False)],
)
def test_a_list_with_a_sale_is_as_it_was_wanted_during_the_sale_and_after_it(
    amount: str, hours: int, same: bool
) -> None:
    sale = PriceRow(amount=Decimal(8), valid_from=NOW, valid_until=NOW + timedelta(days=1))
    wanted = price(PriceList(list="base", rows=(PriceRow(amount=Decimal(10)), sale)))
    shown = price(PriceList(list="base", rows=(PriceRow(amount=Decimal(amount)),)))
    moments = [NOW + timedelta(hours=hours)]
    assert kept_price(shown, wanted, moments, SETTINGS).lists == (wanted if same else shown).lists


def test_what_was_right_when_it_was_written_is_right_until_it_is_written_again() -> None:
    sale = PriceRow(amount=Decimal(8), valid_until=NOW)
    wanted = price(PriceList(list="base", rows=(sale, PriceRow(amount=Decimal(10), valid_from=NOW))))
    shown = price(PriceList(list="base", rows=(PriceRow(amount=Decimal(8)),)))
    assert kept_price(shown, wanted, [NOW], SETTINGS).lists == shown.lists
    assert kept_price(shown, wanted, [NOW, NOW - timedelta(seconds=1)], SETTINGS).lists == wanted.lists


def test_all_stock_in_one_place_is_the_stock_of_all_places() -> None:
    places = (
        StockLevel(location="default", level=5, restock_date=date(2026, 5, 1)),
        StockLevel(location="wh-2", level=7, minimum=-2),
    )
    wanted = Stock(sku="ROPE", product="sparkpay:1", levels=places, shared=True)
    one = StockLevel(location="default", level=12, minimum=-2, restock_date=date(2026, 5, 1))
    empty = StockLevel(location="wh-2")
    kept = kept_stock(Stock(sku="ROPE", levels=(one, empty)), wanted, SETTINGS)
    assert kept == wanted
    edited = one.model_copy(update={"level": 11})
    kept = kept_stock(Stock(sku="ROPE", levels=(edited,)), wanted, SETTINGS)
    assert (kept.levels, kept.shared, kept.product) == ((edited,), True, "sparkpay:1")


def test_each_place_by_itself_where_the_settings_say_so() -> None:
    settings = SETTINGS.with_values({"stock.mode": "per_warehouse"})
    wanted = Stock(sku="ROPE", levels=(StockLevel(level=5), StockLevel(location="wh-2", level=-3)))
    same = Stock(sku="ROPE", levels=(StockLevel(level=5, name="Default"), StockLevel(location="wh-2")))
    assert kept_stock(same, wanted, settings).levels == wanted.levels
    moved = Stock(sku="ROPE", levels=(StockLevel(level=0), StockLevel(location="wh-2", level=5)))
    assert kept_stock(moved, wanted, settings).levels == moved.levels
