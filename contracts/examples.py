"""One event of every type, as the schemas and the AsyncAPI document show them."""

from datetime import UTC, date, datetime
from decimal import Decimal

from contracts.entities import (
    Address,
    Availability,
    BandBasis,
    CreditTerms,
    Customer,
    CustomerAddress,
    CustomerGroup,
    Destination,
    Entity,
    Option,
    Order,
    OrderCustomer,
    OrderLine,
    OrderStatus,
    Payment,
    PaymentMethod,
    Price,
    PriceList,
    PriceRow,
    Product,
    Quantity,
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
)
from contracts.event_types import EVENTS, Event
from contracts.events import changed, deleted
from contracts.values import Money

_MOMENT = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
_OFFICE = Address(
    first_name="Ana",
    last_name="Ruiz",
    company="Ruiz Roofing LLC",
    line1="12 Oak St",
    city="Austin",
    region="TX",
    postal_code="78701",
    country="US",
    phone="+1 512 555 0100",
)

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
    "customer": Customer(
        key="sparkpay:5012",
        refs={"sparkpay": "5012", "sparklayer": "cu_77"},
        email="ana@roofers.example",
        first_name="Ana",
        last_name="Ruiz",
        company="Ruiz Roofing LLC",
        number="R-1044",
        group="ct-4",
        tax_exempt=True,
        currency="EUR",
        price_lists=("ct-4",),
        credit=CreditTerms(currency="EUR", limit=Decimal(5000), net_days=30),
        addresses=(CustomerAddress(id="8801", nickname="Office", **dict(_OFFICE)),),
        default_billing="8801",
        default_shipping="8801",
        attributes={"Region": "South"},
    ),
    "customer-group": CustomerGroup(
        key="ct-4",
        refs={"sparkpay": "4"},
        name="Trade",
        minimum_order=(Money(amount=Decimal(100), currency="EUR"),),
    ),
    "order": Order(
        key="sparklayer:f5b1c2d4-8a57-4f0e-9b0e-2f8d3c6a1e90",
        refs={"sparklayer": "f5b1c2d4-8a57-4f0e-9b0e-2f8d3c6a1e90", "sparkpay": "100020"},
        number="SL-F5B1C2D48A57",
        status=OrderStatus.PARTIALLY_SHIPPED,
        status_name="Partly sent",
        placed_at=datetime(2026, 11, 20, 15, 4, 5, tzinfo=UTC),
        currency="EUR",
        customer=OrderCustomer(key="sparkpay:5012", refs={"sparkpay": "5012"}, email="ana@roofers.example"),
        customer_reference="PO-7781",
        payment_method=PaymentMethod.ON_ACCOUNT,
        net_days=30,
        note="Please ring twice",
        billing=_OFFICE,
        destinations=(Destination(id="1", address=_OFFICE),),
        lines=(
            OrderLine(
                id="9001",
                sku="TAB-ALE-OAK",
                name="Café table «Ålesund»",
                detail="Wood: Oak",
                quantity=Decimal(3),
                unit_price=Decimal("249.00"),
                net=Decimal("747.00"),
                tax=Decimal("61.63"),
            ),
        ),
        shipping=Shipping(method="Ground", code="ground", net=Decimal("12.00"), tax=Decimal(0)),
        taxes=(TaxLine(title="Sales tax", rate=Decimal("0.0825"), amount=Decimal("61.63")),),
        totals=Totals(
            grand=Decimal("820.63"),
            subtotal=Decimal("747.00"),
            shipping=Decimal("12.00"),
            tax=Decimal("61.63"),
            paid=Decimal(0),
        ),
        payments=(Payment(id="77", method=PaymentMethod.ON_ACCOUNT, name="Net 30", amount=Decimal("820.63")),),
        shipments=(
            Shipment(
                id="sh-31",
                at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
                method="Ground",
                tracking=(Tracking(carrier="UPS", number="1Z999", url="https://parcels.example/1Z999"),),
                lines=(Quantity(line="9001", quantity=Decimal(2)),),
            ),
        ),
    ),
    "shipping-method": ShippingMethod(
        key="sp-csm-3",
        refs={"sparkpay": "3"},
        name="Pallet",
        countries=("US", "CA"),
        groups=("ct-4",),
        currency="EUR",
        bands=(
            ShippingBand(basis=BandBasis.WEIGHT, upper=Decimal(100_000), price=Decimal("49.00")),
            ShippingBand(basis=BandBasis.WEIGHT, lower=Decimal(100_000), price=Decimal(0)),
        ),
    ),
    "stock-location": StockLocation(key="wh-2", refs={"sparkpay": "2"}, name="Tromsø"),
    "setting": Setting(key="taxDisplay", refs={"sparkpay": "1"}, value="net"),
}


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
