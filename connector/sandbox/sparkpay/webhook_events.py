"""The event types of webhooks, what fires them, and what a subscription may say (vendor docs: webhooks)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from connector.sandbox.sparkpay.store import SparkPayStore

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

KEYS = {
    "customers": "customer",
    "orders": "order",
    "quotes": "quote",
    "products": "product",
    "order_payments": "order_payment",
}
"""By resource, the top-level key of a body that shows its row."""

_CREATED = {
    "customers": ("CustomerCreated", "CustomerRegistered"),
    "orders": ("NewOrder", "OrderPlaced"),
    "quotes": ("NewQuote",),
    "products": ("ProductCreated",),
    "order_payments": ("PaymentProcessed",),
}
_UPDATED = {
    "customers": "CustomerUpdated",
    "orders": "OrderUpdated",
    "quotes": "QuoteUpdated",
    "products": "ProductUpdated",
}
_BY_FIELD = {
    ("customers", "email"): "CustomerEmailUpdated",
    ("orders", "order_status_id"): "OrderStatusChanged",
    ("quotes", "order_status_id"): "QuoteStatusChanged",
    ("products", "product_status_id"): "ProductStatusChanged",
}
_BY_STATUS = {"is_shipped": "OrderShipped", "is_cancelled": "OrderCanceled", "is_declined": "OrderDeclined"}
_SILENT = {"products": frozenset({"quantity_on_hand", "quantity_on_order"})}
_CHOICES = {
    "event_type": EVENTS,
    "failure_type": frozenset({"Ignore", "Error", "Fallback"}),
    "cache_length": frozenset({"Short", "Long", "NoCache"}),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One event, and the row that its body shows."""

    event: str
    resource: str
    row_id: int


def events_of(store: SparkPayStore, resource: str, row_id: int, fields: frozenset[str] | None) -> Iterator[Change]:
    """What a change of these fields of a row fires, or that there is a new row (none)."""
    row = store.tables[resource].row(row_id) or {}
    if resource == "order_payments" and row.get("is_approved") and (fields is None or "is_approved" in fields):
        yield Change("OrderApproved", "orders", int(row["order_id"]))
    if resource == "orders" and (fields is None or "order_status_id" in fields):
        yield from (Change(event, resource, row_id) for event in _of_status(store, row, new=fields is None))
    if fields is None:
        yield from (Change(event, resource, row_id) for event in _CREATED[resource])
    elif resource in _UPDATED and not fields <= _SILENT.get(resource, frozenset()):
        yield Change(_UPDATED[resource], resource, row_id)
        for (of, field), event in _BY_FIELD.items():
            if of == resource and field in fields:
                yield Change(event, resource, row_id)


def _of_status(store: SparkPayStore, row: Mapping[str, object], *, new: bool) -> Iterator[str]:
    """A status with one of the flags was set; or the order is new and valid."""
    status = store.get("order_statuses", int(str(row.get("order_status_id") or 0))) or {}
    if not new:
        yield from (event for flag, event in _BY_STATUS.items() if status.get(flag))
    elif not (status.get("is_cancelled") or status.get("is_declined")):
        yield "NewValidOrder"


def subscription_problems(fields: Mapping[str, object], *, of_2020: bool = True) -> Iterable[str]:
    """What the platform would not take in a body of `webhooks`; older stores do not know the events `of_2020`."""
    if not of_2020 and fields.get("event_type") in EVENTS_OF_2020:
        yield f"event_type: {fields['event_type']!r} is not known"
    for name, allowed in _CHOICES.items():
        if name in fields and fields[name] not in allowed:
            yield f"{name}: {fields[name]!r} is none of {', '.join(sorted(allowed))}"
    if "url" in fields and not str(fields["url"]).startswith(("https://", "http://")):
        yield "url: must be an address"
