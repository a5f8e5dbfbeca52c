"""Canonical stock -> the fields of the row that has the SKU: Spark Pay keeps one quantity per SKU, in one place."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.settings import ConnectionSettings
from connector.sparkpay.dates import utc_text
from connector.sparkpay.mapping.fields import day, flag, reference, whole
from contracts.entities import Stock, StockLevel
from handlers.sparkpay.found_items import Item
from handlers.sparkpay.shop import Shop

DEFAULT = "default"
OF_PRODUCTS = ("quantity_on_hand", "is_non_inventory", "product_status_id", "warehouse_id", "eta_date")
OF_COMBINATIONS = ("inventory", "product_status_id")
_INT32 = 2**31 - 1
Fields = dict[str, Any]


def level_at(stock: Stock, place: str, settings: ConnectionSettings) -> StockLevel:
    """What can be sold of it there.

    It is the level of the item's own warehouse and, where the publisher names only other places, the sum of those:
    Spark Pay has no other place to put them. With all stock in one place it is the sum in any case, unless stock goes
    both ways: what comes back of a sum would be added to itself.
    """
    named = {level.location: level for level in stock.levels}
    apart = settings.stock.mode == "per_warehouse" or settings.both_ways("stock")
    if apart and place in named:
        return _counted(named[place], settings)
    found = [_counted(level, settings) for level in named.values()]
    return StockLevel(
        level=max(-_INT32, min(_INT32, sum(level.level for level in found))),
        unlimited=any(level.unlimited for level in found),
        minimum=min((level.minimum for level in found), default=0),
        restock_date=min((level.restock_date for level in found if level.restock_date is not None), default=None),
    )


def _counted(level: StockLevel, settings: ConnectionSettings) -> StockLevel:
    """A level that is as high as what stands for unlimited is unlimited."""
    if level.unlimited or level.level >= settings.stock.unlimited_level:
        return level.model_copy(update={"unlimited": True, "level": 0})
    return level


async def place_of(item: Item, shop: Shop, settings: ConnectionSettings) -> str:
    """The external id of the item's warehouse; the default place where all stock is in one."""
    if settings.stock.mode == "single_default":
        return DEFAULT
    id_ = reference(item.product, "warehouse_id")
    return DEFAULT if await shop.default_warehouse(id_) else f"wh-{id_}"


def product_fields(level: StockLevel, status_id: int | None, settings: ConnectionSettings) -> Fields:
    """Of a product that has the SKU itself."""
    fields: Fields = {"is_non_inventory": level.unlimited}
    if not level.unlimited:
        fields["quantity_on_hand"] = level.level
    if level.restock_date is not None:
        fields["eta_date"] = _midnight(level.restock_date, settings)
    return fields | ({} if status_id is None else {"product_status_id": status_id})


def combination_fields(level: StockLevel, status_id: int | None, settings: ConnectionSettings) -> Fields:
    """Of a combination, which cannot be unlimited by itself."""
    fields: Fields = {"inventory": settings.stock.unlimited_level if level.unlimited else level.level}
    return fields | ({} if status_id is None else {"product_status_id": status_id})


async def status_after(level: StockLevel, current: int | None, shop: Shop) -> int | None:
    """The status that goes with a level, none = the one that it has.

    The store's own three are moved as a sale would move them (a written quantity does not do that); a status that the
    merchant chose for another reason stays, and so does that of an item which has none of its own.
    """
    in_stock, sold_out = await shop.status_of_stock("in_stock"), await shop.status_of_stock("out_of_stock")
    back = await shop.back_order_status()
    ours = {id_ for id_ in (in_stock, sold_out, back) if id_ is not None}
    if current is None or (current not in ours and not await shop.back_ordered(current)):
        return None
    if level.minimum < 0:
        wanted = back
    elif level.unlimited or level.level > 0:
        wanted = in_stock
    else:
        wanted = sold_out or in_stock
    return None if wanted == current else wanted


def there(item: Item, fields: Mapping[str, Any], settings: ConnectionSettings) -> bool:
    """Whether the item has these already."""
    return all(_same(item, name, value, settings) for name, value in fields.items())


def _same(item: Item, name: str, wanted: object, settings: ConnectionSettings) -> bool:
    if name == "is_non_inventory":
        return flag(item.own, name) is wanted
    if name == "eta_date":
        found = day(item.own, name, ZoneInfo(settings.store.timezone))
        return found is not None and _midnight(found, settings) == wanted
    return (whole(item.own, name) or 0) == wanted


def _midnight(of: date, settings: ConnectionSettings) -> str:
    """A day begins when it does in the store (vendor samples: date-only values are local midnights)."""
    return utc_text(datetime(of.year, of.month, of.day, tzinfo=ZoneInfo(settings.store.timezone)))
