"""HTTP: health, metrics and the operations API."""
