"""SparkLayer payloads -> canonical entities: pure functions."""

from connector.sparklayer.mapping.purchase import order_entity

__all__ = ["order_entity"]
