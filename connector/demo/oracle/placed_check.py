"""Orders that were placed in SparkLayer: each exactly once in the shop, as it was agreed."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connector.demo.oracle import postal, trade
from connector.demo.oracle import purchase_reading as reading
from connector.demo.oracle.expectation import exactly, near
from connector.demo.oracle.rows import Row, number, ref, words
from connector.demo.oracle.settings import OracleSettings
from connector.demo.oracle.tally import Tally
from connector.demo.oracle.trade import Trade

_CENT = Decimal("0.01")
_NOT_IN_NUMBER = re.compile(r"[^0-9a-zA-Z]")


def check_placed(
    shop: Trade, site: Mapping[str, Any], placed: Sequence[Row], settings: OracleSettings, tally: Tally
) -> None:
    """`placed`: the purchases as they were when somebody placed them, before anything came back."""
    buyers = {row[name]: row for row in site["customers"] for name in ("id", "legacy_id")}
    orders: dict[str, list[Row]] = {}
    for order in shop.orders.values():
        if (cart := shop.cart(settings, order)) is not None:
            orders.setdefault(cart, []).append(order)
    for purchase in placed:
        cart = str(purchase["purchase_identifiers"]["sparklayer"])
        if tally.skipped("placed", f"sparklayer:{cart}"):
            continue
        tally.entities["placed"] += 1
        found = orders.get(cart, [])
        tally.check("placed", f"sparklayer:{cart}", "orders in the shop", exactly(1), len(found))
        for order in found[:1]:
            buyer = buyers.get((purchase.get("customer_identifiers") or {}).get("sparklayer"), {})
            _check_order(shop, settings, tally, purchase, order)
            customer = shop.people.customers.get(ref(order, "customer_id"), {})
            email = words(customer.get("email")).casefold()
            tally.check(
                "placed", f"sparklayer:{cart}", "customer", exactly(words(buyer.get("email")).casefold()), email
            )
    known = {str(purchase["purchase_identifiers"]["sparklayer"]) for purchase in placed}
    for cart, found in orders.items():
        if cart not in known:
            tally.check("placed", f"sparklayer:{cart}", "orders in the shop", exactly(1), len(found))


def _check_order(shop: Trade, settings: OracleSettings, tally: Tally, purchase: Row, order: Row) -> None:
    cart = str(purchase["purchase_identifiers"]["sparklayer"])
    key = f"sparklayer:{cart}"
    named = f"SL-{_NOT_IN_NUMBER.sub('', cart)[:12]}".upper()
    tally.check("placed", key, "order_number", exactly(named), words(order.get("order_number")).upper())
    rows = reading.packages(purchase, {})
    lines = [line for package in rows for line in reading.goods(package.row)]
    for sku, (quantity, net) in _by_sku(lines).items():
        items = [item for item in shop.goods(order) if words(item.get("item_number")) == sku]
        there = sum((number(item, "quantity") for item in items), Decimal(0))
        tally.check("placed", key, f"{sku}.quantity", exactly(quantity), there)
        agreed = sum((trade.net_of(item) for item in items), Decimal(0))
        tally.check("placed", key, f"{sku}.net", near(net, _CENT), agreed)
    skus = tuple(sorted({words(item.get("item_number")) for item in shop.goods(order)} - {""}))
    tally.check("placed", key, "skus", exactly(tuple(sorted(_by_sku(lines)))), skus)
    extras = reading.total(reading.extras(purchase))
    tally.check("placed", key, "extra lines", exactly(extras), trade.extras_of(shop, order))
    shipping = [row["shipping_method"] for row in reading.rows(purchase["packages"]) if row.get("shipping_method")]
    wanted_shipping = reading.total(shipping)
    tally.check("placed", key, "shipping", exactly(wanted_shipping), trade.shipping_of(order)[1])
    names = [words(row.get("name")) for row in shipping if row.get("name")]
    if names:
        tally.check("placed", key, "shipping method", exactly(names[0]), trade.shipping_of(order)[0])
    tax = _tax(purchase, lines, shipping)
    tally.check("placed", key, "tax", exactly(tax), number(order, "tax_total"))
    grand = reading.total(lines) + extras + wanted_shipping + tax
    tally.check("placed", key, "grand_total", near(grand, _CENT), number(order, "grand_total"))
    reference = reading.named(purchase, "custom_fields").get("customer_reference")
    tally.check(
        "placed", key, "customer_reference", postal.text(words(reference)), trade.reference_of(shop, settings, order)
    )
    tally.check("placed", key, "payments", exactly(1), len(shop.payments_of.get(int(order["id"]), [])))
    _check_places(shop, tally, key, purchase, order)


def _check_places(shop: Trade, tally: Tally, key: str, purchase: Row, order: Row) -> None:
    """The shop's rows, read as SparkLayer would hold them, are what was typed there."""
    first = next((row.row.get("shipping_address") for row in reading.packages(purchase, {})), None)
    for field, wanted, name in (
        ("billing_address", purchase.get("billing_address"), "order_billing_address_id"),
        ("shipping_address", first, "order_shipping_address_id"),
    ):
        row = shop.addresses.get(ref(order, name))
        if not wanted:
            continue
        if row is None:
            tally.check("placed", key, field, exactly("present"), "absent")
            continue
        for part, expected in postal.expected_fields(row, cut=False).items():
            tally.check("placed", key, f"{field}.{part}", expected, wanted.get(part))


def _by_sku(lines: Sequence[Row]) -> dict[str, tuple[Decimal, Decimal]]:
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for line in lines:
        sku = str((line.get("identifiers") or {}).get("sku"))
        quantity, net = found.get(sku, (Decimal(0), Decimal(0)))
        found[sku] = (quantity + number(line, "quantity"), net + reading.total([line]))
    return found


def _tax(purchase: Row, lines: Sequence[Row], shipping: Sequence[Row]) -> Decimal:
    """As the purchase names its taxes, else as its lines do."""
    if named := purchase.get("tax_lines"):
        return sum((reading.money(row["amount"]) for row in named), Decimal(0))
    return reading.total(lines, "total_tax") + reading.total(shipping, "total_tax")
