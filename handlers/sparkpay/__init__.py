"""Canonical entities -> Spark Pay: one handler per kind."""

from connector.sparkpay.client import SparkPayClient
from handlers.outcome import Handler
from handlers.sparkpay.customer_types import CustomerGroupHandler
from handlers.sparkpay.customers import CustomerHandler
from handlers.sparkpay.email_turns import EmailTurns
from handlers.sparkpay.orders import OrderHandler
from handlers.sparkpay.prices import PriceHandler
from handlers.sparkpay.product_import import ProductImport
from handlers.sparkpay.products import ProductHandler
from handlers.sparkpay.shop import Shop
from handlers.sparkpay.stock import StockHandler


def handlers(client: SparkPayClient, *, look_only: bool = False) -> dict[str, Handler]:
    """The handlers of one store by kind of entity; they remember what they learn of the store, so keep them.

    With `look_only` what is in doubt is compared with the store, and waits for `A_WRITE` where it differs.
    """
    shop, imports, emails = Shop(client), ProductImport(client), EmailTurns()
    built: tuple[Handler, ...] = (
        CustomerGroupHandler(client, shop, look_only=look_only),
        ProductHandler(client, shop, imports, look_only=look_only),
        PriceHandler(client, shop, imports, look_only=look_only),
        StockHandler(client, shop, imports, look_only=look_only),
        CustomerHandler(client, shop, emails, look_only=look_only),
        OrderHandler(client, shop, emails, look_only=look_only),
    )
    return {handler.entity: handler for handler in built}


__all__ = [
    "CustomerGroupHandler",
    "CustomerHandler",
    "OrderHandler",
    "PriceHandler",
    "ProductHandler",
    "StockHandler",
    "handlers",
]
