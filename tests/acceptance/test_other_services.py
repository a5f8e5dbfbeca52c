"""Customer groups, customers and orders of another service reach SparkLayer, in whatever order they come."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from confluent_kafka import Producer

from contracts import (
    Address,
    Customer,
    CustomerAddress,
    CustomerGroup,
    Destination,
    Entity,
    Order,
    OrderCustomer,
    OrderLine,
    OrderStatus,
    Quantity,
    Shipment,
    TopicNames,
    Totals,
    changed,
    deleted,
    encode,
    entity_name,
)
from contracts.events import Event
from tests.acceptance.system import System, until

FLOWS = [f"flow.{kind}=to_sparklayer" for kind in ("customer", "customer_group", "order")]
PLACE: dict[str, Any] = {
    "line1": "12 Oak St",
    "city": "Austin",
    "region": "TX",
    "country": "US",
    "postal_code": "78701",
}


class Erp:
    """Publishes entities as they are now, and waits for the broker's word."""

    def __init__(self, system: System) -> None:
        self._producer = Producer({"bootstrap.servers": system.bootstrap})
        self._names = TopicNames(system.prefix)

    def publish(self, *entities: Entity) -> None:
        for entity in entities:
            self._send(changed(entity, connection="acme", source="erp"))

    def gone(self, kind: str, key: str) -> None:
        self._send(deleted(kind, key, connection="acme", source="erp"))

    def _send(self, event: Event) -> None:
        key, value, headers = encode(event)
        self._producer.produce(self._names.of(entity_name(event)), value, key, headers=list(headers))
        assert self._producer.flush(20) == 0


@pytest.fixture
def erp(system: System) -> Erp:
    return Erp(system)


def buyer(**changes: Any) -> Customer:
    fields: dict[str, Any] = {
        "key": "erp:K-1", "email": "ana@roofers.example", "first_name": "Ana", "last_name": "Ruiz", "group": "gold",
        "addresses": (CustomerAddress(id="erp-a1", **PLACE),), "default_shipping": "erp-a1",
    }  # fmt: skip
    return Customer(**{**fields, **changes})


def order(**changes: Any) -> Order:
    line = OrderLine(
        id="1", sku="ROPE", name="Rope", quantity=Decimal(3), unit_price=Decimal(10), net=Decimal(30), tax=Decimal(0)
    )
    fields: dict[str, Any] = {
        "key": "erp:O-1", "number": "O-1", "placed_at": datetime(2026, 2, 3, 15, tzinfo=UTC), "currency": "USD",
        "customer": OrderCustomer(key="erp:K-1"), "destinations": (Destination(address=Address(**PLACE)),),
        "lines": (line,), "totals": Totals(grand=Decimal(30)),
    }  # fmt: skip
    return Order(**{**fields, **changes})


def state(system: System) -> dict[str, Any]:
    found: dict[str, Any] = system.layer("GET", "state") or {}
    return found


def purchases(system: System) -> list[dict[str, Any]]:
    return list(state(system).get("purchases", []))


def test_groups_customers_and_orders_of_another_service(system: System, erp: Erp) -> None:
    system.sandboxes(products=3)
    system.connect(*FLOWS)
    system.service()
    erp.publish(order())
    erp.publish(buyer())
    until("the order waits for its customer, who waits for the group", lambda: waiting(system) >= 2)
    assert purchases(system) == []
    erp.publish(CustomerGroup(key="gold", name="Gold buyers"))
    until("the order is on SparkLayer", lambda: len(purchases(system)) == 1, 60)
    (customer,) = state(system)["customers"]
    (purchase,) = purchases(system)
    assert (customer["external_id"], customer["group"], customer["status"]) == ("erp:K-1", "gold", "active")
    assert customer["addresses"][0]["region_code"] == "TX"
    assert purchase["customer_identifiers"]["sparklayer"] == customer["legacy_id"]
    assert purchase["purchase_identifiers"] == {"internal": "erp:O-1", "visible": "O-1"}
    sent = Shipment(id="s1", lines=(Quantity(line="1", quantity=Decimal(2)),))
    erp.publish(order(status=OrderStatus.PARTIALLY_SHIPPED, shipments=(sent,)), buyer(company="Ruiz Roofing"))
    until("the shipment is shown", lambda: len(purchases(system)[0]["packages"]) == 2)
    until("the company is shown", lambda: state(system)["customers"][0]["company_name"] == "Ruiz Roofing")
    erp.gone("customer", "erp:K-1")
    until("nobody signs in any more", lambda: state(system)["customers"][0]["status"] == "inactive")
    system.quiet()
    writes = system.layer("GET", "stats")
    erp.publish(order(status=OrderStatus.PARTIALLY_SHIPPED, shipments=(sent,)))
    system.quiet()
    assert system.layer("GET", "stats") == writes, "an event that says nothing new costs no call"


def waiting(system: System) -> int:
    (status,) = system.json("status", "acme")["connections"]
    return int(status["sides"]["sparklayer"]["waiting"])


def test_a_customer_without_an_address_to_sign_in_with_is_a_dead_letter(system: System, erp: Erp) -> None:
    system.sandboxes(products=3)
    system.connect(*FLOWS)
    system.service()
    erp.publish(CustomerGroup(key="gold", name="Gold buyers"), buyer(email=None))
    (letter,) = until("a letter", lambda: system.json("dlq", "list", "--entity", "customer"), 60)
    assert (letter["code"], letter["key"]) == ("email_missing", "erp:K-1")
    erp.publish(buyer())
    until("the customer is there", lambda: len(state(system).get("customers", [])) == 1, 60)
    (letter,) = until(
        "the letter is overtaken",
        lambda: [one for one in system.json("dlq", "list", "--entity", "customer") if one["state"] == "superseded"],
        30,
    )
