"""Canonical entities -> SparkLayer: one handler per kind."""

from connector.sparklayer import SparkLayerClient
from handlers.outcome import Handler
from handlers.sparklayer.prices import PriceHandler
from handlers.sparklayer.products import ProductHandler
from handlers.sparklayer.stock import StockHandler


def handlers(client: SparkLayerClient, *, look_only: bool = False) -> dict[str, Handler]:
    """The handlers of one site by kind of entity; they remember what they learn of the site, so keep them.

    With `look_only` what is in doubt is compared with the site, and waits for `A_WRITE` where it differs.
    """
    prices = PriceHandler(client, look_only=look_only)
    products = ProductHandler(client, look_only=look_only, before_write=prices.moving)
    built: tuple[Handler, ...] = (products, prices, StockHandler(client, look_only=look_only))
    return {handler.entity: handler for handler in built}


__all__ = ["PriceHandler", "ProductHandler", "StockHandler", "handlers"]
