"""What a buyer does at a SparkLayer site: fill a cart from a price list and place it."""

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

Row = Mapping[str, Any]
Purchase = dict[str, Any]
_CENT = Decimal("0.01")
_TAX = Decimal("0.08")
_ADDRESS = (
    "first_name",
    "last_name",
    "company",
    "address_line1",
    "address_line2",
    "city",
    "region_code",
    "postal_code",
    "country_code",
    "phone",
)
_METHODS = ("paymentOnAccount", "paymentByInvoice")


def cart_id(rng: Random) -> str:
    """A new one; the same for the same state of `rng`."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def placed_order(site: Row, buyer: Row, rng: Random, *, currency: str = "usd", at: str) -> Purchase:
    """An order of this buyer as SparkLayer keeps it the moment that it is placed: prices agreed, shipping, tax, a PO.

    `site` is a dump of the site, `buyer` one of its customers, `at` the moment as the site writes it. Raises
    ValueError where nothing has a price for that buyer.
    """
    goods = _goods(site, buyer)
    if not goods:
        raise ValueError(f"customer {buyer.get('email')} has no prices to buy at")
    lines = [_line(*one, rng, currency) for one in rng.sample(goods, k=min(len(goods), rng.randint(1, 4)))]
    billing, delivery = _places(buyer)
    shipping = Decimal(rng.choice(("0", "12.50", "25.00")))
    tax = (sum((_net(line) for line in lines), shipping) * _TAX).quantize(_CENT)
    return {
        "type": "order_unconfirmed",
        "purchase_identifiers": {"sparklayer": cart_id(rng)},
        "customer_identifiers": {"sparklayer": buyer["legacy_id"]},
        "dates": {"placed": at},
        "billing_address": billing,
        "packages": [
            {
                "line_items": lines,
                "shipping_address": delivery,
                "shipping_method": {"name": "Freight", "line_total": {"total_net": _money(shipping, currency)}},
            }
        ],
        "accounting_files": [],
        "custom_fields": [{"name": "customer_reference", "value": f"PO-{rng.randrange(10_000):04}"}],
        "metadata": [{"name": "payment_method", "value": rng.choice(_METHODS)}],
        "total_paid": _money(Decimal(0), currency),
        "tax_lines": [{"title": "Tax", "amount": _money(tax, currency)}],
    }


def buyers(site: Row) -> list[Row]:
    """Those who may sign in and have prices, by their id in the shop."""
    found = [row for row in site["customers"] if row["status"] == "active" and row["legacy_id"]]
    return sorted((row for row in found if _goods(site, row)), key=lambda row: str(row.get("external_id")))


def _goods(site: Row, buyer: Row) -> list[tuple[Row, Decimal]]:
    """Live variants that the first of the buyer's lists has a price of one piece for."""
    lists: Sequence[str] = buyer.get("price_lists") or ()
    live = [
        (product, variant)
        for product in site["products"]
        for variant in product["variants"]
        if variant["status"] == "live" and variant.get("sku")
    ]
    found: list[tuple[Row, Decimal]] = []
    for product, variant in live:
        breaks: Sequence[Row] = next(
            (rows for slug in lists if (rows := site["prices"].get(variant["sku"], {}).get(slug))), []
        )
        price = next((Decimal(str(row["price"])) for row in breaks if int(row["quantity"]) == 1), None)
        if price is not None:
            found.append(({"sku": variant["sku"], "name": product["title"]}, price))
    return found


def _line(goods: Row, price: Decimal, rng: Random, currency: str) -> Purchase:
    quantity = rng.randint(1, 9)
    return {
        "identifiers": {"sku": goods["sku"]},
        "name_parent": goods["name"] or goods["sku"],
        "quantity": quantity,
        "line_total": {"total_net": _money(price * quantity, currency)},
    }


def _places(buyer: Row) -> tuple[Purchase, Purchase]:
    """Billing and delivery: from the buyer's book, else where everybody lives."""
    book = [{name: row[name] for name in _ADDRESS if row.get(name)} for row in buyer.get("addresses") or ()]
    typed = {"address_line1": "1 Elm St", "city": "Austin", "region_code": "TX", "postal_code": "78702"}
    typed |= {"country_code": "US", "first_name": buyer["first_name"], "last_name": buyer["last_name"]}
    return (book[0], book[-1]) if book else (typed, dict(typed))


def _money(amount: Decimal, currency: str) -> Purchase:
    return {"number": f"{amount:f}", "currency": currency}


def _net(line: Row) -> Decimal:
    return Decimal(line["line_total"]["total_net"]["number"])
