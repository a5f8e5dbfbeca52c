"""Whether a buyer may see and buy something. The platform's flags decide, never a status' name or number."""

from connector.sparkpay.bundle import ProductBundle, ReferenceData
from connector.sparkpay.mapping.fields import flag, identity, reference
from connector.sparkpay.mapping.sellables import Sellable
from contracts.entities import Availability


def availability(bundle: ProductBundle, known: ReferenceData, item: Sellable) -> Availability:
    """Of one sellable thing; the first rule that fits decides."""
    whole = availability_of_all(bundle, known)
    if whole is not Availability.ACTIVE:
        return whole
    return Availability.HIDDEN if item.hidden or _status_blocks(item.status_id, known) else Availability.ACTIVE


def on_sale(bundle: ProductBundle, known: ReferenceData, item: Sellable) -> bool:
    """Whether a buyer may buy it, as far as the flags go."""
    return availability(bundle, known, item) is Availability.ACTIVE


def availability_of_all(bundle: ProductBundle, known: ReferenceData) -> Availability:
    """What the product alone says, whatever its combinations' own statuses are."""
    row = bundle.product
    if flag(row, "is_discontinued"):
        return Availability.DISCONTINUED
    if flag(row, "is_hidden") or flag(row, "is_subscription_product") or _inactive(bundle, known):
        return Availability.HIDDEN
    return Availability.ACTIVE


def _status_blocks(status_id: int | None, known: ReferenceData) -> bool:
    """Hidden, or unavailable for another reason than an empty shelf (there the stock level blocks the sale)."""
    status = known.product_statuses.get(status_id or 0, {})
    if flag(status, "is_hidden"):
        return True
    sold_out = reference(known.inventory_settings, "out_of_stock_product_status_id")
    return flag(status, "is_unavailable") and status_id != sold_out


def _inactive(bundle: ProductBundle, known: ReferenceData) -> bool:
    rows = known.inactive.get(identity(bundle.product, "products"), ())
    return any(
        reference(row, "store_id") in (None, known.store_id) and reference(row, "customer_type_id") is None
        for row in rows
    )
