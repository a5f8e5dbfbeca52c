"""Every endpoint of the simulated site."""

from connector.sandbox.sparklayer.endpoints import (
    customer_groups,
    customers,
    orders,
    price_lists,
    pricing,
    products,
    purchases,
    settings,
    shipping_methods,
    stock,
    stock_locations,
    sync_log,
)
from connector.sandbox.sparklayer.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *products.OPERATIONS,
    *stock.OPERATIONS,
    *stock_locations.OPERATIONS,
    *price_lists.OPERATIONS,
    *pricing.OPERATIONS,
    *customer_groups.OPERATIONS,
    *customers.OPERATIONS,
    *settings.OPERATIONS,
    *shipping_methods.OPERATIONS,
    *purchases.OPERATIONS,
    *orders.OPERATIONS,
    *sync_log.OPERATIONS,
)
