"""Orders of the shop as purchases: head, people, packages, money and documents of each."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.demo.oracle import postal, trade
from connector.demo.oracle import purchase_reading as reading
from connector.demo.oracle.expectation import Expected, exactly, near
from connector.demo.oracle.rows import Row, flag, moment, number, ref, words
from connector.demo.oracle.settings import OracleSettings
from connector.demo.oracle.tally import Tally
from connector.demo.oracle.trade import Parcel, Trade

_ABSENT, _PRESENT = "absent", "present"
_CENT = Decimal("0.01")
_SEPARATORS = re.compile(r"[,;\s]+")


def check_purchases(shop: Trade, site: Mapping[str, Any], settings: OracleSettings, tally: Tally) -> None:
    """Both ways: the shop's orders on SparkLayer, and no purchase of an order that the shop does not have."""
    by_platform = {str(id_): row for row in site["purchases"] if (id_ := _identifiers(row).get("platform")) is not None}
    by_cart = {str(id_): row for row in site["purchases"] if (id_ := _identifiers(row).get("sparklayer")) is not None}
    people = {str(row["external_id"]): row for row in site["customers"] if row.get("external_id")}
    for id_, order in shop.orders.items():
        cart = shop.cart(settings, order)
        key = f"sparkpay:{id_}" if cart is None else f"sparklayer:{cart}"
        if tally.skipped("order", key) or not trade.in_scope(shop, settings, order):
            continue
        tally.entities["order"] += 1
        found = by_platform.get(str(id_)) or (by_cart.get(cart) if cart is not None else None)
        if found is None:
            # Not sent: declined before it was ever an order there, with nothing in it, or of somebody who is not there.
            nobody = str(ref(order, "customer_id")) not in people
            free = nobody or shop.meaning(order) == "declined" or not shop.goods(order)
            tally.check("order", key, "presence", exactly(*([_ABSENT] if free else [_PRESENT])), _ABSENT)
            continue
        checked = _Check(shop, settings, tally, key=key, rows=(order, found))
        checked.everything(people.get(str(ref(order, "customer_id"))))
    for id_ in by_platform.keys() - {str(id_) for id_ in shop.orders}:
        key = f"sparkpay:{id_}"
        if not tally.skipped("order", key):
            tally.check("order", key, "presence", exactly(_ABSENT), _PRESENT)


