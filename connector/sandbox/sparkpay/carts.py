"""Carts: what the store itself asks for a basket (vendor docs: carting). They live outside of the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connector.sandbox.sparkpay.errors import Refused
from connector.sandbox.sparkpay.fields import MONEY_STEP
from connector.sandbox.sparkpay.query import parameters
from connector.sandbox.sparkpay.store import SparkPayStore

_PLACE = ("city", "state", "postal_code", "country")


@dataclass(slots=True)
class _Cart:
    items: list[tuple[Decimal, int]] = field(default_factory=list)  # price, quantity
    shipping: Decimal = Decimal(0)


class Carts:
    """The carts of one store. Rates are those of the custom shipping methods, tax is the first rate of the store."""

    def __init__(self, store: SparkPayStore) -> None:
        self._store = store
        self._carts: dict[int, _Cart] = {}

    def answer(self, method: str, parts: list[str], query: str, body: object) -> tuple[int, dict[str, Any]]:
        """Status and body of one call below `/carts`. Raises Refused."""
        if (method, parts) == ("POST", ["carts"]):
            id_ = len(self._carts) + 1
            self._carts[id_] = _Cart()
            return 201, self._shown(id_)
        id_ = int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() else 0  # noqa: PLR2004
        cart = self._carts.get(id_)
        if cart is None:
            raise Refused(404, "This cart was not found.")
        match method, parts[2]:
            case "POST", "items":
                self._add(cart, body)
            case "GET", "shipping":
                given = parameters(query)
                if any(not given.get(name) for name in _PLACE):
                    raise Refused(400, "city, state, postal_code and country are required.", violation=True)
                return 200, {"rates": self._rates()}
            case "PUT", "shipping":
                wanted = body.get("identifier") if isinstance(body, dict) else None
                charges = {rate["identifier"]: rate["total_charges"] for rate in self._rates()}
                if wanted not in charges:
                    raise Refused(409, f"identifier: there is no rate {wanted!r}")
                cart.shipping = charges[wanted]
            case "GET", "calculated":
                pass
            case _:
                raise Refused(404, f"{method} '/{'/'.join(parts)}' was not found.", violation=True)
        return 200, self._shown(id_)

    def _add(self, cart: _Cart, body: object) -> None:
        items = body.get("items") if isinstance(body, dict) else None
        if not isinstance(items, list) or not items:
            raise Refused(400, "items: needed", violation=True)
        for item in items:
            product = self._store.tables["products"].row(item.get("product_id") or 0)
            if product is None:
                raise Refused(409, f"product_id: products {item.get('product_id')} does not exist")
            if not isinstance(item.get("quantity"), int) or not isinstance(item.get("variant_ids", []), list):
                raise Refused(409, "quantity: must be integer; variant_ids: must be array", violation=True)
            cart.items.append((Decimal(product.get("price", 0)), item["quantity"]))

    def _rates(self) -> list[dict[str, Any]]:
        return [
            {
                "shipping_provider_service_id": 0,
                "custom_shipping_method_id": row["id"],
                "provider": "Custom",
                "name": row.get("name", ""),
                "description": row.get("description", ""),
                "identifier": f"custom-{row['id']}",
                "total_charges": Decimal(next((rule.get("amount", 0) for rule in row.get("rules", ())), 0)),
                "lead_time": 0,
            }
            for row in self._store.tables["custom_shipping_methods"]
            if row.get("is_enabled")
        ]

    def _shown(self, id_: int) -> dict[str, Any]:
        cart = self._carts[id_]
        subtotal = sum((price * quantity for price, quantity in cart.items), Decimal(0)).quantize(MONEY_STEP)
        rate = next((Decimal(row.get("rate", 0)) for row in self._store.tables["tax_rates"]), Decimal(0))
        tax = (subtotal * rate).quantize(MONEY_STEP)
        return {
            "id": id_,
            "subtotal": subtotal,
            "tax_total": tax,
            "shipping_total": cart.shipping,
            "grand_total": subtotal + tax + cart.shipping,
        }
