"""Orders of the shop in SparkLayer's older interface: what is open, shipped, cancelled and returned, and the money."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.demo.oracle import postal, trade
from connector.demo.oracle.expectation import as_number, exactly, near
from connector.demo.oracle.rows import Row, number, ref, words
from connector.demo.oracle.settings import OracleSettings
from connector.demo.oracle.tally import Tally
from connector.demo.oracle.trade import Trade

_ABSENT, _PRESENT = "absent", "present"
_CENT = Decimal("0.01")
_STATES = ("open", "shipped", "cancelled", "returned")
Amounts = dict[str, Decimal]


def check_orders_v1(shop: Trade, site: Mapping[str, Any], settings: OracleSettings, tally: Tally) -> None:
    """Each order by its id, or by the cart that it came from; quotes have no place there."""
    there = {str(row["external_id"]): row for row in site["orders"] if row.get("external_id") is not None}
    people = {str(row["external_id"]): row for row in site["customers"] if row.get("external_id")}
    for id_, order in shop.orders.items():
        cart = shop.cart(settings, order)
        key = f"sparkpay:{id_}" if cart is None else f"sparklayer:{cart}"
        if tally.skipped("order", key) or not trade.in_scope(shop, settings, order):
            continue
        tally.entities["order"] += 1
        found = there.get(str(id_)) or there.get(cart or "")
        if shop.is_quote(order) or not shop.goods(order):
            tally.check("order", key, "presence", exactly(_ABSENT), _PRESENT if found else _ABSENT)
        elif found is None:
            free = shop.meaning(order) == "declined" or str(ref(order, "customer_id")) not in people
            tally.check("order", key, "presence", exactly(*([_ABSENT] if free else [_PRESENT])), _ABSENT)
        else:
            buyer = people.get(str(ref(order, "customer_id")), {})
            _check_head(shop, settings, tally, key, rows=(order, found, buyer))
            _check_pieces(shop, tally, key, order, found)


def _check_head(shop: Trade, settings: OracleSettings, tally: Tally, key: str, *, rows: tuple[Row, Row, Row]) -> None:
    order, found, buyer = rows
    placed = found.get("created_at")
    tally.check(
        "order",
        key,
        "visible_id",
        exactly(words(order.get("order_number")) or str(order["id"])),
        found.get("visible_id"),
    )
    buyers = tuple(buyer[name] for name in ("id", "legacy_id", "external_id") if buyer.get(name))
    tally.check("order", key, "customer_id", exactly(*buyers), found.get("customer_id"))
    tally.check(
        "order", key, "placed", exactly(trade.placed_at(order)), datetime.fromisoformat(placed) if placed else None
    )
    tally.check(
        "order", key, "currency_code", exactly(settings.currency.lower()), str(found.get("currency_code")).lower()
    )
    reference = trade.reference_of(shop, settings, order)
    tally.check("order", key, "customer_reference", postal.text(reference, 512), found.get("customer_reference"))
    tally.check(
        "order", key, "payment_method", exactly(*trade.payments_of(shop, settings, order)), found.get("payment_method")
    )
    cart = shop.cart(settings, order)
    tally.check("order", key, "cart_id", exactly(cart), (found.get("metadata") or {}).get("cart_id"))
    invoice, template = words(order.get("manufacturer_invoice_number")), settings.invoice_url
    url = template.replace("{number}", invoice) if invoice and template else None
    tally.check("order", key, "invoice_url", exactly(url), found.get("invoice_url"))
    billing = shop.addresses.get(ref(order, "order_billing_address_id"))
    for name, expected in (postal.expected_fields(billing, cut=False) if billing is not None else {}).items():
        tally.check("order", key, f"billing_address.{name}", expected, (found.get("billing_address") or {}).get(name))


def _check_pieces(shop: Trade, tally: Tally, key: str, order: Row, found: Row) -> None:
    """Quantities by SKU and state: the older interface knows no ids of lines."""
    items = {int(item["id"]): item for item in shop.goods(order)}
    wanted: dict[str, Amounts] = {state: {} for state in _STATES}
    for parcel in trade.parcels(shop, order):
        for id_, quantity in parcel.pieces.items():
            _add(wanted[parcel.state], _sku(items[id_]), quantity)
    there: dict[str, Amounts] = {state: {} for state in _STATES}
    extras, shipping = Decimal(0), Decimal(0)
    for package in found["packages"]:
        shipping += _net(package.get("total_shipping"))
        for item in package["items"]:
            if item.get("sku"):
                _add(there[package["status"]], item["sku"], as_number(item["quantity"]) or Decimal(0))
            else:
                extras += _net(item.get("line_total"))
    for state in _STATES:
        tally.check("order", key, state, exactly(_told(wanted[state])), _told(there[state]))
    tally.check("order", key, "extra lines", exactly(trade.extras_of(shop, order)), extras)
    name, price = trade.shipping_of(order)
    tally.check("order", key, "shipping", exactly(price), shipping)
    if name:
        names = [package.get("shipping_name") for package in found["packages"] if package.get("shipping_name")]
        tally.check("order", key, "shipping_name", exactly((name,)), tuple(dict.fromkeys(names)))
    _check_tracking(shop, tally, key, order, found)
    _check_lines(tally, key, items.values(), found)


def _check_tracking(shop: Trade, tally: Tally, key: str, order: Row, found: Row) -> None:
    """Tracking has no place in the call that creates an order, so one that was shipped before has none."""
    packages = {str(package.get("external_id")): package for package in found["packages"]}
    for row in shop.shipments_of.get(int(order["id"]), []):
        package = packages.get(f"sh-{row['id']}")
        if package is None or not package.get("shipment_tracking"):
            continue
        numbers = words(row.get("tracking_numbers")).replace(",", " ").replace(";", " ").split()
        held = [each["reference"] for each in package["shipment_tracking"] if each.get("reference")]
        tally.check("order", key, f"sh-{row['id']}.tracking_numbers", exactly(tuple(numbers)), tuple(held))


def _check_lines(tally: Tally, key: str, items: Iterable[Row], found: Row) -> None:
    """What all packages say of a SKU is what the order says of it."""
    wanted: Amounts = {}
    for item in items:
        _add(wanted, _sku(item), trade.net_of(item))
    there: Amounts = {}
    count = 0
    for package in found["packages"]:
        for item in package["items"]:
            if item.get("sku") and package["status"] == "open" and item.get("line_total"):
                count += 1
                _add(there, item["sku"], _net(item["line_total"]))
    whole = all(package["status"] == "open" for package in found["packages"])
    for sku, amount in (wanted if whole else {}).items():
        tally.check("order", key, f"{sku}.net", near(amount, _CENT * count), there.get(sku))


def _sku(item: Row) -> str:
    return words(item.get("item_number_full")) or words(item.get("item_number"))


def _net(total: object) -> Decimal:
    return number(total, "net") if isinstance(total, Mapping) else Decimal(0)


def _add(to: Amounts, name: str, amount: Decimal) -> None:
    to[name] = to.get(name, Decimal(0)) + amount


def _told(amounts: Amounts) -> tuple[tuple[str, Decimal], ...]:
    return tuple(sorted((name, amount) for name, amount in amounts.items() if amount))
