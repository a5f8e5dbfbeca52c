"""Canonical entities to Spark Pay: one module per kind, the mirror of `handlers.sparklayer`."""
