// java -cp 'LIBS/*' PublishStock.java CONNECTION SKU LEVEL     needs kafka-clients and slf4j-api in LIBS
// Binary mode: the attributes are headers, the value is the entity alone.
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

class PublishStock {
    public static void main(String[] args) throws Exception {
        String connection = args[0], sku = args[1];
        int level = Integer.parseInt(args[2]);
        String value = "{\"sku\":\"%s\",\"levels\":[{\"level\":%d}]}".formatted(json(sku), level);
        var record = new ProducerRecord<>("paylayer.stock", connection + "/" + sku, value);
        Map.of(
                "content-type", "application/json",
                "ce_specversion", "1.0",
                "ce_type", "paylayer.stock.changed.v1",
                "ce_source", "wms",
                "ce_id", UUID.randomUUID().toString(),
                "ce_time", Instant.now().toString(),
                "ce_connection", connection)
            .forEach((name, text) -> record.headers().add(name, text.getBytes(StandardCharsets.UTF_8)));

        String broker = System.getenv().getOrDefault("KAFKA", "localhost:9092");
        Map<String, Object> settings = Map.of("bootstrap.servers", broker, "enable.idempotence", true);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            producer.send(record).get(); // wait for the acknowledgement: only then is it published
        }
    }

    private static String json(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"");
    }
}
