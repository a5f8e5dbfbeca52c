"""Customers and orders of a simulated store, made as a merchant would."""

from decimal import Decimal

from connector.settings.connection import FlowSettings
from tests.fakes.sparkpay_shop import Shop

FLOWS = {"flow.customer": "to_sparklayer", "flow.order": "to_sparklayer"}
NOTHING_ELSE = {f"flow.{name}": "off" for name in FlowSettings.model_fields if f"flow.{name}" not in FLOWS}


def with_people(**values: str) -> dict[str, str]:
    """Settings of a connection that takes customers and orders from the store, and nothing else."""
    return {**NOTHING_ELSE, **FLOWS, **{key.replace("__", "."): value for key, value in values.items()}}


class Counter:
    """A merchant at the store's counter."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.store = shop.store
        self.open = self._add("order_statuses", name="Fresh", is_open=True)
        self.shipped = self._add("order_statuses", name="Gone", is_shipped=True)
        self.cancelled = self._add("order_statuses", name="Called off", is_cancelled=True)
        self.cart_field = self._add("custom_fields", name="sparklayer_cart_id", resource_type="Orders")
        self.kind = int(str(self.store.rows("customer_types")[0]["id"]))
        self.counted = 0

    def customer(self, *, addresses: int = 1, **fields: object) -> int:
        """A customer of the store with an address book."""
        self.counted += 1
        values = {
            "email": f"buyer{self.counted}@trade.example",
            "store_id": self.store.rows("stores")[0]["id"],
            "first_name": "Ana",
            "last_name": "Ruiz",
            "company": f"Company {self.counted}",
            "customer_type_id": self.kind,
            **fields,
        }
        id_ = self._add("customers", **values)
        for number in range(addresses):
            self.address(id_, address_line_1=f"{number + 1} Oak St")
        return id_

    def address(self, customer: int, **fields: object) -> int:
        """An address in a customer's book."""
        values = {"city": "Austin", "state": "Texas", "postal_code": "78701", "country": "United States", **fields}
        return self._add("addresses", customer_id=customer, **values)

    def order(self, customer: int, *, lines: int = 2, cart: str | None = None, **fields: object) -> int:
        """An order with lines, a payment and two addresses."""
        places = [
            self._add(
                "order_addresses",
                customer_id=customer,
                address_line_1=f"{number} Elm St",
                city="Reno",
                state="Nevada",
                state_code="NV",
                postal_code="89501",
                country="United States",
                country_code="US",
            )
            for number in (1, 2)
        ]
        values = {
            "customer_id": customer,
            "customer_type_id": self.kind,
            "order_status_id": self.open,
            "ordered_at": self.shop.clock.now(),
            "order_billing_address_id": places[0],
            "order_shipping_address_id": places[1],
            "subtotal": Decimal(10 * lines),
            "grand_total": Decimal(10 * lines),
            **fields,
        }
        order = self._add("orders", **values)
        for number in range(lines):
            self.item(order, item_number=f"SKU-{number}")
        self._add(
            "order_payments",
            order_id=order,
            customer_id=customer,
            payment_type="Custom",
            payment_method_name="Net terms",
            amount=Decimal(10 * lines),
        )
        if cart is not None:
            self.field(self.cart_field, order, cart)
        return order

    def item(self, order: int, **fields: object) -> int:
        """A line of an order."""
        values = {"item_name": "Bolt", "price": Decimal(10), "quantity": 1, **fields}
        return self._add("order_items", order_id=order, **values)

    def items_of(self, order: int) -> list[int]:
        """The ids of its lines."""
        return [int(str(row["id"])) for row in self.store.rows("order_items") if row["order_id"] == order]

    def shipment(self, order: int, **fields: object) -> int:
        """A parcel with one piece of each line."""
        items = [{"id": id_, "quantity_shipped": 1} for id_ in self.items_of(order)]
        values = {"shipment_name": "1", "shipped_at": self.shop.clock.now(), "items": items, **fields}
        return self._add("order_shipments", order_id=order, **values)

    def field(self, field: int, resource: int, value: str) -> int:
        """The value of a custom field."""
        return self._add("custom_field_values", custom_field_id=field, resource_id=resource, value=value)

    def _add(self, resource: str, /, **fields: object) -> int:
        return int(str(self.store.insert(resource, **fields)["id"]))
