"""What the merchant does in the demo: fills a shop, with three mistakes in it, and edits it while PayLayer runs.

Everything follows from the seed. Each act has products of its own, so that no edit undoes or hides another one and the
number of things that changed is known beforehand.
"""

# ruff: noqa: RUF001 - signs that look alike are what these titles are made of

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random

from connector.demo.random_edits import random_edit
from connector.sandbox.sparkpay import (
    CatalogueFacts,
    CatalogueShape,
    SparkPayStore,
    add_duplicate_sku,
    add_product_without_sku,
    add_unacceptable_price,
    fill_catalogue,
)

__all__ = [
    "SHAPE",
    "Change",
    "Facts",
    "delete",
    "edit_prices",
    "edit_stock",
    "prepare",
    "random_edit",
    "rename_products",
    "skus_of",
    "switch_off",
]

SHAPE = CatalogueShape(products=520, skus_at_least=1600, customer_types=4, warehouses=2)
"""The demo's shop."""

TITLES = (
    "ステンレス六角ボルト M10 × 50（100本入り）",
    "不锈钢合页 – 重型 ✔",
    "🧰 Toolbox <b>Deluxe</b> &amp; 👩\u200d🔧 Apron",
    "مجموعة مفصلات فولاذية 2",
    "ציר פלדה כבד – חדש",
    "Cafe\u0301 Table Leg,\tbru\u0302le\u0301\r\n  black ",
    "Gewindestange Größe ½″ <i>verzinkt</i>",
    "Hose Clamp <script>alert('x')</script> 8–12 mm",
)
"""Titles that have gone wrong somewhere before: scripts, emoji, combining marks, markup, line breaks."""

_BROKEN = (
    "hidden",
    "discontinued",
    "unavailable",
    "out_of_stock",
    "back_ordered",
    "non_inventory",
    "call_for_pricing",
    "inactive_in_store",
)
_FEWEST = 24


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is no longer what it was: `entity` and `key` as in events, `words` for people."""

    entity: str
    key: str
    words: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is in the shop, where its mistakes are, and which products each act is about."""

    catalogue: CatalogueFacts
    sku_holder: int
    duplicate_sku: int
    without_sku: int
    unacceptable_price: int
    priced: tuple[int, ...]
    repriced_for_types: tuple[int, ...]
    stocked: tuple[int, ...]
    renamed: tuple[int, ...]
    switched_off: tuple[int, ...]
    deleted: tuple[int, ...]


