"""Spark Pay product -> canonical stock: one quantity per SKU, at the one warehouse of its product."""

from functools import partial

from pydantic import ValidationError

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ProductBundle, ReferenceData, Row
from connector.sparkpay.mapping.availability import on_sale
from connector.sparkpay.mapping.faults import MappingFault
from connector.sparkpay.mapping.fields import day, flag, reference, text, whole
from connector.sparkpay.mapping.product import product_key
from connector.sparkpay.mapping.sellables import Offered, Sellable, is_heading, sold
from connector.sparkpay.mapping.zones import zone_of
from contracts.entities import Stock, StockLevel

DEFAULT_LOCATION = "default"


def stock_entities(
    bundle: ProductBundle, known: ReferenceData, settings: ConnectionSettings, offered: Offered | None = None
) -> list[Stock]:
    """One stock per usable SKU, by SKU.

    None for a heading, nor where the product's SKUs are at fault (`product_entity` says so). Raises `MappingFault`.
    """
    if is_heading(bundle):
        return []
    key = product_key(bundle)
    try:
        items = sold((offered or Offered(bundle, known, settings)).items, partial(on_sale, bundle, known))
    except MappingFault:
        return []
    try:
        return sorted(
            (
                Stock(
                    sku=sku,
                    refs={"sparkpay": item.id},
                    product=key,
                    shared=item.shared_stock,
                    levels=(_level(bundle.product, known, settings, item),),
                )
                for sku, item in items
            ),
            key=lambda stock: stock.sku,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MappingFault("stock_invalid", f"stock of product {key}: {where}: {first['msg']}", where) from error


def _level(row: Row, known: ReferenceData, settings: ConnectionSettings, item: Sellable) -> StockLevel:
    held = whole(row, "quantity_on_hand") if item.combination is None else whole(item.combination, "inventory")
    location, name = _place(row, known)
    status = known.product_statuses.get(item.status_id or 0, {})
    return StockLevel(
        location=location,
        name=name,
        level=held or 0,
        unlimited=flag(row, "is_non_inventory") or item.non_inventory or not _tracked(known.inventory_settings),
        minimum=-settings.stock.backorder_limit if flag(status, "is_back_ordered") else 0,
        restock_date=day(row, "eta_date", zone_of(settings.store.timezone)),
    )


def _place(row: Row, known: ReferenceData) -> tuple[str, str | None]:
    id_ = reference(row, "warehouse_id") or 0
    warehouse = known.warehouses.get(id_)
    if warehouse is None or flag(warehouse, "is_default"):
        return DEFAULT_LOCATION, None
    return f"wh-{id_}", text(warehouse, "name")


def _tracked(settings: Row) -> bool:
    """Shops count stock unless they say that they do not."""
    return settings.get("track_inventory") is None or flag(settings, "track_inventory")
