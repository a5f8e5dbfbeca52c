# ruff: noqa: PLR2004 - the shares in which things occur are the content of this module
"""Base prices and price rows of the generated catalogue: customer types, quantity breaks, sales."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from connector.sandbox.sparkpay.moments import stored
from connector.sandbox.sparkpay.reference_data import Reference
from connector.sandbox.sparkpay.shape import CatalogueShape
from connector.sandbox.sparkpay.store import SparkPayStore

_FOUR = Decimal("0.0001")
_BREAKS = ((1, "0.95"), (10, "0.90"), (50, "0.85"), (250, "0.775"))
_SALES = (("sale_past", -60, -30), ("on_sale", -10, 20), ("sale_future", 15, 40))


class PriceMaker:
    """Makes prices for one store; what it makes depends on the random source alone."""

    def __init__(self, store: SparkPayStore, shape: CatalogueShape, random: Random, reference: Reference) -> None:
        self._store = store
        self._shape = shape
        self._random = random
        self._types = reference.customer_type_ids
        self._midnight = (
            store.clock().astimezone(store.zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        )
        self._made = stored(store.clock() - timedelta(days=200), store.timestamp_resolution)

    def base(self, kind: str) -> Decimal:
        """Return a price with 2 to 4 decimals; some kits are priced by their parts and cost nothing themselves."""
        if kind == "kits" and self._random.random() < 0.5:
            return Decimal("0.0000")
        cents = self._random.randint(99, 250_000)
        if self._random.random() < 0.15:
            return Decimal(cents * 100 + self._random.randint(1, 99)).scaleb(-4)
        return Decimal(cents).scaleb(-2)

    def add_rows(self, product_id: int, price: Decimal, kind: str) -> Iterator[str]:
        """Add price rows for some products and yields the names of the groups that the product joins by them."""
        random = self._random
        if not price or random.random() >= self._shape.priced:
            return
        types = random.sample(self._types, random.randint(1, min(2, len(self._types))))
        breaks = _BREAKS[: random.randint(1, len(_BREAKS))] if kind != "kits" else _BREAKS[:1]
        for customer_type in types:
            share = Decimal(random.choice(("1", "0.95", "0.9")))
            for quantity, factor in breaks:
                amount = (price * share * Decimal(factor)).quantize(_FOUR)
                self._add(product_id, amount, customer_type_id=customer_type, starting_quantity=quantity)
        yield "with_type_prices"
        if len(breaks) > 1:
            yield "with_breaks"
        if random.random() < 0.2:
            group, start, end = random.choice(_SALES)
            self._add(
                product_id,
                (price * Decimal("0.8")).quantize(_FOUR),
                sale_type_id=1,
                start_date=self._local_midnight(start),
                end_date=self._local_midnight(end),
            )
            yield group

    def add_for_sku(self, product_id: int, variant_inventory_id: object) -> None:
        """Return a price of one SKU for everybody."""
        self._add(product_id, self.base("plain"), variant_inventory_id=variant_inventory_id)

    def _add(self, product_id: int, price: Decimal, **fields: object) -> None:
        updated: datetime | None = self._made if self._random.random() >= 0.02 else None
        self._store.insert(
            "product_pricing", product_id=product_id, price=price, created_at=self._made, updated_at=updated, **fields
        )

    def _local_midnight(self, days: int) -> datetime:
        return (self._midnight + timedelta(days=days)).replace(tzinfo=self._store.zone)
