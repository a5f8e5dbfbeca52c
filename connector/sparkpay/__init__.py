"""Spark Pay Online Store: its API client, what it says about products, and who watches it for changes."""
