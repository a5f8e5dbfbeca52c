"""Which rows of a store stand for a SKU: asked in bulk, because one question may name dozens of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.mapping.fields import flag, reference
from connector.sparkpay.query import Condition, Query, any_of
from handlers.outcome import Rejected, Waiting

_ROOM = 1300  # characters for the values: addresses above 2,048 are refused, and the fields need their part
_BETWEEN = len("%20OR%20eq:")
_MOST = 90
_JOINERS = (" AND ", " OR ")
_OF_COMBINATIONS = ("id", "product_id", "item_number")
_OF_PRODUCTS = ("id", "item_number", "use_variant_inventory")


@dataclass(frozen=True, slots=True)
class Item:
    """What is sold under a SKU: a product as a whole, or one combination of its options."""

    sku: str
    product: Row
    combination: Row | None = None

    @property
    def product_id(self) -> int:
        """`products.id`."""
        return int(self.product["id"])

    @property
    def combination_id(self) -> int | None:
        """`variant_inventory.id`; none where the product has the SKU itself."""
        return None if self.combination is None else int(self.combination["id"])

    @property
    def own(self) -> Row:
        """The row that has the SKU."""
        return self.product if self.combination is None else self.combination

    @property
    def part(self) -> str:
        """As events call it: `p-18` or `vi-7`."""
        return f"p-{self.product_id}" if self.combination is None else f"vi-{self.combination_id}"


class ItemFinder:
    """Finds the items of one store.

    A product that keeps stock by combination is no item itself, and combinations of a product that does not are
    left-overs: neither counts. SKUs are compared letter for letter, as the platform may not do.
    """

    def __init__(self, client: SparkPayClient) -> None:
        self._client = client

    async def find(
        self, skus: Iterable[str], *, of_products: Sequence[str] = (), of_combinations: Sequence[str] = ()
    ) -> Mapping[str, Sequence[Item]]:
        """Every item of each SKU that the store has, with these fields besides those that tell them apart.

        Naming a nested collection fills it. Raises a `PlatformError`.
        """
        wanted = {sku for sku in skus if sku}
        of_products = tuple(dict.fromkeys((*_OF_PRODUCTS, *of_products)))
        of_combinations = tuple(dict.fromkeys((*_OF_COMBINATIONS, *of_combinations)))
        products = {int(row["id"]): row for row in await self._rows("products", wanted, of_products)}
        combinations = await self._rows("variant_inventory", wanted, of_combinations)
        heads = {reference(row, "product_id") or 0 for row in combinations} - products.keys() - {0}
        async for page in self._client.select_many("products", sorted(heads), fields=of_products):
            products |= {int(row["id"]): row for row in page.rows}
        found: dict[str, list[Item]] = {}
        for row in products.values():
            if row.get("item_number") in wanted and not flag(row, "use_variant_inventory"):
                found.setdefault(row["item_number"], []).append(Item(row["item_number"], row))
        for row in combinations:
            head = products.get(reference(row, "product_id") or 0)
            if head is not None and flag(head, "use_variant_inventory"):
                found.setdefault(row["item_number"], []).append(Item(row["item_number"], head, row))
        return found

    async def _rows(self, resource: str, skus: Iterable[str], fields: Sequence[str]) -> list[Row]:
        rows: list[Row] = []
        wanted = sorted(skus)
        for condition in sku_conditions(wanted):
            query = Query().where("item_number", condition).sorted_by("id").only(*fields)
            rows += (await self._client.page(resource, query)).rows
        return [row for row in rows if row.get("item_number") in wanted]


def only(sku: str, items: Mapping[str, Sequence[Item]]) -> Item | Rejected | Waiting:
    """The one item of a SKU. Of several none is picked: the platform lets two products have the same item number."""
    found = items.get(sku, ())
    if not found:
        return Waiting(f"sku:{sku}", f"Spark Pay has no product and no combination with the item number {sku!r} yet")
    if len(found) > 1:
        parts = ", ".join(item.part for item in found)
        return Rejected("sku_ambiguous", f"SKU {sku!r}: Spark Pay has it more than once ({parts}); make it unique")
    return found[0]


def sku_conditions(skus: Sequence[str]) -> Iterator[Condition]:
    """As few questions as there can be: `AND` and `OR` inside a SKU cannot be asked for, but what precedes them can."""
    plain = [sku for sku in skus if not any(joiner in sku for joiner in _JOINERS)]
    chunk: list[str] = []
    room = _ROOM
    for sku in plain:
        length = len(quote(sku, safe="-._~")) + _BETWEEN
        if chunk and (room < length or len(chunk) == _MOST):
            yield any_of(chunk)
            chunk, room = [], _ROOM
        chunk.append(sku)
        room -= length
    if chunk:
        yield any_of(chunk)
    for sku in skus:
        if sku not in plain:
            yield Condition("startwith", min((sku.partition(joiner)[0] for joiner in _JOINERS), key=len))
