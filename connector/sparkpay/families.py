"""Product families: heads and the children that may take their price from them (vendor docs: products, child_products).

A child does not name its head, only the head lists its children. So heads are found by the flags that the group types
set, each flag once, and only where a product needs to know.
"""

import asyncio
import pickle
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from connector.ports import Priority
from connector.sparkpay import product_fields, walk
from connector.sparkpay.bundle import Parent, ProductBundle, Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.flags import is_set
from connector.sparkpay.query import Query, eq

_HEAD_FLAGS = ("is_kit", "exclude_parent_from_display", "exclude_children_from_display")
_NESTED = ("child_products", "pricing")
_OF_HEAD = frozenset(product_fields.PRODUCT) - product_fields.HEAVY


class Families:
    """Which products belong together. Safe to share between tasks."""

    def __init__(self, client: SparkPayClient) -> None:
        self._client = client
        self._heads: dict[int, bytes] = {}  # packed: a large store has thousands, of which few are looked at
        self._children: dict[int, tuple[int, ...]] = {}
        self._head_of: dict[int, int] = {}
        self._loaded: set[str] = set()
        self._lock = asyncio.Lock()

    async def complete(self, bundles: Sequence[ProductBundle], priority: Priority) -> list[ProductBundle]:
        """The bundles with `parent` and `has_children`, where these matter."""
        rows = [bundle.product for bundle in bundles]
        headings = [row for row in rows if _may_be_heading(row)]
        takers = any(_takes_price(row) for row in rows)
        if not headings and not takers:
            return list(bundles)
        for row in headings:
            if not self._loaded.intersection(_flags(row)):
                await self._load(_flags(row)[:1], priority)
        if takers:
            await self._load(_HEAD_FLAGS, priority)
        return [
            replace(
                bundle,
                parent=self._parent_of(bundle.id) if _takes_price(bundle.product) else None,
                has_children=bool(self._children.get(bundle.id)),
            )
            for bundle in bundles
        ]

    async def followers(self, changed: Iterable[Row], priority: Priority) -> set[int]:
        """Children that must be read because a head among these changed products may give them another price.

        Rows need `id` alone where they come from a child resource.
        """
        heads = [row["id"] for row in changed if row["id"] in self._heads or _flags(row)]
        if not heads:
            return set()
        before = {child for head in heads for child in self._children.get(head, ())}
        async with self._lock:
            async for page in self._client.select_many("products", heads, expand=_NESTED, priority=priority):
                self._keep(page.rows)
        return before | {child for head in heads for child in self._children.get(head, ())}

    def forget(self) -> None:
        """Read everything again at the next need."""
        self._loaded = set()

    def _parent_of(self, child: int) -> Parent | None:
        kept = self._heads.get(self._head_of.get(child, 0))
        if kept is None:
            return None
        row, prices = pickle.loads(kept)  # noqa: S301 (made below, never left the process)
        return Parent(row, prices)

    async def _load(self, flags: Iterable[str], priority: Priority) -> None:
        async with self._lock:
            for flag in flags:
                if flag in self._loaded:
                    continue
                query = Query().where(flag, eq(True)).only(*product_fields.PRODUCT, *_NESTED)
                query = query.at_most(self._client.expand_page_size)
                async for page in walk.by_id(self._client, "products", query, priority=priority):
                    self._keep(page.rows)
                self._loaded.add(flag)

    def _keep(self, rows: Iterable[Row]) -> None:
        for row in rows:
            head = row["id"]
            for child in self._children.get(head, ()):
                if self._head_of.get(child) == head:
                    del self._head_of[child]
            kept = {name: value for name, value in row.items() if name in _OF_HEAD}
            self._heads[head] = pickle.dumps((kept, tuple(row.get("pricing") or ())))
            self._children[head] = tuple(child["id"] for child in row.get("child_products") or ())
            for child in self._children[head]:
                self._head_of.setdefault(child, head)


def _takes_price(row: Row) -> bool:
    return is_set(row.get("use_pricing_from_parent"))


def _flags(row: Row) -> tuple[str, ...]:
    """The flags of a group type that a product has."""
    return tuple(flag for flag in _HEAD_FLAGS if is_set(row.get(flag)))


def _may_be_heading(row: Row) -> bool:
    """A head without a price of its own only holds its children together."""
    return bool(_flags(row)) and _is_zero(row.get("price"))


def _is_zero(price: object) -> bool:
    """Of what is no number the mapping will say so."""
    try:
        return Decimal(str(price or 0)) == 0
    except InvalidOperation:
        return False
