"""One small store with its API in-process, and a clock that moves only when told."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from starlette.applications import Starlette

from connector.sandbox.sparkpay import SandboxPolicy, SparkPayStore, create_app

TOKEN = "spark-token"


class Time:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, 0, 1, 234567, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def pass_time(time: Time) -> Callable[[float], None]:
    def move(seconds: float) -> None:
        time.now += timedelta(seconds=seconds)

    return move


@pytest.fixture
def store(time: Time) -> SparkPayStore:
    """Two categories, a status, three products (ids 1 to 3), the second with one option and one SKU."""
    store = SparkPayStore(clock=time)
    store.insert("categories", name="Tools")
    store.insert("categories", name="Hinges", parent_category_id=1)
    store.insert("product_statuses", name="In Stock")
    store.insert("product_statuses", name="Sold Out", is_unavailable=True)
    store.insert("stores", name="Shop")
    store.insert("customer_types", name="Wholesale")
    common = {"product_status_id": 1, "primary_category_id": 2}
    store.insert("products", item_number="A-1", item_name="Hinge", price=Decimal("29.1666"), **common)
    store.insert(
        "products", item_number="B-2", item_name="Bolt", price=Decimal("5.00"), use_variant_inventory=True, **common
    )
    store.insert("products", item_number="C-3", item_name="hose", price=Decimal("0.0000"), **common)
    store.insert("variant_groups", name="Color")
    store.insert("product_variants", product_id=2, variant_group_id=1, description="Red")
    store.insert("variant_inventory", product_id=2, item_number="B-2-R", inventory=7, variants=(1,))
    store.insert("product_pricing", product_id=1, price=Decimal("25.5"), customer_type_id=1)
    return store


@pytest.fixture
def policy() -> SandboxPolicy:
    return SandboxPolicy(token=TOKEN, limit=1000)


@pytest.fixture
def app(store: SparkPayStore, policy: SandboxPolicy) -> Starlette:
    return create_app(store, policy)


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"X-AC-Auth-Token": TOKEN, "Cache-Control": "no-cache"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop/api/v1", headers=headers) as client:
        yield client
