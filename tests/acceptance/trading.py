"""Customers and orders of the whole system: how a connection is set up for them, what is compared, who buys what."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer

from connector.demo.oracle import CATALOGUE, ORDERS, PEOPLE, OracleSettings
from connector.demo.shopper import Purchase, buyers, placed_order
from connector.sandbox.sparkpay import SUB_ACCOUNT
from tests.acceptance.system import System, until

PARTITIONS = 4
METHODS = {"On account": "on-account", "Invoice": "invoice"}
FLOWS = ("flow.customer_group=to_sparklayer", "flow.customer=to_sparklayer", "flow.order=both")
SETTINGS = (
    *FLOWS,
    f"customers.association_type_id={SUB_ACCOUNT}",
    f"orders.payment_methods={json.dumps(METHODS)}",
    "store.timezone=America/Chicago",
    "watch.purchases_seconds=1",
)
JUDGE = OracleSettings(kinds=CATALOGUE | PEOPLE | ORDERS, association_type_id=SUB_ACCOUNT, payment_methods=METHODS)


def judge(api: str = "purchases") -> OracleSettings:
    """What is compared, through one of SparkLayer's interfaces for orders."""
    return replace(JUDGE, orders_api=api)  # type: ignore[arg-type] - one of the two


def rows(system: System, table: str) -> list[dict[str, Any]]:
    """A table of the store."""
    found: list[dict[str, Any]] = system.pay("GET", "state")[table]
    return found


def place(system: System, rng: Random) -> Purchase:
    """Somebody buys something at SparkLayer; the purchase as it was placed."""
    site = system.layer("GET", "state")
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    purchase = placed_order(site, rng.choice(buyers(site)), rng, at=at)
    cart = purchase["purchase_identifiers"]["sparklayer"]
    system.do("PUT", f"/api/v1/purchases/sparklayer/{cart}", purchase)
    return purchase


def order_of(system: System, purchase: Purchase) -> dict[str, Any]:
    """The order that the store has of a purchase, once it has it."""
    cart = purchase["purchase_identifiers"]["sparklayer"]

    def found() -> dict[str, Any] | None:
        state = system.pay("GET", "state")
        held = {value["resource_id"] for value in state["custom_field_values"] if value["value"] == cart}
        return next((order for order in state["orders"] if order["id"] in held), None)

    there: dict[str, Any] = until(f"the store has the order of cart {cart}", found, 60)
    return there


def last_event(system: System, topic: str, key: str) -> dict[str, Any]:
    """The newest event of an entity on its topic, as another service reads it."""
    config = {"bootstrap.servers": system.bootstrap, "group.id": f"{system.prefix}-reader-{time.monotonic_ns()}"}
    reader = Consumer({**config, "auto.offset.reset": "earliest", "enable.partition.eof": True})
    reader.subscribe([f"{system.prefix}.{topic}"])
    found: dict[str, Any] | None = None
    ends, until_ = 0, time.monotonic() + 60
    try:
        while ends < PARTITIONS and time.monotonic() < until_:
            message = reader.poll(1.0)
            if message is None:
                continue
            if message.error() is not None:
                ends += message.error().code() == KafkaError._PARTITION_EOF
            elif message.key() == f"acme/{key}".encode() and message.value():
                found = json.loads(message.value())
    finally:
        reader.close()
    assert found is not None, f"no event of {key} on {topic}"
    return found


def publish(system: System, topic: str, event: Mapping[str, Any]) -> None:
    """As a service in another language would: a plain client, one JSON value."""
    producer = Producer({"bootstrap.servers": system.bootstrap})
    key = f"acme/{event['subject']}".encode()
    producer.produce(f"{system.prefix}.{topic}", json.dumps(event).encode(), key)
    assert producer.flush(20) == 0
