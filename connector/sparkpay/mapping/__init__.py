"""Spark Pay payloads -> canonical entities: pure functions, the rules of which are the project's mapping.

Who wants several kinds of entity of one product makes an `Offered` of it and hands it to each function.
"""

from connector.sparkpay.mapping.customer import customer_entity, group_entity
from connector.sparkpay.mapping.faults import MappingFault
from connector.sparkpay.mapping.location import location_entity
from connector.sparkpay.mapping.order import order_entity, order_in_scope
from connector.sparkpay.mapping.price import price_entities
from connector.sparkpay.mapping.product import product_entity
from connector.sparkpay.mapping.scope import customer_in_scope
from connector.sparkpay.mapping.sellables import Offered
from connector.sparkpay.mapping.shipping_method import shipping_method_entity
from connector.sparkpay.mapping.stock import stock_entities

__all__ = [
    "MappingFault",
    "Offered",
    "customer_entity",
    "customer_in_scope",
    "group_entity",
    "location_entity",
    "order_entity",
    "order_in_scope",
    "price_entities",
    "product_entity",
    "shipping_method_entity",
    "stock_entities",
]
