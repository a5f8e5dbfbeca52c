"""The kinds of things that PayLayer moves. To add one: a model, a line in `KINDS`, a producer function, a handler."""

from dataclasses import dataclass

from contracts.entities.address import Address, CustomerAddress
from contracts.entities.customer import CreditTerms, Customer, CustomerRole, CustomerStatus
from contracts.entities.customer_group import CustomerGroup
from contracts.entities.order import (
    Cancellation,
    Destination,
    Invoice,
    LineKind,
    Order,
    OrderCustomer,
    OrderKind,
    OrderLine,
    OrderStatus,
    Payment,
    PaymentMethod,
    Quantity,
    Return,
    ReturnedQuantity,
    Shipment,
    Shipping,
    TaxLine,
    Totals,
    Tracking,
)
from contracts.entities.price import Price, PriceList, PriceRow
from contracts.entities.product import Availability, Option, Product, Variant
from contracts.entities.setting import Setting
from contracts.entities.shipping_method import BandBasis, ShippingBand, ShippingMethod
from contracts.entities.stock import Stock, StockLevel
from contracts.entities.stock_location import StockLocation

Entity = Product | Price | Stock | Customer | CustomerGroup | Order | ShippingMethod | StockLocation | Setting


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entity: its name in event types and options, its topic, its model, its key."""

    name: str
    topic: str
    model: type[Entity]
    keyed_by: str


_BY_ORIGIN = "`<system>:<id>` of the system that created it"

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("product", "products", Product, _BY_ORIGIN),
        Kind("price", "prices", Price, "SKU"),
        Kind("stock", "stock", Stock, "SKU"),
        Kind("customer", "customers", Customer, _BY_ORIGIN),
        Kind("customer-group", "customer-groups", CustomerGroup, "slug"),
        Kind("order", "orders", Order, "`sparklayer:<cart id>` where it was placed there, else " + _BY_ORIGIN),
        Kind("shipping-method", "shipping-methods", ShippingMethod, "slug"),
        Kind("stock-location", "stock-locations", StockLocation, "external id"),
        Kind("setting", "settings", Setting, "name"),
    )
}

__all__ = [
    "KINDS",
    "Address",
    "Availability",
    "BandBasis",
    "Cancellation",
    "CreditTerms",
    "Customer",
    "CustomerAddress",
    "CustomerGroup",
    "CustomerRole",
    "CustomerStatus",
    "Destination",
    "Entity",
    "Invoice",
    "Kind",
    "LineKind",
    "Option",
    "Order",
    "OrderCustomer",
    "OrderKind",
    "OrderLine",
    "OrderStatus",
    "Payment",
    "PaymentMethod",
    "Price",
    "PriceList",
    "PriceRow",
    "Product",
    "Quantity",
    "Return",
    "ReturnedQuantity",
    "Setting",
    "Shipment",
    "Shipping",
    "ShippingBand",
    "ShippingMethod",
    "Stock",
    "StockLevel",
    "StockLocation",
    "TaxLine",
    "Totals",
    "Tracking",
    "Variant",
]
