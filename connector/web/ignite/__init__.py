"""The Ignite contract: what SparkLayer calls (vendor docs: ignite)."""
