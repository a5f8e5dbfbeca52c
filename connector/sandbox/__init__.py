"""Simulations of the two platforms, strict and stateful, for demos, tests and trying things out.

They stand for the outside world, so they import nothing of the rest of the connector.
"""
