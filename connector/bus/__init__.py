"""Kafka: publishing, intake, dead letters and replay. Knows no platform and no database."""
