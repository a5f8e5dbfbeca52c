"""What a cart costs to ship and in taxes: asked of the store's own cart, which knows its rates and rules.

The store's cart takes no price, so it tells the rates and the share of tax, and the sums are made of the prices that
the buyer sees (vendor docs: carting).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connector.app.ignite_checkout import LARGEST_AMOUNT, Checkout, CheckoutLine, chosen_shipping, lines_of
from connector.app.ignite_refusal import IgniteRefused
from connector.app.store_desks import StoreDesk
from connector.errors import NotFound, Refused
from connector.places import country_name, region_name
from connector.ports import Priority
from connector.sparkpay.query import Query, any_of
from contracts.entities import Address

_CENT = Decimal("0.01")
_SHARE = Decimal("0.000001")
_SKUS_PER_CALL = 15
_URGENT = Priority.INTERACTIVE


@dataclass(frozen=True, slots=True)
class Rate:
    """One way of shipping, net."""

    id: str
    title: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """What the store says of a cart; `mark` is of what it was asked about."""

    mark: str
    rates: tuple[Rate, ...]
    tax_rate: Decimal

    def state(self) -> dict[str, Any]:
        """For SparkLayer to bring back: an unchanged cart is not asked about again."""
        rates = [[rate.id, rate.title, str(rate.price)] for rate in self.rates]
        return {"mark": self.mark, "rates": rates, "tax_rate": str(self.tax_rate)}


@dataclass(frozen=True, slots=True)
class IgniteQuotes:
    """Quotes of one store. Raises `IgniteRefused` with a sentence for the buyer, and what the store raises."""

    desk: StoreDesk

    async def calculate(self, checkout: Checkout) -> dict[str, Any]:
        """The answer of the contract: methods, totals, and the state to be brought back."""
        lines = lines_of(checkout.raw)
        mark = _mark(lines, checkout.shipping)
        quote = _known(checkout.raw.get("ignite_state"), mark) or await self._ask(lines, checkout.shipping, mark)
        chosen = chosen_shipping(checkout.raw)
        shipping = next((rate.price for rate in quote.rates if rate.id == chosen.id), chosen.net or Decimal(0))
        subtotal = sum((line.net for line in lines), Decimal(0))
        tax = (subtotal * quote.tax_rate).quantize(_CENT)
        currency = checkout.currency
        return {
            "available_shipping_methods": [
                {"id": rate.id, "title": rate.title, "price": {"net": _text(rate.price), "gross": _text(rate.price)}}
                for rate in quote.rates
            ],
            "totals": {
                "total_sub": _total(subtotal, tax, quote.tax_rate, currency),
                "total_shipping": _total(shipping, Decimal(0), Decimal(0), currency),
                "total": _total(subtotal + shipping, tax, quote.tax_rate, currency),
            },
            "ignite_state": quote.state(),
        }

    async def _ask(self, lines: Sequence[CheckoutLine], place: Address | None, mark: str) -> Quote:
        """Three or four calls, and two to find the products of up to 15 SKUs."""
        client = self.desk.client
        products = await self._products([line.sku for line in lines])
        items = [{**products[line.sku], "quantity": int(line.quantity)} for line in lines]
        try:
            cart = await client.request("POST", "carts", body={}, priority=_URGENT)
            path = f"carts/{int(cart['id'])}"
            cart = await client.request("POST", f"{path}/items", body={"items": items}, priority=_URGENT)
            if where := _where(place):
                found = await client.request("GET", f"{path}/shipping", parameters=where, priority=_URGENT)
                cart = await client.request("GET", f"{path}/calculated", priority=_URGENT)
            else:
                found = {}
        except (Refused, NotFound) as error:
            raise IgniteRefused("cart-refused", "the store cannot sell these items like this") from error
        subtotal, tax = _money(cart.get("subtotal")), _money(cart.get("tax_total"))
        rates = tuple(
            Rate(str(row["identifier"]), str(row.get("name") or row["identifier"]), _money(row.get("total_charges")))
            for row in found.get("rates") or ()
            if row.get("identifier")
        )
        return Quote(mark, rates, (tax / subtotal).quantize(_SHARE) if subtotal > 0 else Decimal(0))

    async def _products(self, skus: Sequence[str]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        wanted = sorted(set(skus))
        for at in range(0, len(wanted), _SKUS_PER_CALL):
            query = Query().where("item_number", any_of(wanted[at : at + _SKUS_PER_CALL])).sorted_by("id")
            page = await self.desk.client.page("products", query.only("id", "item_number"), priority=_URGENT)
            for row in page.rows:
                found.setdefault(str(row["item_number"]), {"product_id": int(row["id"]), "variant_ids": []})
            if found.keys() >= set(wanted):
                continue
            combined = query.only("id", "product_id", "item_number", "variants").expanded("variants")
            page = await self.desk.client.page("variant_inventory", combined, priority=_URGENT)
            for row in page.rows:
                options = [int(option["id"]) for option in row.get("variants") or ()]
                found[str(row["item_number"])] = {"product_id": int(row["product_id"]), "variant_ids": options}
        if missing := [sku for sku in wanted if sku not in found]:
            raise IgniteRefused("sku-unknown", f"{missing[0]}: the store does not sell this item")
        return found


def _where(place: Address | None) -> dict[str, str] | None:
    """All four are required; with less the store can quote no shipping."""
    if place is None:
        return None
    where = {
        "city": place.city or "",
        "state": region_name(place.country, place.region) or "",
        "postal_code": place.postal_code or "",
        "country": country_name(place.country) or "",
    }
    return where if all(where.values()) else None


def _mark(lines: Sequence[CheckoutLine], place: Address | None) -> str:
    """Of everything that the store is asked about; prices of ours are not."""
    asked = [sorted((line.sku, str(line.quantity)) for line in lines), _where(place)]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]


def _known(state: object, mark: str) -> Quote | None:
    """The quote that came back, if it is of this very cart."""
    if not isinstance(state, Mapping) or state.get("mark") != mark:
        return None
    try:
        rates = tuple(Rate(str(id_), str(title), _amount(price)) for id_, title, price in state["rates"])
        return Quote(mark, rates, _amount(state["tax_rate"]))
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _amount(text: str) -> Decimal:
    """As `Quote.state` wrote it. Raises `ValueError` or `ArithmeticError` for what it cannot have written."""
    amount = Decimal(text)
    if not amount.is_finite() or not 0 <= amount < LARGEST_AMOUNT:
        raise ValueError(text)
    return amount


def _total(net: Decimal, tax: Decimal, rate: Decimal, currency: str) -> dict[str, str]:
    return {"tax_rate": format(rate, "f"), "net": _text(net), "gross": _text(net + tax), "currency_code": currency}


def _text(amount: Decimal) -> str:
    return format(amount.quantize(_CENT), "f")


def _money(value: object) -> Decimal:
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else Decimal(0)
