"""Customers and orders of a world: the merchant edits them, and buyers place orders in SparkLayer."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from connector.demo.shopper import Purchase, buyers, placed_order
from tests.acceptance.system import System

CUSTOMERS, ORDERS = 8, 6
_STATUSES = ("New", "Shipped", "Partly shipped", "Cancelled", "Partly refunded")


@dataclass
class Trade:
    """What people do; `placed` are the purchases as they were placed, `shipments` how many the merchant has made."""

    seed: int
    system: System
    placed: list[Purchase] = field(default_factory=list)
    shipments: int = 0
    orders: int = 0
    done: int = 0
    _rng: Random = field(init=False)

    def __post_init__(self) -> None:
        self._rng = Random(f"trade {self.seed}")
        state = self.system.pay("GET", "state")
        self.shipments, self.orders = len(state["order_shipments"]), len(state["orders"])

    def edit(self) -> str:
        """One edit of the merchant's, in words."""
        self.done += 1
        state = self.system.pay("GET", "state")
        act = self._rng.choice((self._customer, self._customer, self._address, self._status, self._status, self._ship))
        return act(state)

    def place(self) -> str:
        """Somebody buys something, if anybody has signed in yet; in words."""
        site = self.system.layer("GET", "state")
        people = buyers(site)
        if not people:
            return "nobody can buy anything yet"
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        purchase = placed_order(site, self._rng.choice(people), self._rng, at=at)
        cart = purchase["purchase_identifiers"]["sparklayer"]
        self.system.do("PUT", f"/api/v1/purchases/sparklayer/{cart}", purchase)
        self.placed.append(purchase)
        return f"order {cart} is placed in SparkLayer"

    def _customer(self, state: dict[str, Any]) -> str:
        row = self._rng.choice(state["customers"])
        number = self._rng.randrange(1000)
        fields: dict[str, Any] = self._rng.choice(
            (
                {"company": f"Company {number}"},
                {"first_name": f"Ana {number}", "last_name": "Ruiz"},
                {"is_no_tax_customer": not row["is_no_tax_customer"]},
                {"email": f"new.{number}.{row['id']}@shop.example"},
                {"customer_type_id": self._rng.choice(state["customer_types"])["id"]},
                {"credit_limit": f"{number}.00", "payment_net_term": 30},
            )
        )
        self.system.edit("update", "customers", row["id"], **fields)
        return f"customer {row['id']}: {fields}"

    def _address(self, state: dict[str, Any]) -> str:
        city = f"City {self._rng.randrange(1000)}"
        if state["addresses"] and self._rng.random() < 0.6:
            row = self._rng.choice(state["addresses"])
            if self._rng.random() < 0.2:
                self.system.edit("delete", "addresses", row["id"])
                return f"address {row['id']} is gone"
            self.system.edit("update", "addresses", row["id"], city=city)
            return f"address {row['id']}: {city}"
        owner = self._rng.choice(state["customers"])["id"]
        place = {"address_line_1": "1 Elm", "city": city, "state": "Texas", "country": "United States"}
        made = self.system.edit("insert", "addresses", customer_id=owner, postal_code="78701", **place)
        return f"address {made['id']} of customer {owner}"

    def _status(self, state: dict[str, Any]) -> str:
        order = self._rng.choice(state["orders"])
        names = {row["name"]: row["id"] for row in state["order_statuses"]}
        name = self._rng.choice(_STATUSES)
        self.system.edit("update", "orders", order["id"], order_status_id=names[name])
        return f"order {order['id']}: {name}"

    def _ship(self, state: dict[str, Any]) -> str:
        order = self._rng.choice(state["orders"])
        items = [row for row in state["order_items"] if row["order_id"] == order["id"]]
        if not items:
            return f"order {order['id']} is still being written"
        part = [{"id": items[0]["id"], "quantity_shipped": 1}]
        made = self.system.edit(
            "insert", "order_shipments", order_id=order["id"], shipping_provider_name="UPS",
            tracking_numbers=f"1Z{self.done:04}", items=part,
        )  # fmt: skip
        self.shipments += 1
        return f"shipment {made['id']} of order {order['id']}"
