"""A judge of both platforms' final states, written against the mapping's rules and not against the code that maps.

It reads Spark Pay's rows, works out what SparkLayer should hold and names every field that differs. It imports nothing
of the connector, so that a mistake in the mapping cannot hide behind the same mistake here. Where the rules leave a
choice, every reading is accepted and a comment says which.
"""

from connector.demo.oracle.comparison import Comparison, Difference, compare, differences
from connector.demo.oracle.settings import CATALOGUE, ORDERS, PEOPLE, Excuse, OracleSettings

__all__ = [
    "CATALOGUE",
    "ORDERS",
    "PEOPLE",
    "Comparison",
    "Difference",
    "Excuse",
    "OracleSettings",
    "compare",
    "differences",
]
