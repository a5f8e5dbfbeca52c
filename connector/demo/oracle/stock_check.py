"""Stock of every SKU at its place, nothing anywhere else, and the places themselves."""

from collections.abc import Mapping
from typing import Any

from connector.demo.oracle.expectation import exactly
from connector.demo.oracle.rows import Row, Shop, ref, words
from connector.demo.oracle.sellables import Sellable
from connector.demo.oracle.settings import OracleSettings
from connector.demo.oracle.stock import DEFAULT, level
from connector.demo.oracle.tally import Tally


def check_stock(
    shop: Shop, site: Mapping[str, Any], settings: OracleSettings, tally: Tally, sold: Mapping[str, Sellable]
) -> None:
    """`sold`: the SKUs that should be on SparkLayer, and what each of them is in the shop."""
    for sku, item in sold.items():
        if tally.skipped("stock", sku):
            continue
        tally.entities["stock"] += 1
        expected = level(shop, settings, item)
        rows: dict[str, Row] = dict(site["stock"].get(sku, {}))
        here = rows.pop(expected.location, None)
        at = expected.location
        if here is None:
            tally.check("stock", sku, f"{at}.presence", exactly("present"), "absent")
            continue
        tally.check("stock", sku, f"{at}.stock_level", exactly(*expected.levels), here.get("stock_level"))
        tally.check("stock", sku, f"{at}.min_stock_level", exactly(expected.minimum), here.get("min_stock_level"))
        tally.check("stock", sku, f"{at}.restock_date", exactly(expected.restock_date), here.get("restock_date"))
        for other, row in rows.items():
            tally.check("stock", sku, f"{other}.stock_level", exactly(0), row.get("stock_level"))
            tally.check("stock", sku, f"{other}.min_stock_level", exactly(0), row.get("min_stock_level"))
    _check_locations(shop, site, settings, tally, sold)


def _check_locations(
    shop: Shop, site: Mapping[str, Any], settings: OracleSettings, tally: Tally, sold: Mapping[str, Sellable]
) -> None:
    """The name of the default place is free."""
    names = {str(row["external_id"]): row.get("name") for row in site["stock_locations"]}
    needed = {level(shop, settings, item).location: shop.products[item.product_id] for item in sold.values()}
    for external_id, product in needed.items():
        if external_id != DEFAULT and external_id in names:
            tally.entities["stock-location"] += 1
            name = words(shop.warehouses[ref(product, "warehouse_id")].get("name"))
            tally.check("stock-location", external_id, "name", exactly(name), names[external_id])
