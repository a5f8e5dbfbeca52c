"""Canonical entities -> Spark Pay: one handler per kind."""

from connector.sparkpay.client import SparkPayClient
from handlers.outcome import Handler
from handlers.sparkpay.customers import CustomerHandler
from handlers.sparkpay.orders import OrderHandler


def handlers(client: SparkPayClient) -> dict[str, Handler]:
    """The handlers of one store by kind of entity; they remember what they learn of the store, so keep them."""
    built: tuple[Handler, ...] = (CustomerHandler(client), OrderHandler(client))
    return {handler.entity: handler for handler in built}


__all__ = ["CustomerHandler", "OrderHandler", "handlers"]
