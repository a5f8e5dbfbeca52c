"""A slow machine fails no property: examples have no deadline. The rest is as Hypothesis chose it (`ci` in CI)."""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
