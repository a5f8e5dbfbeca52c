"""Flows that cannot work together, found before anything waits for ever because of them."""

from collections.abc import Iterator

from connector.errors import UserFault
from connector.settings.connection import ONLY_TO_SPARKLAYER, ConnectionSettings


def require_consistent_flows(settings: ConnectionSettings) -> None:
    """Raise `UserFault` that names every contradiction and what to set instead."""
    if found := list(contradictions(settings)):
        raise UserFault("these flows contradict each other: " + "; ".join(found))


def contradictions(settings: ConnectionSettings) -> Iterator[str]:
    """Each in a sentence with its remedy."""
    for kind in sorted(ONLY_TO_SPARKLAYER):
        if settings.flow_of(kind) == "to_sparkpay":
            name = kind.replace("-", "_")
            yield f"flow.{name}=to_sparkpay goes nowhere, nothing can make it in Spark Pay: set to_sparklayer or off"
    yield from _items(settings)
    yield from _people(settings)


def _items(settings: ConnectionSettings) -> Iterator[str]:
    product = settings.flow_of("product")
    for kind in ("price", "stock"):
        direction = settings.flow_of(kind)
        if settings.to_side(kind, "sparklayer") and not settings.to_side("product", "sparklayer"):
            yield (
                f"flow.{kind}={direction} with flow.product={product}: SparkLayer takes it only for items that were "
                f"brought there; set flow.product=to_sparklayer, or flow.{kind}=off"
            )
        elif direction != "off" and product == "off":
            yield (
                f"flow.{kind}={direction} with flow.product=off: nothing tells the items that it belongs to; "
                f"set flow.product=to_sparklayer, to_sparkpay or both, or flow.{kind}=off"
            )


def _people(settings: ConnectionSettings) -> Iterator[str]:
    customer, order = settings.flow_of("customer"), settings.flow_of("order")
    if settings.to_side("order", "sparklayer") and not settings.to_side("customer", "sparklayer"):
        yield (
            f"flow.order={order} with flow.customer={customer}: SparkLayer takes orders only of customers that it "
            f"has; set flow.customer=to_sparklayer or both, or flow.order=to_sparkpay or off"
        )
    elif order == "to_sparkpay" and customer == "off":
        yield (
            "flow.order=to_sparkpay with flow.customer=off: nothing joins the buyers of both sides; "
            "set flow.customer=to_sparklayer, to_sparkpay or both"
        )
    if settings.to_side("order", "sparkpay") and settings.orders.api == "orders_v1":
        yield (
            f"flow.order={order} with orders.api=orders_v1: the older interface has no list, so orders placed in "
            f"SparkLayer are not found; set flow.order=to_sparklayer, or orders.api=purchases"
        )
    if settings.to_side("customer", "sparklayer") and not settings.to_side("customer-group", "sparklayer"):
        group = settings.flow_of("customer-group")
        yield (
            f"flow.customer={customer} with flow.customer_group={group}: customers wait for their group to be there; "
            f"set flow.customer_group=to_sparklayer or both"
        )