class _Check:
    """Of one order."""

    def __init__(self, shop: Trade, settings: OracleSettings, tally: Tally, *, key: str, rows: tuple[Row, Row]) -> None:
        self.shop, self.settings, self.tally, self.key = shop, settings, tally, key
        self.order, self.found = rows
        self.items = {str(item["id"]): item for item in shop.goods(self.order)}
        self.parcels = trade.parcels(shop, self.order)
        self.packages = reading.packages(self.found, settings.package_types)

    def _check(self, field: str, expected: Expected, found: object) -> None:
        self.tally.check("order", self.key, field, expected, found)

    def everything(self, customer: Row | None) -> None:
        """Every field. `customer` is the buyer on SparkLayer."""
        self._head(customer)
        self._addresses()
        self._open()
        self._shipped()
        self._hidden()
        self._money()
        self._documents()

    def _head(self, customer: Row | None) -> None:
        order, shop, settings = self.order, self.shop, self.settings
        cart = shop.cart(settings, order)
        identifiers = _identifiers(self.found)
        self._check("platform id", exactly(str(order["id"])), identifiers.get("platform"))
        self._check(
            "visible id", exactly(words(order.get("order_number")) or str(order["id"])), identifiers.get("visible")
        )
        self._check("sparklayer id", exactly(cart), identifiers.get("sparklayer"))
        known = {customer.get("id"), customer.get("legacy_id")} if customer is not None else {None}
        buyer = (self.found.get("customer_identifiers") or {}).get("sparklayer")
        self._check("customer", Expected(f"customer {ref(order, 'customer_id')}", lambda held: held in known), buyer)
        kind = "quote" if shop.is_quote(order) else "order"
        # A declined order that was an order there already may stay one, all of it cancelled.
        declined = shop.meaning(order) == "declined"
        self._check("type", exactly(kind, *(["order_unconfirmed"] if declined else [])), self.found.get("type"))
        placed = (self.found.get("dates") or {}).get("placed")
        self._check("placed", exactly(trade.placed_at(order)), datetime.fromisoformat(placed) if placed else None)
        reference = trade.reference_of(shop, settings, order)
        held = reading.named(self.found, "custom_fields").get("customer_reference")
        self._check("customer_reference", postal.text(reference, 512), held)
        method = reading.named(self.found, "metadata").get("payment_method")
        self._check("payment_method", exactly(*trade.payments_of(shop, settings, order)), method)

    def _addresses(self) -> None:
        billing = self.shop.addresses.get(ref(self.order, "order_billing_address_id"))
        self._address("billing_address", billing, self.found.get("billing_address"))
        for package in self.packages:
            ids = {ref(self.items[name], "order_shipping_address_id") for name in package.lines if name in self.items}
            own = ids.pop() if len(ids) == 1 else 0
            row = self.shop.addresses.get(own or ref(self.order, "order_shipping_address_id"))
            self._address("shipping_address", row, package.row.get("shipping_address"))

    def _address(self, field: str, row: Row | None, found: object) -> None:
        held = found if isinstance(found, Mapping) else {}
        if row is None:
            self._check(field, exactly(0), len(held))
            return
        for name, expected in postal.expected_fields(row, cut=False).items():
            self._check(f"{field}.{name}", expected, held.get(name))

    def _open(self) -> None:
        wanted = _together(parcel for parcel in self.parcels if parcel.state == "open")
        there = [package for package in self.packages if package.state == "open"]
        self._check("open", exactly(wanted), _sum(package.lines for package in there))
        first = ref(self.order, "order_shipping_address_id")
        places = {ref(self.items[name], "order_shipping_address_id") or first for name, _ in wanted}
        self._check("open packages", exactly(len(places)), len(there))

    def _shipped(self) -> None:
        there = {package.shipment: package for package in self.packages if package.state == "shipped"}
        wanted = {
            f"sh-{parcel.shipment['id']}": parcel
            for parcel in self.parcels
            if parcel.state == "shipped" and parcel.shipment is not None
        }
        for id_, parcel in wanted.items():
            package = there.get(id_)
            if package is None:
                self._check(f"shipment {id_}", exactly(_PRESENT), _ABSENT)
                continue
            self._check(f"shipment {id_}", exactly(_together([parcel])), _sum([package.lines]))
            self._tracking(id_, parcel.shipment or {}, package.row)
        rest = _together(parcel for parcel in self.parcels if parcel.state == "shipped" and parcel.shipment is None)
        others = [package.lines for id_, package in there.items() if id_ not in wanted]
        self._check("shipped without a record", exactly(rest), _sum(others))

    def _tracking(self, id_: str, row: Row, package: Row) -> None:
        numbers = tuple(sorted(part for part in _SEPARATORS.split(words(row.get("tracking_numbers"))) if part))
        held = package.get("shipments") or []
        found = tuple(sorted(str(each["carrier_id"]) for each in held if each.get("carrier_id")))
        self._check(f"{id_}.tracking_numbers", exactly(numbers), found)
        at = {each.get("shipped_at") and datetime.fromisoformat(each["shipped_at"]) for each in held}
        self._check(f"{id_}.shipped_at", exactly((moment(row, "shipped_at"),)), tuple(at))
        if not numbers:
            return
        carrier, url = words(row.get("shipping_provider_name")), words(row.get("tracking_url"))
        self._check(f"{id_}.carrier", postal.text(carrier), held[0].get("carrier") if held else None)
        whole = url if not url or "://" in url else f"https://{url}"
        self._check(f"{id_}.url", postal.text(whole), held[0].get("url") if held else None)

    def _hidden(self) -> None:
        """Where the site's word for a state is not known, its pieces are told in the metadata only."""
        metadata = reading.named(self.found, "metadata")
        for state in ("cancelled", "returned"):
            wanted = _together(parcel for parcel in self.parcels if parcel.state == state)
            if self.settings.package_types.get(state):
                there = [package.lines for package in self.packages if package.state == state]
                self._check(state, exactly(wanted), _sum(there))
            elif state == "cancelled" or flag(self._status(), "is_shipped") or not wanted:
                self._check(f"metadata {state}", exactly(bool(wanted)), bool(metadata.get(state)))
        partly = self.shop.meaning(self.order) == "partially_refunded"
        self._check("metadata refund", exactly("partial" if partly else None), metadata.get("refund"))

    def _status(self) -> Row:
        return self.shop.statuses.get(ref(self.order, "order_status_id"), {})

    def _money(self) -> None:
        currency = self.settings.currency.lower()
        self._check("currencies", exactly((currency,)), tuple(reading.currencies(self.found)))
        shown = _sum(package.lines for package in self.packages)
        for name, quantity in shown:
            item = self.items.get(name)
            if item is None or not number(item, "quantity"):
                continue
            lines = [
                line
                for package in self.packages
                for line in reading.goods(package.row)
                if reading.name_of(line) == name
            ]
            part = quantity / number(item, "quantity")
            slack = _CENT * len(lines)
            for field, amount in (
                ("total_net", trade.net_of(item)),
                ("total_tax", number(item, "tax")),
                ("discount_net", number(item, "discount_amount")),
            ):
                self._check(f"line {name}.{field}", near(amount * part, slack), reading.total(lines, field))
            sku = words(item.get("item_number_full")) or words(item.get("item_number"))
            skus = tuple({(line.get("identifiers") or {}).get("sku") for line in lines})
            self._check(f"line {name}.sku", exactly((sku or None,)), skus)
            names = tuple({line.get("name_parent") for line in lines})
            self._check(f"line {name}.name_parent", exactly((words(item.get("item_name")) or sku,)), names)
        self._check(
            "extra lines", exactly(trade.extras_of(self.shop, self.order)), reading.total(reading.extras(self.found))
        )
        self._shipping_and_tax()

    def _shipping_and_tax(self) -> None:
        name, price = trade.shipping_of(self.order)
        held = [row.get("shipping_method") or {} for row in reading.rows(self.found.get("packages"))] or [{}]
        net = [row["line_total"]["total_net"] for row in held if row.get("line_total")]
        self._check("shipping", exactly(price), sum((reading.money(value) for value in net), Decimal(0)))
        if name or price:
            self._check("shipping method", postal.text(name), held[0].get("name"))
        taxes = sum((reading.money(row["amount"]) for row in self.found.get("tax_lines") or ()), Decimal(0))
        self._check("tax", exactly(number(self.order, "tax_total")), taxes)
        self._check(
            "total_paid", exactly(trade.paid_of(self.shop, self.order)), reading.money(self.found.get("total_paid"))
        )

    def _documents(self) -> None:
        invoice, template = words(self.order.get("manufacturer_invoice_number")), self.settings.invoice_url
        wanted = ((invoice, template.replace("{number}", invoice)),) if invoice and template else ()
        found = tuple(
            ((file.get("identifiers") or {}).get("visible"), (file.get("data") or {}).get("uri"))
            for file in self.found.get("accounting_files") or ()
        )
        self._check("accounting_files", exactly(wanted), found)


def _identifiers(purchase: Row) -> Row:
    return purchase.get("purchase_identifiers") or {}


def _together(parcels: Iterable[Parcel]) -> tuple[tuple[str, Decimal], ...]:
    return _sum({str(id_): quantity for id_, quantity in parcel.pieces.items()} for parcel in parcels)


def _sum(found: Iterable[reading.Lines]) -> tuple[tuple[str, Decimal], ...]:
    pieces: reading.Lines = {}
    for lines in found:
        for name, quantity in lines.items():
            pieces[name] = pieces.get(name, Decimal(0)) + quantity
    return tuple(sorted((name, quantity) for name, quantity in pieces.items() if quantity))
