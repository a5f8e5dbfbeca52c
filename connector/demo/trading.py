"""Buyers of the demo's shop: they sign up and order in Spark Pay, and place orders in SparkLayer."""

import asyncio
import json
from dataclasses import dataclass, field
from random import Random

from connector.demo.oracle import CATALOGUE, ORDERS, PEOPLE, OracleSettings
from connector.demo.shopper import Purchase, buyers, placed_order
from connector.demo.stage import Stage
from connector.errors import Unavailable
from connector.sandbox.sparkpay import SUB_ACCOUNT, fill_trade

CUSTOMERS, ORDERED, PLACED = 40, 25, 5
_METHODS = {"On account": "on-account", "Invoice": "invoice"}
_LONGEST_SECONDS = 60.0
_LOOK_SECONDS = 0.2

SETTINGS = {
    "flow.customer_group": "to_sparklayer",
    "flow.customer": "to_sparklayer",
    "flow.order": "both",
    "customers.association_type_id": str(SUB_ACCOUNT),
    "orders.payment_methods": json.dumps(_METHODS),
    "store.timezone": "America/Chicago",
    "watch.purchases_seconds": "1",
}
"""Of the demo's connection."""

JUDGE = OracleSettings(kinds=CATALOGUE | PEOPLE | ORDERS, association_type_id=SUB_ACCOUNT, payment_methods=_METHODS)
"""The same settings, as the comparison is told of them."""


@dataclass(slots=True)
class Market:
    """What buyers did on a stage; `placed` are their purchases as they placed them in SparkLayer."""

    on: Stage
    seed: int
    placed: list[Purchase] = field(default_factory=list)

    def open(self) -> tuple[int, int]:
        """Customers sign up in Spark Pay and order there. How many customers and orders there are."""
        made = fill_trade(self.on.store, customers=CUSTOMERS, orders=ORDERED, seed=self.seed)
        return len(made.customers), len(made.orders)

    async def place(self) -> int:
        """Orders in SparkLayer; returns when Spark Pay has them all. Raises `Unavailable` where that takes too long."""
        site = self.on.site.dump()
        rng = Random(self.seed)  # noqa: S311 - the demo shall be the same one every time
        people = buyers(site)
        for _ in range(PLACED):
            purchase = placed_order(site, rng.choice(people), rng, at=self.on.site.stamp())
            self.placed.append(purchase)
            self.on.site.purchases.put("sparklayer", self._cart(purchase), purchase)
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                while len(self.arrived()) < len(self.placed):
                    await self.on.core.clock.sleep(_LOOK_SECONDS)
        except TimeoutError:
            missing = len(self.placed) - len(self.arrived())
            raise Unavailable(f"{missing} orders placed in SparkLayer did not reach Spark Pay") from None
        return len(self.placed)

    def arrived(self) -> list[int]:
        """Ids of the orders in Spark Pay that were placed in SparkLayer, in that order."""
        carts = {row["value"]: row["resource_id"] for row in self.on.store.rows("custom_field_values")}
        found = (carts.get(self._cart(purchase)) for purchase in self.placed)
        return [id_ for id_ in found if isinstance(id_, int)]

    def ship_and_cancel(self) -> tuple[int, int]:
        """The merchant sends one of them and calls another one off. How many of each."""
        store = self.on.store
        statuses = {row["name"]: row["id"] for row in store.rows("order_statuses")}
        sent, called_off = self.arrived()[:2]
        store.insert("order_shipments", order_id=sent, shipping_provider_name="UPS", tracking_numbers="1Z0001")
        store.update("orders", sent, order_status_id=statuses["Shipped"])
        store.update("orders", called_off, order_status_id=statuses["Cancelled"])
        return 1, 1

    @staticmethod
    def _cart(purchase: Purchase) -> str:
        return str(purchase["purchase_identifiers"]["sparklayer"])
