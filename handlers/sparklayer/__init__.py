"""Canonical entities -> SparkLayer: one handler per kind."""

from connector.sparklayer import SparkLayerClient
from handlers.outcome import Handler
from handlers.sparklayer.customer_groups import CustomerGroupHandler, GroupDirectory
from handlers.sparklayer.customers import CustomerHandler
from handlers.sparklayer.orders import OrderHandler
from handlers.sparklayer.price_lists import PriceLists
from handlers.sparklayer.prices import PriceHandler
from handlers.sparklayer.products import ProductHandler
from handlers.sparklayer.shipping_methods import ShippingMethodHandler
from handlers.sparklayer.site_settings import SettingHandler
from handlers.sparklayer.stock import StockHandler
from handlers.sparklayer.stock_locations import StockLocations
from handlers.sparklayer.stock_locations_handler import StockLocationHandler


def handlers(client: SparkLayerClient, *, look_only: bool = False) -> dict[str, Handler]:
    """The handlers of one site by kind of entity; they remember what they learn of the site, so keep them.

    With `look_only` what is in doubt is compared with the site, and waits for `A_WRITE` where it differs.
    """
    groups = GroupDirectory(client)
    prices = PriceHandler(client, look_only=look_only)
    built: tuple[Handler, ...] = (
        CustomerGroupHandler(client, groups, look_only=look_only),
        StockLocationHandler(client, StockLocations(client), look_only=look_only),
        SettingHandler(client, look_only=look_only),
        ShippingMethodHandler(client, look_only=look_only),
        ProductHandler(client, look_only=look_only, moving=prices.moving),
        prices,
        StockHandler(client, look_only=look_only),
        CustomerHandler(client, groups, PriceLists(client), look_only=look_only),
        OrderHandler(client, look_only=look_only),
    )
    return {handler.entity: handler for handler in built}


__all__ = [
    "CustomerGroupHandler",
    "CustomerHandler",
    "OrderHandler",
    "PriceHandler",
    "ProductHandler",
    "SettingHandler",
    "ShippingMethodHandler",
    "StockHandler",
    "StockLocationHandler",
    "handlers",
]
