"""Entities, events and raw records as Hypothesis makes them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import strategies as st

from contracts import (
    Availability,
    Event,
    Money,
    Option,
    Price,
    PriceList,
    PriceRow,
    Product,
    Stock,
    StockLevel,
    Variant,
    changed,
    deleted,
)

# everything that UTF-8 and a database can hold
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
currencies = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3)
amounts = st.decimals(Decimal(-(10**12)), Decimal(10**12), places=4, allow_nan=False, allow_infinity=False)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC) | zones)  # noqa: DTZ001
refs = st.dictionaries(st.sampled_from(["sparkpay", "sparklayer", "erp"]), names)
slugs = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)

options = st.builds(Option, name=texts, value=texts)
money = st.builds(Money, amount=amounts, currency=currencies)
variants = st.builds(
    Variant,
    id=names,
    sku=st.none() | names,
    status=st.sampled_from(Availability),
    position=st.integers(1, 2000),
    options=st.lists(options, max_size=3).map(tuple),
    weight_grams=st.none() | amounts,
    image_url=st.none() | texts,
    rrp=st.lists(money, max_size=2).map(tuple),
    pack_size=st.none() | st.integers(1, 1000),
)
products = st.builds(
    Product,
    key=names,
    refs=refs,
    title=st.none() | texts,
    slug=st.none() | texts,
    description=st.none() | texts,
    status=st.sampled_from(Availability),
    variants=st.lists(variants, max_size=3).map(tuple),
)
price_rows = st.builds(
    PriceRow,
    from_quantity=st.integers(1, 10**6),
    amount=amounts,
    valid_from=st.none() | moments,
    valid_until=st.none() | moments,
)
price_lists = st.builds(
    PriceList,
    list=names,
    name=st.none() | texts,
    rows=st.lists(price_rows, max_size=3).map(tuple),
    reason=st.none() | texts,
)
prices = st.builds(Price, sku=names, refs=refs, currency=currencies, lists=st.lists(price_lists, max_size=3).map(tuple))
levels = st.builds(
    StockLevel,
    location=names,
    name=st.none() | texts,
    level=st.integers(-(2**31), 2**31),
    unlimited=st.booleans(),
    minimum=st.integers(-10000, 0),
    restock_date=st.none() | st.dates(),
)
stocks = st.builds(Stock, sku=names, refs=refs, levels=st.lists(levels, max_size=3).map(tuple))
entities = products | prices | stocks


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event of any type."""
    about = {"connection": draw(slugs), "source": draw(names), "time": draw(moments)}
    if draw(st.booleans()):
        return deleted(draw(st.sampled_from(["product", "price", "stock"])), draw(names), refs=draw(refs), **about)
    return changed(draw(entities), **about)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
raw_headers = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "ce_specversion", "ce_type", "ce_id", "ce_time", "paylayer-target"])
        | st.text(),
        st.none()
        | st.binary(max_size=20)
        | st.sampled_from([b"1.0", b"paylayer.stock.changed.v1", b"2026-01-01T00:00:00Z", b"application/json"]),
    ),
    max_size=8,
)
