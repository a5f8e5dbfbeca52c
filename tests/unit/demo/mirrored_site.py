"""A SparkLayer site as it should look, made from the connector's own entities in the most direct way there is.

The judge must agree with the mapping over a whole catalogue, and must notice each field that is then spoilt.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import Parent, ProductBundle, ReferenceData
from connector.sparkpay.mapping import MappingFault, price_entities, product_entity, stock_entities
from contracts.entities import Product, Variant

Dump = Mapping[str, list[dict[str, Any]]]
STATUS = {"active": "live", "hidden": "suspended", "draft": "pending", "discontinued": "discontinued"}


def reference(dump: Dump) -> ReferenceData:
    def by_id(name: str) -> dict[int, Any]:
        return {row["id"]: row for row in dump[name]}

    inactive: dict[int, list[Any]] = defaultdict(list)
    for row in dump["product_inactive_in_store"]:
        inactive[row["item_id"]].append(row)
    return ReferenceData(
        store_id=dump["stores"][0]["id"],
        image_base=f"https://{dump['stores'][0]['domain_name']}",
        variant_groups=by_id("variant_groups"),
        product_statuses=by_id("product_statuses"),
        customer_types=by_id("customer_types"),
        warehouses=by_id("warehouses"),
        inventory_settings=dump["inventory_settings"][0],
        inactive={id_: tuple(rows) for id_, rows in inactive.items()},
    )


def bundles(dump: Dump) -> Iterator[ProductBundle]:
    def owned(name: str) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = defaultdict(list)
        for row in dump[name]:
            found[row["product_id"]].append(row)
        return found

    options, prices = owned("product_variants"), owned("product_pricing")
    combinations, pictures = owned("variant_inventory"), owned("product_pictures")
    option_by_id = {row["id"]: row for row in dump["product_variants"]}
    parents = {link["id"]: row for row in reversed(dump["products"]) for link in row.get("child_products") or ()}
    for row in dump["products"]:
        id_ = row["id"]
        head = parents.get(id_)
        yield ProductBundle(
            product=row,
            options=tuple(options[id_]),
            combinations=tuple(
                {**item, "variants": [option_by_id[one] for one in item.get("variants") or () if one in option_by_id]}
                for item in combinations[id_]
            ),
            prices=tuple(prices[id_]),
            pictures=tuple(pictures[id_]),
            parent=Parent(head, tuple(prices[head["id"]])) if head else None,
            has_children=bool(row.get("child_products")),
        )


def mirrored(dump: Dump, settings: ConnectionSettings, now: datetime) -> dict[str, Any]:
    """The dump of a site that holds exactly what the shop says; of several products one owns a SKU."""
    known = reference(dump)
    owners = _owners(dump, known, settings)
    site: dict[str, Any] = {
        "products": [],
        "stock_locations": [{"id": "sl_1", "external_id": "default", "name": "Default"}],
        "stock": {},
        "price_lists": [],
        "prices": defaultdict(dict),
    }
    for bundle in bundles(dump):
        try:
            product = product_entity(bundle, known, settings)
        except MappingFault:
            continue
        if product is None:
            continue
        firsts = {item.sku: item for item in _last_come_first(product) if item.sku and owners[item.sku] == product.key}
        mine = [item for item in product.variants if item.sku in firsts and firsts[item.sku] is item]
        if not mine:
            continue
        skus = set(firsts)
        site["products"].append(_product(product, mine, settings))
        for price in price_entities(bundle, known, settings, now):
            if price.sku in skus:
                _add_price(site, price, now)
        for stock in stock_entities(bundle, known, settings):
            if stock.sku in skus:
                _add_stock(site, stock, settings)
    site["prices"] = dict(site["prices"])
    return site


def _last_come_first(product: Product) -> list[Variant]:
    """What is for sale at the end, and of two alike the first one behind the other."""
    return sorted(product.variants, key=lambda item: ({product.status, item.status} == {"active"}, -item.position))


def _owners(dump: Dump, known: ReferenceData, settings: ConnectionSettings) -> dict[str, str]:
    """What is for sale comes first, then the lowest product id."""
    claims: dict[str, list[tuple[bool, int, str]]] = defaultdict(list)
    for bundle in bundles(dump):
        with contextlib.suppress(MappingFault):
            product = product_entity(bundle, known, settings)
            for item in product.variants if product else ():
                off = product is not None and {product.status, item.status} != {"active"}
                claims[item.sku or ""].append((off, bundle.id, f"sparkpay:{bundle.id}"))
    return {sku: min(found)[2] for sku, found in claims.items()}


def _product(product: Product, variants: list[Variant], settings: ConnectionSettings) -> dict[str, Any]:
    return {
        "external_id": product.key.removeprefix("sparkpay:"),
        "title": product.title,
        "slug": product.slug,
        "variants": [_variant(item, settings) for item in variants],
    }


def _variant(item: Variant, settings: ConnectionSettings) -> dict[str, Any]:
    return {
        "external_id": item.id,
        "sku": item.sku,
        "status": STATUS[item.status],
        "position": item.position,
        "options": [{"group": option.name, "value": option.value} for option in item.options],
        "weight_in_grams": None if item.weight_grams is None else str(item.weight_grams),
        "cart_image_url": item.image_url,
        "rrp": [{"value": str(money.amount), "currency_code": money.currency.lower()} for money in item.rrp],
        "settings": [
            {
                "customer_group": settings.sparklayer.root_group,
                "pack_size": item.pack_size or 1,
                "min_order_quantity": item.minimum_quantity,
                "max_order_quantity": item.maximum_quantity,
            }
        ],
    }


def _add_price(site: dict[str, Any], price: Any, now: datetime) -> None:
    currency = price.currency.lower()
    for entry in price.lists:
        slug = f"sp-{entry.list}-{currency}"
        if all(row["slug"] != slug for row in site["price_lists"]):
            site["price_lists"].append(
                {"slug": slug, "name": entry.name or "Base", "currency_code": currency, "source": "integration"}
            )
        rows = [
            {"quantity": row.from_quantity, "price": str(row.amount)}
            for row in entry.rows
            if (row.valid_from is None or row.valid_from <= now) and (row.valid_until is None or now < row.valid_until)
            if row.amount > Decimal(0)
        ]
        if rows:
            site["prices"][price.sku][slug] = rows


def _add_stock(site: dict[str, Any], stock: Any, settings: ConnectionSettings) -> None:
    for level in stock.levels:
        place = "default" if settings.stock.mode == "single_default" else level.location
        if all(row["external_id"] != place for row in site["stock_locations"]):
            site["stock_locations"].append({"id": "sl", "external_id": place, "name": level.name})
        site["stock"].setdefault(stock.sku, {})[place] = {
            "stock_level": settings.stock.unlimited_level if level.unlimited else max(0, level.level),
            "min_stock_level": level.minimum,
            "restock_date": level.restock_date.isoformat() if level.restock_date else None,
        }
