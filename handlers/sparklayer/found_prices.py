"""The prices that a site has, read list by list: for SKUs of which nobody knows any more what was sent."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from connector.errors import NotFound, PlatformError
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.price_breaks import Breaks
from handlers.outcome import Failed
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.classify import classify
from handlers.sparklayer.price_body import is_ours
from handlers.sparklayer.price_lists import PriceLists


class FoundPrices:
    """A digest of the breaks per list and SKU, read once and kept until `forget`.

    A list that cannot be read proves nothing of any SKU. Nothing is proved of a SKU that was written or moved since.
    """

    def __init__(self, client: SparkLayerClient, lists: PriceLists) -> None:
        self._client = client
        self._lists = lists
        self._found: dict[str, dict[str, str] | None] = {}
        self._moved: set[str] = set()
        self._reading = False

    def forget(self) -> None:
        """Nothing is in doubt any more."""
        self._found.clear()
        self._moved.clear()
        self._reading = False

    def distrust(self, skus: Iterable[str]) -> None:
        """These may have other prices from now on: they are written, or another variant gets them."""
        if self._reading:
            self._moved.update(skus)

    async def read(self, currencies: Iterable[str]) -> Failed | None:
        """Read every list of ours in these currencies that was not read yet; why not, where that has to wait."""
        self._reading = True
        wanted = set(currencies)
        try:
            for slug in sorted(await self._lists.slugs()):
                if slug not in self._found and any(is_ours(slug, currency) for currency in wanted):
                    self._found[slug] = await self._prices(slug)
        except PlatformError as error:
            outcome = classify(error)
            return outcome if isinstance(outcome, Failed) else Failed(error.message, target=False, status=error.status)
        return None

    def lists_with(self, sku: str, currency: str) -> list[str]:
        """The lists of ours in a currency that have a price for the SKU."""
        return [slug for slug, held in self._found.items() if held and sku in held and is_ours(slug, currency)]

    def has(self, sku: str, breaks: Mapping[str, Breaks]) -> bool:
        """Whether the SKU has exactly these breaks in each of these lists."""
        return sku not in self._moved and all(self._is_there(sku, slug, wanted) for slug, wanted in breaks.items())

    def _is_there(self, sku: str, slug: str, wanted: Breaks) -> bool:
        if slug not in self._found:  # the site has no such list
            return not wanted
        held = self._found[slug]
        digest = _digest([(item.quantity, item.price) for item in wanted]) if wanted else None
        return held is not None and held.get(sku) == digest

    async def _prices(self, slug: str) -> dict[str, str] | None:
        try:
            rows = await self._client.prices.get_list(slug)
        except NotFound:
            return {}
        except PlatformError as error:
            if isinstance(classify(error), Failed):
                raise
            return None
        found: dict[str, str] = {}
        for row in rows:
            breaks = _breaks(row.get("pricing"))
            if breaks:
                found[str(row.get("sku"))] = _digest(breaks)
        return found


def _breaks(pricing: Any) -> list[tuple[Decimal, Decimal]]:  # noqa: ANN401 - whatever the site answers
    rows = [row for row in pricing if isinstance(row, Mapping)] if isinstance(pricing, list) else []
    return [
        (Decimal(str(row.get("quantity") or 1)), Decimal(str(row["price"])))
        for row in rows
        if row.get("price") is not None
    ]


def _digest(breaks: Iterable[tuple[int | Decimal, Decimal]]) -> str:
    return body_hash(sorted((Decimal(quantity), price) for quantity, price in breaks))
