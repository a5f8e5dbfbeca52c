"""Spark Pay payloads -> canonical entities: pure functions, the rules of which are the project's mapping.

Who wants several kinds of entity of one product makes an `Offered` of it and hands it to each function.
"""

from connector.sparkpay.mapping.faults import MappingFault
from connector.sparkpay.mapping.price import price_entities
from connector.sparkpay.mapping.product import product_entity
from connector.sparkpay.mapping.sellables import Offered
from connector.sparkpay.mapping.stock import stock_entities

__all__ = ["MappingFault", "Offered", "price_entities", "product_entity", "stock_entities"]
