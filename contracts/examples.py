"""One event of every type, as the schemas and the AsyncAPI document show them."""

from datetime import UTC, date, datetime
from decimal import Decimal

from contracts.entities import (
    Availability,
    Entity,
    Option,
    Price,
    PriceList,
    PriceRow,
    Product,
    Stock,
    StockLevel,
    Variant,
)
from contracts.events import EVENTS, Event, changed, deleted
from contracts.values import Money

ENTITIES: dict[str, Entity] = {
    "product": Product(
        key="sparkpay:1123",
        refs={"sparkpay": "1123"},
        title="Café table «Ålesund»",
        slug="cafe-table-alesund",
        description="<p>Solid oak, oiled.</p>",
        status=Availability.ACTIVE,
        variants=(
            Variant(
                id="1123-7",
                sku="TAB-ALE-OAK",
                options=(Option(name="Wood", value="Oak"),),
                weight_grams=Decimal(18500),
                rrp=(Money(amount=Decimal("349.90"), currency="EUR"),),
            ),
        ),
    ),
    "price": Price(
        sku="TAB-ALE-OAK",
        refs={"sparkpay": "1123"},
        product="sparkpay:1123",
        currency="EUR",
        lists=(
            PriceList(
                list="base",
                rows=(
                    PriceRow(amount=Decimal("299.00")),
                    PriceRow(from_quantity=10, amount=Decimal("279.50")),
                ),
            ),
            PriceList(
                list="ct-4",
                name="Trade",
                rows=(PriceRow(amount=Decimal("249.00"), valid_until=datetime(2026, 12, 1, tzinfo=UTC)),),
            ),
        ),
    ),
    "stock": Stock(
        sku="TAB-ALE-OAK",
        refs={"erp": "4711"},
        levels=(
            StockLevel(location="default", level=42),
            StockLevel(location="north", name="Tromsø", level=-3, minimum=-9, restock_date=date(2026, 12, 1)),
        ),
    ),
}
_MOMENT = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)


def event(type_: str) -> Event:
    """Return the example of one event type. Raises `KeyError` for a type that does not exist."""
    if type_ not in EVENTS:
        raise KeyError(type_)
    _, kind, what, _ = type_.split(".")
    entity = ENTITIES[kind]
    source = next(iter(entity.refs))
    if what == "deleted":
        return deleted(kind, entity.key, connection="acme", source=source, refs=entity.refs, time=_MOMENT)
    return changed(entity, connection="acme", source=source, time=_MOMENT)
