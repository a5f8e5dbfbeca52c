"""The event types of webhooks, and what a subscription may say (vendor docs: webhooks)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

EVENTS_OF_2020 = frozenset(
    {
        "CustomerCreated",
        "CustomerUpdated",
        "CustomerEmailUpdated",
        "NewOrder",
        "NewValidOrder",
        "OrderUpdated",
        "OrderStatusChanged",
        "NewQuote",
        "QuoteUpdated",
        "QuoteStatusChanged",
        "ProductCreated",
        "ProductUpdated",
    }
)
"""Those that need a store of version 2020.3 or later."""

EVENTS = EVENTS_OF_2020 | {
    "CustomerRegistered",
    "OrderPlaced",
    "OrderApproved",
    "OrderShipped",
    "OrderCanceled",
    "OrderDeclined",
    "PaymentProcessed",
    "ProductStatusChanged",
    "AuthorizingPayment",
    "CapturingPayment",
    "GetPrice",
    "GetDiscount",
    "GetTax",
    "GetProductStatus",
    "ValidateCart",
    "ValidateCheckout",
    "ValidateCustomer",
    "ValidateProduct",
}
_CHOICES = {
    "event_type": EVENTS,
    "failure_type": frozenset({"Ignore", "Error", "Fallback"}),
    "cache_length": frozenset({"Short", "Long", "NoCache"}),
}


def subscription_problems(fields: Mapping[str, object], *, of_2020: bool = True) -> Iterable[str]:
    """What the platform would not take in a body of `webhooks`; older stores do not know the events `of_2020`."""
    if not of_2020 and fields.get("event_type") in EVENTS_OF_2020:
        yield f"event_type: {fields['event_type']!r} is not known"
    for name, allowed in _CHOICES.items():
        if name in fields and fields[name] not in allowed:
            yield f"{name}: {fields[name]!r} is none of {', '.join(sorted(allowed))}"
    if "url" in fields and not str(fields["url"]).startswith(("https://", "http://")):
        yield "url: must be an address"
