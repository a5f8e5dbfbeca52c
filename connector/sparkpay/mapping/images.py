"""Addresses of pictures."""

from urllib.parse import quote

from connector.sparkpay.bundle import ProductBundle, ReferenceData
from connector.sparkpay.mapping.fields import flag, identity, text, whole
from connector.sparkpay.mapping.sellables import Sellable

_KEPT = "%/:?#[]@!$&'()*+,;=~"


def image_url(bundle: ProductBundle, known: ReferenceData, item: Sellable) -> str | None:
    """The combination's own picture, else the product's primary one, as an absolute address."""
    own = text(item.combination, "variant_inventory_image") if item.combination is not None else None
    path = own or _primary(bundle)
    return None if path is None else _absolute(path, known.image_base)


def _primary(bundle: ProductBundle) -> str | None:
    found = [
        (not flag(row, "is_primary"), whole(row, "sort_order") or 0, identity(row, "product_pictures"), path)
        for row in bundle.pictures
        if not flag(row, "is_hidden") and (path := text(row, "image_file")) is not None
    ]
    return min(found)[-1] if found else None


def _absolute(path: str, base: str) -> str:
    address = quote(path.replace("\\", "/"), safe=_KEPT)
    if address.lower().startswith(("http://", "https://")):
        return address
    if address.startswith("//"):
        return f"https:{address}"
    return f"{base.rstrip('/')}/{address.lstrip('/')}"
