"""Spark Pay product -> canonical product."""

import re
from decimal import Decimal

from pydantic import ValidationError

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ProductBundle, ReferenceData, Row
from connector.sparkpay.mapping.availability import availability, availability_of_all
from connector.sparkpay.mapping.customer import attributes
from connector.sparkpay.mapping.faults import MappingFault
from connector.sparkpay.mapping.fields import identity, number, rounded, text, whole
from connector.sparkpay.mapping.images import image_url
from connector.sparkpay.mapping.sellables import Offered, Sellable, is_heading
from connector.sparkpay.mapping.weights import weight_grams
from contracts.entities import Product, Variant
from contracts.text import clean_html, slugify
from contracts.values import Money

_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//[^/?#]*", re.IGNORECASE)
_FROM_QUERY = re.compile(r"[?#].*$")


def product_key(bundle: ProductBundle) -> str:
    """`sparkpay:<id>`."""
    return f"sparkpay:{identity(bundle.product, 'products')}"


def product_entity(
    bundle: ProductBundle, known: ReferenceData, settings: ConnectionSettings, offered: Offered | None = None
) -> Product | None:
    """The product as it is now; none for a heading of a family, which is not pushed.

    Variants without a usable SKU stay in: what a side does with them is that side's rule. Raises `MappingFault`.
    """
    if is_heading(bundle):
        return None
    row = bundle.product
    key = product_key(bundle)
    items = (offered or Offered(bundle, known, settings)).items
    try:
        return Product(
            key=key,
            refs={"sparkpay": key.partition(":")[2]},
            title=text(row, "item_name") or text(row, "item_number"),
            slug=_slug(bundle),
            description=_description(row),
            status=availability_of_all(bundle, known),
            variants=tuple(
                _variant(bundle, known, settings, item, position) for position, item in enumerate(items, start=1)
            ),
            attributes=None if bundle.custom_fields is None else attributes(bundle.custom_fields),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MappingFault("product_invalid", f"product {key}: {where}: {first['msg']}", where) from error


def _variant(
    bundle: ProductBundle, known: ReferenceData, settings: ConnectionSettings, item: Sellable, position: int
) -> Variant:
    row = bundle.product
    increment = whole(row, "quantity_increment")
    return Variant(
        id=item.id,
        sku=item.sku,
        status=availability(bundle, known, item),
        position=position,
        options=item.options,
        weight_grams=weight_grams(bundle, item),
        image_url=image_url(bundle, known, item),
        rrp=_rrp(row, item, settings),
        pack_size=increment if increment is not None and increment > 1 else None,
        minimum_quantity=_at_least_one(row, "minimum_quantity"),
        maximum_quantity=_at_least_one(row, "maximum_quantity"),
        gtin=(text(item.combination, "gtin") if item.combination is not None else None) or text(row, "gtin"),
    )


def _slug(bundle: ProductBundle) -> str:
    path = _FROM_QUERY.sub("", _HOST.sub("", text(bundle.product, "url_rewrite") or "")).strip().lstrip("/")
    if path:
        return path
    name = text(bundle.product, "item_name") or text(bundle.product, "item_number") or ""
    return f"{slugify(name) or 'product'}-{identity(bundle.product, 'products')}"


def _description(row: Row) -> str | None:
    for name in ("long_description_1", "short_description"):
        value = row.get(name)
        if isinstance(value, str) and (html := clean_html(value)) is not None:
            return html
    return None


def _rrp(row: Row, item: Sellable, settings: ConnectionSettings) -> tuple[Money, ...]:
    own = number(item.combination, "retail") if item.combination is not None else None
    for amount in (own, number(row, "retail"), number(row, "price")):
        if amount is not None and rounded(amount, 4) > Decimal(0):
            return (Money(amount=rounded(amount, 4), currency=settings.store.currency_code),)
    return ()


def _at_least_one(row: Row, name: str) -> int | None:
    value = whole(row, name)
    return value if value is not None and value > 0 else None
