// node publish-stock.mjs CONNECTION SKU LEVEL     needs: npm install kafkajs
import { randomUUID } from "node:crypto";
import { Kafka, Partitioners } from "kafkajs";

const [connection, sku, level] = process.argv.slice(2);
const event = {
  specversion: "1.0",
  type: "paylayer.stock.changed.v1",
  source: "wms",
  id: randomUUID(),
  time: new Date().toISOString(), // when it changed: of two events of one SKU the later time wins
  connection,
  data: { sku, levels: [{ level: Number(level) }] },
};

const kafka = new Kafka({ brokers: [process.env.KAFKA ?? "localhost:9092"] });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true });
await producer.connect();
await producer.send({
  topic: "paylayer.stock",
  acks: -1,
  messages: [
    {
      key: `${connection}/${sku}`,
      headers: { "content-type": "application/cloudevents+json" },
      value: JSON.stringify(event),
    },
  ],
});
await producer.disconnect();
