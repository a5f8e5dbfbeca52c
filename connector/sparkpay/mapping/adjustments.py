"""What the chosen options add to a price."""

from collections.abc import Sequence
from decimal import Decimal

from connector.sparkpay.mapping.options import Choice

_DOLLARS = {"+ dollars": 1, "- dollars": -1}
_PERCENT = {"+ percent": 1, "- percent": -1}


def understood(choices: Sequence[Choice]) -> bool:
    """Whether every choice adds by a rule that is known (`total`, for one, is not)."""
    return all(not rule or rule in _DOLLARS or rule in _PERCENT for rule in (item.adjustment_rule for item in choices))


def adjusted(price: Decimal, choices: Sequence[Choice]) -> Decimal:
    """The price with all adjustments; each percentage is one of the price itself, not of the others' result."""
    result = price
    for choice in choices:
        result += _DOLLARS.get(choice.adjustment_rule, 0) * choice.adjustment
        result += _PERCENT.get(choice.adjustment_rule, 0) * price * choice.adjustment / 100
    return result
