from tests.support.brokers import bus_settings, embedded_kafka, kafka, real_bus_settings, real_kafka

__all__ = ["bus_settings", "embedded_kafka", "kafka", "real_bus_settings", "real_kafka"]
