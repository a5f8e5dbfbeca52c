# ruff: noqa: PLR2004 - the shares in which things occur are the content of this module
"""Fills a store that has a catalogue with customers and their orders, the same ones for the same seed and clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random

from connector.sandbox.sparkpay.store import SparkPayStore

SUB_ACCOUNT = 1
"""The kind of `customer_association` that is a sub-account; the platform has no resource that lists them."""

_STATUSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("New", ("is_open",)),
    ("Shipped", ("is_shipped",)),
    ("Partly shipped", ("is_open", "is_partially_shipped")),
    ("Cancelled", ("is_cancelled",)),
    ("Declined", ("is_declined",)),
    ("Refunded", ("is_shipped", "is_fully_refunded")),
    ("Partly refunded", ("is_shipped", "is_partially_refunded")),
    ("Quote", ("is_quote_status",)),
)
_FIRST = ("Ana", "Bo", "Chidi", "Dörte", "Élodie", "Farid", "Grace", "Hiro", "Inés", "李", "Zoë", "")
_LAST = ("Ruiz", "Nguyen", "O'Neill", "Müller", "van der Berg", "Smith", "Łukaszewicz", "")
_TRADES = ("Roofing", "Plumbing", "Hardware", "Schools", "Electric", "Builders & Sons", "Möbel GmbH")
_PLACES = (
    ("Austin", "Texas", "78701", "United States"),
    ("Boston", "Massachusetts", "02139", "United States"),
    ("Toronto", "Ontario", "M5V 2T6", "Canada"),
    ("Berlin", "", "10115", "Germany"),
    ("London", "", "SW1A 1AA", "United Kingdom"),
    ("Poseidonis", "", "1", "Atlantis"),
)
_METHODS = (("Custom", "On account"), ("Custom", "Invoice"), ("CreditCard", "Visa"))
_CARRIERS = ("UPS", "FedEx", "DHL")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class TradeFacts:
    """What was made; `statuses` by name."""

    customers: tuple[int, ...]
    orders: tuple[int, ...]
    statuses: Mapping[str, int]


def fill_trade(store: SparkPayStore, *, customers: int, orders: int, seed: int) -> TradeFacts:
    """Add customers with addresses and sub-accounts, and orders of what the store sells.

    Raises ValueError where there are to be orders and nobody to place them, or nothing to sell.
    """
    return _Filler(store, Random(seed)).fill(customers, orders)


class _Filler:
    def __init__(self, store: SparkPayStore, random: Random) -> None:
        self._store, self._random = store, random
        self._types = [int(row["id"]) for row in store.tables["customer_types"]]
        self._store_id = next((int(row["id"]) for row in store.tables["stores"]), 0)
        self._goods = [row for row in store.tables["products"] if row.get("item_number") and row.get("price")]
        self._statuses = {
            name: store.add("order_statuses", {"name": name, **dict.fromkeys(flags, True)}) for name, flags in _STATUSES
        }
        self._buyers: list[int] = []

    def fill(self, customers: int, orders: int) -> TradeFacts:
        if orders and not (customers and self._goods):
            raise ValueError("orders need customers and products")
        for name in ("sparklayer_cart_id", "Purchase order number"):
            self._store.add("custom_fields", {"name": name, "resource_type": "Orders"})
        people = tuple(self._customer(number) for number in range(1, customers + 1))
        made = tuple(self._order(number) for number in range(1, orders + 1))
        return TradeFacts(people, made, dict(self._statuses))

    def _customer(self, number: int) -> int:
        pick = self._random
        first, last = pick.choice(_FIRST), pick.choice(_LAST)
        company = f"{last or 'Best'} {pick.choice(_TRADES)}" if pick.random() < 0.8 else ""
        credit = pick.random() < 0.4
        id_ = self._store.add(
            "customers",
            {
                "email": f"Buyer.{number}@shop-{number % 97}.example",
                "store_id": self._store_id,
                "first_name": first,
                "last_name": last,
                "company": company,
                "customer_number": f"C-{number:05}" if pick.random() < 0.7 else "",
                "customer_type_id": pick.choice([*self._types, 0]) or None,
                "phone_number": f"512-555-{number % 10_000:04}",
                "is_no_tax_customer": pick.random() < 0.2,
                "tax_exemption_number": f"TX-{number}" if pick.random() < 0.2 else "",
                "credit_limit": Decimal(pick.randrange(1, 100) * 500) if credit else None,
                "payment_net_term": pick.choice([0, 14, 30]) if credit else 0,
                "is_inactive": pick.random() < 0.05,
                "no_account": pick.random() < 0.03,
            },
        )
        for at in range(pick.choice((0, 1, 1, 2, 3))):
            self._address(id_, (first, last), company, at)
        if self._buyers and pick.random() < 0.1:
            link = {"parent_customer_id": self._buyers[0], "child_customer_id": id_}
            self._store.add("customer_association", {**link, "association_type_id": SUB_ACCOUNT})
        else:
            self._buyers.append(id_)
        return id_

    def _address(self, customer_id: int, name: tuple[str, str], company: str, at: int) -> None:
        fields = self._place(name, company)
        self._store.add(
            "addresses",
            {
                "customer_id": customer_id,
                **fields,
                "address_type": "Default" if at == 0 else f"Site {at}",
                "is_default_billing_address": at == 0,
                "is_default_shipping_address": at == 1,
            },
        )

    def _place(self, name: tuple[str, str], company: str, *, known: bool = False) -> dict[str, object]:
        weights = (*([24] * (len(_PLACES) - 1)), 0 if known else 2)
        city, state, code, country = self._random.choices(_PLACES, weights)[0]
        return {
            "first_name": name[0],
            "last_name": name[1],
            "company": company,
            "address_line_1": f"{self._random.randrange(1, 999)} Oak St",
            "address_line_2": self._random.choice(("", "", "Suite 7")),
            "city": city,
            "state": state,
            "postal_code": code,
            "country": country,
            "phone": f"555-{self._random.randrange(10_000):04}",
        }

    def _order(self, number: int) -> int:
        pick, store = self._random, self._store
        customer_id = pick.choice(self._buyers)
        buyer = store.tables["customers"].row(customer_id) or {}
        name = (str(buyer.get("first_name", "")), str(buyer.get("last_name", "")))
        places = [
            store.add("order_addresses", {"customer_id": customer_id, **self._place(name, "", known=True)})
            for _ in range(2)
        ]
        status = pick.choices([each for each, _ in _STATUSES], [50, 15, 10, 8, 3, 4, 4, 2])[0]
        lines = [self._line(row) for row in pick.sample(self._goods, k=min(len(self._goods), pick.choice((1, 2, 4))))]
        subtotal = sum((Decimal(str(line["price"])) * int(str(line["quantity"])) for line in lines), Decimal(0))
        tax = sum((Decimal(str(line["tax"])) for line in lines), Decimal(0))
        shipping, handling = Decimal(pick.choice((0, 12, 25))), Decimal(pick.choice((0, 0, 3)))
        discount = (subtotal * Decimal("0.05")).quantize(_CENT) if pick.random() < 0.2 else Decimal(0)
        placed = store.clock() - timedelta(days=pick.randrange(1, 60), minutes=number % 1440)
        order_id = store.add(
            "orders",
            {
                "customer_id": customer_id,
                "customer_type_id": buyer.get("customer_type_id") or 0,
                "order_status_id": self._statuses[status],
                "order_number": f"W{number:06}" if pick.random() < 0.8 else None,
                "ordered_at": placed,
                "order_status_last_changed_at": placed,
                "order_billing_address_id": places[0],
                "order_shipping_address_id": places[pick.randrange(2)],
                "subtotal": subtotal,
                "tax_total": tax,
                "shipping_total": shipping,
                "handling_total": handling,
                "discount_total": discount,
                "grand_total": subtotal + tax + shipping + handling - discount,
                "selected_shipping_method": "Ground" if shipping else "",
                "instructions": f"PO {number}" if pick.random() < 0.3 else "",
            },
        )
        items = [store.add("order_items", {"order_id": order_id, **line}) for line in lines]
        kind, method = pick.choice(_METHODS)
        paid = kind == "CreditCard"
        store.add(
            "order_payments",
            {
                "order_id": order_id,
                "customer_id": customer_id,
                "payment_type": kind,
                "payment_method_name": method,
                "amount": subtotal + tax + shipping + handling - discount,
                "is_approved": paid,
                "is_captured": paid,
            },
        )
        if status in ("Shipped", "Partly shipped", "Refunded", "Partly refunded"):
            self._shipment(order_id, number, [(items[0], 1)] if status == "Partly shipped" else [])
        return order_id

    def _line(self, product: Mapping[str, object]) -> dict[str, object]:
        quantity = self._random.randrange(1, 12)
        price = Decimal(str(product["price"])).quantize(_CENT)
        return {
            "product_id": product["id"],
            "item_number": product["item_number"],
            "item_number_full": product["item_number"],
            "item_name": str(product.get("item_name") or product["item_number"])[:200],
            "price": price,
            "quantity": quantity,
            "tax": (price * quantity * Decimal("0.08")).quantize(_CENT),
        }

    def _shipment(self, order_id: int, number: int, items: list[tuple[int, int]]) -> None:
        carrier = self._random.choice(_CARRIERS)
        self._store.add(
            "order_shipments",
            {
                "order_id": order_id,
                "shipped_at": self._store.clock() - timedelta(hours=number % 500),
                "shipping_provider_name": carrier,
                "tracking_numbers": f"{carrier}{number:08}",
                "tracking_url": f"parcels.example/{number}",
                "items": tuple({"id": id_, "quantity_shipped": quantity} for id_, quantity in items),
            },
        )
