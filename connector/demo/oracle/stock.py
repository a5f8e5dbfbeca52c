"""What SparkLayer should hold of a SKU, and where."""

from dataclasses import dataclass

from connector.demo.oracle.rows import Row, Shop, flag, ref, whole
from connector.demo.oracle.sellables import Sellable
from connector.demo.oracle.settings import OracleSettings

DEFAULT = "default"
_INT32 = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Level:
    """The one place of a SKU and its numbers there; `levels` has several only where two readings are right."""

    location: str
    levels: tuple[int, ...]
    minimum: int
    restock_date: str | None


def level(shop: Shop, settings: OracleSettings, item: Sellable) -> Level:
    """Of one SKU."""
    product = shop.products[item.product_id]
    counted = whole(product, "quantity_on_hand") if item.combination is None else whole(item.combination, "inventory")
    if settings.clamp_negative:
        counted = max(0, counted)
    counted = max(-_INT32 - 1, min(_INT32, counted))
    eta = product.get("eta_date")
    return Level(
        location=location(shop, settings, product),
        levels=_levels(shop, settings, product, item, counted),
        minimum=-settings.backorder_limit if flag(shop.status(item.status_id), "is_back_ordered") else 0,
        # The dump has dates with the store's own offset, so their first ten characters are the store's day.
        restock_date=str(eta)[:10] if eta and not str(eta).startswith(("1900", "0001")) else None,
    )


def location(shop: Shop, settings: OracleSettings, product: Row) -> str:
    """External id of the product's place."""
    warehouse = shop.warehouses.get(ref(product, "warehouse_id"))
    if settings.stock_mode == "single_default" or warehouse is None or flag(warehouse, "is_default"):
        return DEFAULT
    return f"wh-{warehouse['id']}"


def _levels(shop: Shop, settings: OracleSettings, product: Row, item: Sellable, counted: int) -> tuple[int, ...]:
    tracked = shop.inventory.get("track_inventory")
    if flag(product, "is_non_inventory") or tracked in (False, 0):
        return (settings.unlimited_level,)
    uncounted = [flag(shop.group_of(option), "is_non_inventory") for option in item.options]
    if uncounted and all(uncounted):
        return (settings.unlimited_level,)
    # One of several groups is not counted: nothing says whether that makes the SKU unlimited.
    return (counted, settings.unlimited_level) if any(uncounted) else (counted,)
