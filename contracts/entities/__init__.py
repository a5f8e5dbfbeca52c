"""The kinds of things that PayLayer moves. To add one: a model, a line in `KINDS`, a producer function, a handler."""

from dataclasses import dataclass

from contracts.entities.price import Price, PriceList, PriceRow
from contracts.entities.product import Availability, Option, Product, Variant
from contracts.entities.stock import Stock, StockLevel

Entity = Product | Price | Stock


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entity: its name in event types and options, its topic, its model, its key."""

    name: str
    topic: str
    model: type[Product | Price | Stock]
    keyed_by: str


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("product", "products", Product, "`<system>:<id>` of the system that created it"),
        Kind("price", "prices", Price, "SKU"),
        Kind("stock", "stock", Stock, "SKU"),
    )
}

__all__ = [
    "KINDS",
    "Availability",
    "Entity",
    "Kind",
    "Option",
    "Price",
    "PriceList",
    "PriceRow",
    "Product",
    "Stock",
    "StockLevel",
    "Variant",
]
