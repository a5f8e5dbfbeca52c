"""The state of a large sandbox: whole, as of one moment, and shown while others are served."""

import asyncio
from collections.abc import AsyncIterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import pytest
from starlette.responses import StreamingResponse

from connector.sandbox.json_stream import Members, streamed
from connector.sandbox.sparklayer import SparkLayerSite
from connector.sandbox.sparkpay import CatalogueShape, SparkPayStore, fill_catalogue

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def pieces(answer: StreamingResponse) -> list[bytes]:
    return [piece async for piece in cast("AsyncIterable[bytes]", answer.body_iterator)]


async def test_levels_are_written_one_by_one() -> None:
    value = {"list": iter([{"a": Decimal("1.50")}, [1, None]]), "more": Members([("é", True), ("b", ())]), "none": {}}
    (only,) = await pieces(streamed(value, depth=2, plain=str))
    assert only.decode() == '{"list":[{"a":"1.50"},[1,null]],"more":{"é":true,"b":[]},"none":{}}'
    with pytest.raises(TypeError, match="no parts"):
        await pieces(streamed({"a": 1}, depth=2, plain=str))


async def test_others_run_between_the_pieces() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(other())
    found = await pieces(streamed(["x" * 1000] * 1000, depth=1, plain=str))
    running.cancel()
    assert 10 <= len(found) <= turns + 1
    assert max(map(len, found)) < 70_000


def test_a_stores_snapshot_does_not_follow_later_edits() -> None:
    store = SparkPayStore(clock=lambda: NOW)
    fill_catalogue(store, CatalogueShape(products=20, skus_at_least=0), 1)
    before = store.rows("products")
    taken = store.snapshot()
    store.update("products", 1, item_name="Later")
    store.delete("products", 2)
    assert list(taken["products"]) == before != store.rows("products")


def test_a_sites_snapshot_does_not_follow_later_writes() -> None:
    site = SparkLayerSite(clock=lambda: NOW)
    product = site.catalogue.create({"external_id": "1", "title": "P", "slug": "p", "variants": [{"sku": "A"}]})
    variant, place = product["variants"][0], site.locations.all()[0]
    site.price_lists.create({"slug": "b", "name": "b", "currency_code": "usd"})
    site.levels.put(variant["id"], place["id"], {"stock_level": 1})
    site.price_blocks.put(variant["id"], "b", [{"quantity": 1, "price": Decimal("1.50")}])
    before, taken = site.dump(), site.snapshot()
    site.levels.put(variant["id"], place["id"], {"stock_level": 2})
    site.price_blocks.put(variant["id"], "b", [])
    site.locations.change(place, {"name": "Other"})
    site.catalogue.change_variant(variant, {"sku": "B"})
    assert isinstance(taken["prices"], Members)
    assert isinstance(taken["stock"], Members)
    assert dict(taken["prices"].pairs) == {"A": {"b": [{"quantity": 1, "price": Decimal("1.50")}]}}
    assert dict(taken["stock"].pairs) == before["stock"]
    assert (list(cast("list[object]", taken["products"])), taken["stock_locations"]) == (
        before["products"],
        before["stock_locations"],
    )
