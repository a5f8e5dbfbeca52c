"""Every endpoint of the simulated site."""

from connector.sandbox.sparklayer.endpoints import price_lists, pricing, products, stock, stock_locations
from connector.sandbox.sparklayer.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *products.OPERATIONS,
    *stock.OPERATIONS,
    *stock_locations.OPERATIONS,
    *price_lists.OPERATIONS,
    *pricing.OPERATIONS,
)
