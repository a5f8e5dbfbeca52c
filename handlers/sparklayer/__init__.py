"""Canonical entities -> SparkLayer: one handler per kind."""

from connector.sparklayer import SparkLayerClient
from handlers.outcome import Handler
from handlers.sparklayer.prices import PriceHandler
from handlers.sparklayer.products import ProductHandler
from handlers.sparklayer.stock import StockHandler


def handlers(client: SparkLayerClient) -> dict[str, Handler]:
    """The handlers of one site by kind of entity; they remember what they learn of the site, so keep them."""
    built: tuple[Handler, ...] = (ProductHandler(client), PriceHandler(client), StockHandler(client))
    return {handler.entity: handler for handler in built}


__all__ = ["PriceHandler", "ProductHandler", "StockHandler", "handlers"]
