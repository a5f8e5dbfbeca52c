"""Figures of PayLayer: `python -m tests.benchmarks` prints a table and writes JSON. Nothing here asserts a time."""
