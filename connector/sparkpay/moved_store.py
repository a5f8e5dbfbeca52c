"""A store that is reached at another address than before: whether it is the same one or a stranger's."""

from collections.abc import Sequence

from connector.errors import ConfirmationNeeded
from connector.ports import Memory, Priority
from connector.sparkpay.client import SparkPayClient

_NAME = "address"
_LOOKED_AT = 40  # products: one call
_CHILDREN = "child_products"
_COMBINATIONS = "variant_inventory"


class MovedStore:
    """Remembers at which address a connection's store was, and looks who is there when that changes.

    Every Spark Pay store begins to count its ids at one, so a stranger's has products, customers and orders with the
    same ids, and a token of its own: everything that was written from here would hit the wrong ones.
    """

    def __init__(self, client: SparkPayClient, memory: Memory, connection: str) -> None:
        self._client = client
        self._memory = memory
        self._connection = connection

    async def check(self) -> None:
        """Costs a call where the address is new, and none else.

        Raises `ConfirmationNeeded` where another store answers, and what the client raises.
        """
        here = self._client.origin
        position = await self._memory.cursor(_NAME)
        before = None if position is None else str(position["origin"])
        if before == here:
            return
        if before is not None:
            await self._recognise(before)
        await self._memory.save_cursor(_NAME, {"origin": here})

    async def _recognise(self, before: str) -> None:
        """At least half of the products that are known, of a sample, have a SKU there by which they were known."""
        known = await self._known_skus()
        compared = recognised = 0
        async for page in self._client.select_many(
            "products", known, expand=(_COMBINATIONS, _CHILDREN), priority=Priority.LIVE
        ):
            for row in page.rows:
                skus = known.pop(int(row["id"]), frozenset())
                if row.get(_CHILDREN):
                    continue  # its SKUs are those of others
                shown = {str(each.get("item_number") or "").strip() for each in (row, *(row.get(_COMBINATIONS) or ()))}
                compared += 1
                recognised += bool(skus & shown)
        compared += len(known)  # what is not there
        if recognised * 2 < compared:
            raise ConfirmationNeeded(
                f"connection {self._connection} was at {before} so far, and {self._client.origin} shows another store: "
                f"of {compared} products that were looked at it has {recognised}. Nothing of it was published, and "
                f"nothing written to it. Give the right address: paylayer connections update {self._connection} "
                f"--sparkpay-url ...; then paylayer connections resume {self._connection}. A new store is a new "
                "connection"
            )

    async def _known_skus(self) -> dict[int, frozenset[str]]:
        numbers = _spread(await self._memory.numbers("product", 0, None))
        keyed = await self._memory.keyed("product", numbers)
        seen = await self._memory.observed("product", [key for keys in keyed.values() for key in keys])
        skus = {
            number: frozenset(sku for key in keys if key in seen for sku, _ in seen[key].skus)
            for number, keys in keyed.items()
        }
        return {number: found for number, found in skus.items() if found}


def _spread(numbers: Sequence[int]) -> Sequence[int]:
    """Some of them, evenly: the oldest alone may come from one template for many stores."""
    return numbers[:: max(1, -(-len(numbers) // _LOOKED_AT))]
