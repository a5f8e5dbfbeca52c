"""Price lists, and the prices of every SKU in each of them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.demo.oracle import prices
from connector.demo.oracle.expectation import Expected, as_number, beginning_of, exactly, same_price, shown
from connector.demo.oracle.rows import Row, Shop, words
from connector.demo.oracle.sellables import Sellable
from connector.demo.oracle.settings import OracleSettings, PriceRows
from connector.demo.oracle.tally import Tally

_OURS = "sp-"
_LONGEST_NAME = 64


def check_prices(
    shop: Shop,
    site: Mapping[str, Any],
    settings: OracleSettings,
    tally: Tally,
    *,
    now: datetime,
    sold: Mapping[str, Sellable],
) -> None:
    """`sold`: the SKUs that should be on SparkLayer, and what each of them is in the shop."""
    lists = prices.lists(shop, settings)
    used: set[str] = set()
    for sku, item in sold.items():
        found = {slug: _found(rows) for slug, rows in site["prices"].get(sku, {}).items() if slug.startswith(_OURS)}
        if tally.skipped("price", sku):
            continue
        tally.entities["price"] += 1
        for slug, customer_type in lists.items():
            readings = prices.allowed_prices(shop, settings, now, item, customer_type)
            used |= {slug} if any(readings) else set()
            tally.check("price", sku, slug, _one_of(readings), found.get(slug, ()))
        for slug in found.keys() - lists.keys():
            tally.check("price", sku, slug, exactly(()), found[slug])
    _check_lists(shop, site, settings, tally, lists=lists, used=used)


def _check_lists(
    shop: Shop,
    site: Mapping[str, Any],
    settings: OracleSettings,
    tally: Tally,
    *,
    lists: Mapping[str, int],
    used: set[str],
) -> None:
    """A list is needed once a SKU has a price in it; the name of the base list is free."""
    there: dict[str, Row] = {row["slug"]: row for row in site["price_lists"]}
    for slug, customer_type in lists.items():
        row = there.get(slug)
        if row is None:
            if slug in used:
                tally.check("price-list", slug, "presence", exactly("present"), "absent")
            continue
        tally.entities["price-list"] += 1
        tally.check("price-list", slug, "source", exactly("integration"), row.get("source"))
        currency = str(row.get("currency_code")).lower()
        tally.check("price-list", slug, "currency_code", exactly(settings.currency.lower()), currency)
        if customer_type:
            name = words(shop.customer_types[customer_type].get("name"))
            tally.check("price-list", slug, "name", beginning_of(name, _LONGEST_NAME), row.get("name"))


def _found(rows: list[Row]) -> PriceRows:
    """Breaks by quantity; what is no number shows as -1."""
    breaks = ((int(as_number(row["quantity"]) or -1), as_number(row["price"])) for row in rows)
    return tuple(sorted((quantity, Decimal(-1) if price is None else price) for quantity, price in breaks))


def _one_of(readings: tuple[PriceRows, ...]) -> Expected:
    def allows(found: object) -> bool:
        return isinstance(found, tuple) and any(_equal(found, reading) for reading in readings)

    return Expected(" or ".join(f"[{shown(reading)}]" for reading in readings), allows)


def _equal(found: PriceRows, expected: PriceRows) -> bool:
    return len(found) == len(expected) and all(
        have[0] == want[0] and same_price(have[1], want[1]) for have, want in zip(found, expected, strict=True)
    )