def prepare(store: SparkPayStore, shape: CatalogueShape = SHAPE, seed: int = 20) -> Facts:
    """Fills an empty store: the catalogue, a SKU that exists twice, a product without one, a price nobody takes.

    Raises ValueError when the shape is too small for all acts to have products of their own.
    """
    catalogue = fill_catalogue(store, shape, seed)
    pool = _healthy(store, catalogue)
    Random(seed).shuffle(pool)  # noqa: S311 - the demo shall be the same one every time
    typed = [id_ for id_ in pool if id_ in set(catalogue.with_type_prices)][: max(1, len(pool) // 20)]
    pool = [id_ for id_ in pool if id_ not in set(typed)]
    plain = [id_ for id_ in pool if id_ in set(catalogue.plain)]
    if len(pool) < _FEWEST or not plain or not typed:
        raise ValueError(f"the shop is too small for the demo: only {len(pool)} of its products can be edited")
    holder = plain[0]
    pool.remove(holder)
    eighth = len(pool) // 8
    takes = iter(pool)
    acts = [tuple(_take(takes, count)) for count in (2 * eighth, 2 * eighth, len(TITLES), max(1, eighth // 4), 1)]
    return Facts(
        catalogue=catalogue,
        sku_holder=holder,
        duplicate_sku=add_duplicate_sku(store, product_id=holder)[1],
        without_sku=add_product_without_sku(store),
        unacceptable_price=add_unacceptable_price(store),
        priced=acts[0],
        repriced_for_types=tuple(typed),
        stocked=acts[1],
        renamed=acts[2],
        switched_off=acts[3],
        deleted=acts[4],
    )


def edit_prices(store: SparkPayStore, facts: Facts) -> list[Change]:
    """A price rise of 4 % on some products, a sale that starts now on every tenth, and 5 % off for trade customers."""
    changes: list[Change] = []
    for place, id_ in enumerate(facts.priced):
        row = _row(store, "products", id_)
        old = _money(row["price"])
        new = (old * Decimal("1.04")).quantize(Decimal("0.01")) + Decimal("0.01")
        store.update("products", id_, price=new)
        words = f"{_name(row)}: price {old:f} to {new:f}"
        if place % 10 == 0:
            _start_sale(store, id_, new)
            words += ", and a sale of two weeks"
        changes += _of_skus(store, id_, ("price",), words)
    for id_ in facts.repriced_for_types:
        for price in store.tables["product_pricing"].equal("product_id", id_):
            if price.get("customer_type_id") is not None:
                lower = (_money(price["price"]) * Decimal("0.95")).quantize(Decimal("0.0001"))
                store.update("product_pricing", _id(price), price=lower)
        changes += _of_skus(
            store, id_, ("price",), f"{_name(_row(store, 'products', id_))}: 5 % off for trade customers"
        )
    return changes


def edit_stock(store: SparkPayStore, facts: Facts) -> list[Change]:
    """A delivery: 25 pieces more of every SKU of some products."""
    changes: list[Change] = []
    for id_ in facts.stocked:
        row = _row(store, "products", id_)
        for item in store.tables["variant_inventory"].equal("product_id", id_):
            store.update("variant_inventory", _id(item), inventory=_count(item.get("inventory")) + 25)
        if not row["use_variant_inventory"]:
            store.update("products", id_, quantity_on_hand=_count(row["quantity_on_hand"]) + 25)
        changes += _of_skus(store, id_, ("stock",), f"{_name(row)}: 25 more in stock")
    return changes


def rename_products(store: SparkPayStore, facts: Facts) -> list[Change]:
    """Titles in other scripts, with emoji, combining marks, markup and line breaks."""
    changes: list[Change] = []
    for id_, title in zip(facts.renamed, TITLES, strict=False):
        old = _name(_row(store, "products", id_))
        store.update("products", id_, item_name=title)
        changes.append(Change("product", f"sparkpay:{id_}", f"{old}: renamed to {' '.join(title.split())}"))
    return changes


def switch_off(store: SparkPayStore, facts: Facts) -> list[Change]:
    """Products that customers shall not see for the moment."""
    changes: list[Change] = []
    for id_ in facts.switched_off:
        row = store.update("products", id_, is_hidden=1)
        changes.append(Change("product", f"sparkpay:{id_}", f"{_name(row)}: switched off"))
    return changes


def delete(store: SparkPayStore, facts: Facts) -> list[Change]:
    """Products that are gone for good, with their prices and their stock."""
    changes: list[Change] = []
    for id_ in facts.deleted:
        words = f"{_name(_row(store, 'products', id_))}: deleted"
        changes += [Change("product", f"sparkpay:{id_}", words), *_of_skus(store, id_, ("price", "stock"), words)]
        store.delete("products", id_)
    return changes


def skus_of(store: SparkPayStore, product_id: int) -> list[str]:
    """The SKUs of a product that is plain or keeps rows of variant_inventory."""
    row = _row(store, "products", product_id)
    if not row["use_variant_inventory"]:
        return [str(row["item_number"])]
    return [str(item["item_number"]) for item in store.tables["variant_inventory"].equal("product_id", product_id)]


def _healthy(store: SparkPayStore, catalogue: CatalogueFacts) -> list[int]:
    """Products on sale whose new price changes the price of all their SKUs, and nothing else.

    Without a retail price of its own, a product would show another recommended price; a SKU with a row of its own in
    product_pricing would keep its price.
    """
    broken = {id_ for group in _BROKEN for id_ in getattr(catalogue, group)}
    wanted = [id_ for id_ in (*catalogue.plain, *catalogue.with_variants) if id_ not in broken]
    own_price = {row["product_id"] for row in store.rows("product_pricing") if row["variant_inventory_id"]}
    return [id_ for id_ in wanted if id_ not in own_price and _row(store, "products", id_)["retail"]]


def _start_sale(store: SparkPayStore, product_id: int, price: Decimal) -> None:
    now = store.clock()
    store.insert(
        "product_pricing",
        product_id=product_id,
        price=(price * Decimal("0.9")).quantize(Decimal("0.01")),
        sale_type_id=1,
        start_date=now - timedelta(minutes=1),
        end_date=now + timedelta(days=14),
    )


def _of_skus(store: SparkPayStore, product_id: int, entities: tuple[str, ...], words: str) -> list[Change]:
    return [Change(entity, sku, words) for sku in skus_of(store, product_id) for entity in entities]


def _take(ids: Iterator[int], count: int) -> Iterator[int]:
    return (id_ for id_, _ in zip(ids, range(count), strict=False))


def _row(store: SparkPayStore, resource: str, id_: int) -> dict[str, object]:
    row = store.get(resource, id_)
    if row is None:
        raise KeyError(f"the shop has no {resource} {id_}")
    return row


def _name(row: dict[str, object]) -> str:
    return " ".join(str(row["item_name"]).split())


def _id(row: dict[str, object]) -> int:
    return _count(row["id"])


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _money(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))
