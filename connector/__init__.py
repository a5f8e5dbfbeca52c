"""PayLayer: joins a Spark Pay Online Store with SparkLayer over Apache Kafka."""
