"""Which status a variant should have on SparkLayer; the first rule that fits decides."""

from connector.demo.oracle.rows import Row, Shop, flag, ref
from connector.demo.oracle.sellables import Sellable, is_hidden


def statuses(shop: Shop, product: Row, item: Sellable) -> tuple[str, ...]:
    """The allowed statuses; more than one only where the rules can be read in two ways."""
    if flag(product, "is_discontinued"):
        return ("discontinued",)
    status = shop.status(item.status_id)
    if flag(product, "is_hidden") or flag(status, "is_hidden") or flag(product, "is_subscription_product"):
        return ("suspended",)
    if _hidden_in_store(shop, product):
        return ("suspended",)
    sold_out = ref(shop.inventory, "out_of_stock_product_status_id")
    rest = "suspended" if flag(status, "is_unavailable") and item.status_id != sold_out else "live"
    if not item.all_hidden:
        return (rest,)
    # "All options hidden" may mean those of this variant, or every one of the product: both are accepted.
    every = all(is_hidden(shop, option) for option in shop.options_of.get(item.product_id, []))
    return ("suspended",) if every else tuple(dict.fromkeys(("suspended", rest)))


def _hidden_in_store(shop: Shop, product: Row) -> bool:
    return any(
        ref(row, "store_id") == shop.store_id and not ref(row, "customer_type_id")
        for row in shop.inactive_of.get(int(product["id"]), [])
    )
