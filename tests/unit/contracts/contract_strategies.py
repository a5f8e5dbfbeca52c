"""Entities, events and raw records as Hypothesis makes them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import strategies as st

from contracts import (
    KINDS,
    Address,
    Availability,
    BandBasis,
    Cancellation,
    CreditTerms,
    Customer,
    CustomerAddress,
    CustomerGroup,
    CustomerRole,
    CustomerStatus,
    Destination,
    Event,
    Invoice,
    LineKind,
    Money,
    Option,
    Order,
    OrderCustomer,
    OrderKind,
    OrderLine,
    OrderStatus,
    Payment,
    PaymentMethod,
    Price,
    PriceList,
    PriceRow,
    Product,
    Quantity,
    Return,
    ReturnedQuantity,
    Setting,
    Shipment,
    Shipping,
    ShippingBand,
    ShippingMethod,
    Stock,
    StockLevel,
    StockLocation,
    TaxLine,
    Totals,
    Tracking,
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
countries = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)
positive = st.decimals(0, 10**9, places=4, allow_nan=False, allow_infinity=False)
maybe = st.none() | texts
attributes = st.dictionaries(texts, texts, max_size=2)
_address = dict.fromkeys(
    ("title", "first_name", "last_name", "company", "line1", "line2", "city", "region", "postal_code", "phone"), maybe
) | {"country": st.none() | countries}
addresses = st.builds(Address, **_address)
book_addresses = st.builds(CustomerAddress, id=names, refs=refs, nickname=maybe, **_address)
customers = st.builds(
    Customer,
    key=names,
    refs=refs,
    email=maybe,
    group=st.none() | slugs,
    status=st.sampled_from(CustomerStatus),
    role=st.sampled_from(CustomerRole),
    tax_exempt=st.none() | st.booleans(),
    vat_numbers=st.none() | st.lists(texts, max_size=2).map(tuple),
    price_lists=st.none() | st.lists(names, max_size=2).map(tuple),
    discount_percentage=st.none() | st.decimals(0, 100, places=2),
    credit=st.none()
    | st.builds(CreditTerms, currency=currencies, limit=st.none() | positive, net_days=st.none() | st.integers(0, 365)),
    addresses=st.none() | st.lists(book_addresses, max_size=2).map(tuple),
    attributes=attributes,
)
groups = st.builds(
    CustomerGroup,
    key=st.from_regex(r"ct-[0-9]{1,9}", fullmatch=True),
    refs=refs,
    name=names,
    minimum_order=st.none() | st.lists(money, max_size=2).map(tuple),
)
quantities = st.builds(Quantity, line=names, quantity=positive)
returned = st.builds(ReturnedQuantity, line=names, quantity=positive, refund_net=st.none() | positive)
lines = st.builds(
    OrderLine,
    id=names,
    kind=st.sampled_from(LineKind),
    sku=maybe,
    name=texts,
    quantity=positive,
    unit_price=st.none() | positive,
    net=amounts,
    tax=st.none() | amounts,
    attributes=attributes,
)
orders = st.builds(
    Order,
    key=names,
    refs=refs,
    kind=st.sampled_from(OrderKind),
    number=maybe,
    status=st.sampled_from(OrderStatus),
    placed_at=moments,
    currency=currencies,
    customer=st.builds(OrderCustomer, key=st.none() | names, refs=refs, email=maybe),
    payment_method=st.sampled_from(PaymentMethod),
    billing=st.none() | addresses,
    destinations=st.lists(st.builds(Destination, id=names, address=st.none() | addresses), max_size=2).map(tuple),
    lines=st.lists(lines, max_size=2).map(tuple),
    shipping=st.none() | st.builds(Shipping, method=maybe, net=st.none() | amounts),
    taxes=st.lists(st.builds(TaxLine, title=texts, amount=amounts), max_size=2).map(tuple),
    totals=st.builds(Totals, grand=amounts, paid=st.none() | amounts),
    payments=st.lists(
        st.builds(Payment, id=names, amount=amounts, paid=st.booleans(), at=st.none() | moments), max_size=2
    ).map(tuple),
    shipments=st.lists(
        st.builds(
            Shipment,
            id=names,
            at=st.none() | moments,
            tracking=st.lists(st.builds(Tracking, carrier=maybe, number=maybe, url=maybe), max_size=2).map(tuple),
            lines=st.none() | st.lists(quantities, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    cancellations=st.lists(st.builds(Cancellation, id=names, at=st.none() | moments), max_size=2).map(tuple),
    returns=st.lists(
        st.builds(Return, id=names, lines=st.none() | st.lists(returned, max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    invoices=st.lists(st.builds(Invoice, number=texts, url=maybe), max_size=2).map(tuple),
    attributes=attributes,
)
shipping_methods = st.builds(
    ShippingMethod,
    key=names,
    refs=refs,
    name=names,
    enabled=st.booleans(),
    priority=st.integers(0, 127),
    countries=st.lists(countries, max_size=3).map(tuple),
    bands=st.lists(
        st.builds(ShippingBand, basis=st.sampled_from(BandBasis), upper=st.none() | positive, price=positive),
        max_size=2,
    ).map(tuple),
)
stock_locations = st.builds(StockLocation, key=names, refs=refs, name=names)
settings = st.builds(
    Setting, key=names, refs=refs, value=st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
)
entities = products | prices | stocks | customers | groups | orders | shipping_methods | stock_locations | settings


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event of any type."""
    about = {"connection": draw(slugs), "source": draw(names), "time": draw(moments)}
    if draw(st.booleans()):
        return deleted(draw(st.sampled_from(sorted(KINDS))), draw(names), refs=draw(refs), **about)
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
