"""The whole comparison of a shop with what SparkLayer holds of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from connector.demo.oracle.catalogue_check import check_catalogue, offers, sku_holders
from connector.demo.oracle.expectation import exactly
from connector.demo.oracle.order_check import check_purchases
from connector.demo.oracle.order_v1_check import check_orders_v1
from connector.demo.oracle.people import People
from connector.demo.oracle.people_check import check_customers, check_groups
from connector.demo.oracle.placed_check import check_placed
from connector.demo.oracle.price_check import check_prices
from connector.demo.oracle.rows import Dump, Shop
from connector.demo.oracle.sellables import Sellable
from connector.demo.oracle.settings import CATALOGUE, Excuse, OracleSettings
from connector.demo.oracle.setup_check import check_places, check_settings, check_shipping_methods
from connector.demo.oracle.stock_check import check_stock
from connector.demo.oracle.tally import Difference, Tally
from connector.demo.oracle.trade import Trade

__all__ = ["Comparison", "Difference", "compare", "differences"]

_NOTHING: Mapping[str, Excuse] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, and how much was looked at: entities and fields by kind (product, variant, price, stock, ...)."""

    differences: tuple[Difference, ...]
    entities: Mapping[str, int]
    fields: Mapping[str, int]

    @property
    def fields_compared(self) -> int:
        """Of all kinds."""
        return sum(self.fields.values())


def differences(
    store: Dump,
    site: Mapping[str, Any],
    *,
    settings: OracleSettings,
    now: datetime,
    excused: Mapping[str, Excuse] = _NOTHING,
    placed: Sequence[Mapping[str, Any]] = (),
) -> list[Difference]:
    """Every field on SparkLayer that is not what Spark Pay's rows lead to at the moment `now`; see `compare`."""
    return list(compare(store, site, settings=settings, now=now, excused=excused, placed=placed).differences)


def compare(
    store: Dump,
    site: Mapping[str, Any],
    *,
    settings: OracleSettings,
    now: datetime,
    excused: Mapping[str, Excuse] = _NOTHING,
    placed: Sequence[Mapping[str, Any]] = (),
) -> Comparison:
    """Compares `SparkPayStore.dump()` with `SparkLayerSite.dump()`, field by field and in both directions.

    `now` decides which prices are valid, `placed` are the purchases that somebody placed in SparkLayer, as they were
    then. Raises ValueError where several stores could be meant.
    """
    shop, tally = Shop(store, settings.store_id), Tally(excused)
    if settings.kinds & CATALOGUE:
        _compare_catalogue(shop, site, settings, tally, now)
    people = People(store)
    trade = Trade(store, people)
    if "customer-group" in settings.kinds:
        check_groups(shop, site, settings, tally)
    if "customer" in settings.kinds:
        check_customers(shop, people, site, settings, tally)
    if "order" in settings.kinds:
        check_orders = check_purchases if settings.orders_api == "purchases" else check_orders_v1
        check_orders(trade, site, settings, tally)
        check_placed(trade, site, placed, settings, tally)
    if "shipping-method" in settings.kinds:
        check_shipping_methods(store, site, settings, tally)
    if "stock-location" in settings.kinds:
        check_places(shop, site, settings, tally)
    if "setting" in settings.kinds:
        check_settings(site, settings, tally)
    return Comparison(tuple(tally.differences), dict(tally.entities), dict(tally.fields))


def _compare_catalogue(
    shop: Shop, site: Mapping[str, Any], settings: OracleSettings, tally: Tally, now: datetime
) -> None:
    offered = offers(shop, settings, tally)
    holders = sku_holders(shop, offered.values())
    check_catalogue(shop, list(site["products"]), settings, tally, offered=offered, holders=holders)
    variants = {str(row["external_id"]): row for product in site["products"] for row in product["variants"]}
    sold: dict[str, Sellable] = {}
    unsettled: set[str] = set()
    for id_, offer in offered.items():
        for item in offer.items:
            there = variants.get(item.external_id)
            if there is not None and there.get("sku") == item.sku and item.external_id in holders.get(item.sku, ()):
                sold[item.sku] = item
            elif offer.refusal is not None or tally.skipped("product", f"sparkpay:{id_}"):
                unsettled.add(item.sku)
    check_prices(shop, site, settings, tally, now=now, sold=sold)
    check_stock(shop, site, settings, tally, sold)
    if settings.retired_are_empty:
        _check_retired(tally, variants, site, sold.keys() | unsettled)


def _check_retired(
    tally: Tally, variants: Mapping[str, Mapping[str, Any]], site: Mapping[str, Any], accounted: set[str]
) -> None:
    """A SKU that nothing stands for any more. One that was renamed out of the way keeps what it had: nobody sees it."""
    for external_id, variant in variants.items():
        sku = variant.get("sku")
        if not isinstance(sku, str) or sku in accounted or _is_renamed(sku, external_id):
            continue
        if not tally.skipped("price", sku):
            for slug, rows in site["prices"].get(sku, {}).items():
                tally.check("price", sku, slug, exactly(()), tuple(str(row.get("price")) for row in rows))
        if not tally.skipped("stock", sku):
            for place, row in site["stock"].get(sku, {}).items():
                tally.check("stock", sku, f"{place}.stock_level", exactly(0), row.get("stock_level"))


def _is_renamed(sku: str, external_id: str) -> bool:
    """`{sku}~{external id}`, the end of which may be cut off."""
    before, mark, after = sku.rpartition("~")
    return bool(before and mark) and external_id.startswith(after)
