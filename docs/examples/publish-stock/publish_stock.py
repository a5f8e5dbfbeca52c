"""python publish_stock.py CONNECTION SKU LEVEL     needs paylayer and a Kafka client; here confluent-kafka."""

import os
import sys

from confluent_kafka import Producer

from contracts import Stock, StockLevel, changed, encode

connection, sku, level = sys.argv[1:]
stock = Stock(sku=sku, levels=(StockLevel(level=int(level)),))
key, value, headers = encode(changed(stock, connection=connection, source="wms"))

# murmur2 is how Java, kafkajs and PayLayer choose the partition of a key; librdkafka's own choice is another
broker = os.environ.get("KAFKA", "localhost:9092")
producer = Producer({"bootstrap.servers": broker, "enable.idempotence": True, "partitioner": "murmur2_random"})
failed = []
producer.produce(
    "paylayer.stock", key=key, value=value, headers=headers, on_delivery=lambda error, _: error and failed.append(error)
)
if producer.flush(30) or failed:
    sys.exit(f"not published: {failed[0] if failed else 'no answer from ' + broker}")
