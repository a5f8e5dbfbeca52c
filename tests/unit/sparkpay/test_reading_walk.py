from datetime import UTC, datetime, timedelta

import httpx
import pytest

from connector.errors import ContractFault
from connector.sandbox.sparkpay import FaultRule, SandboxPolicy
from connector.sparkpay import walk
from connector.sparkpay.query import Query
from tests.fakes.sparkpay_shop import TOKEN, Shop, open_shop


async def ids_of(shop: Shop, *, size: int) -> list[int]:
    pages = walk.by_id(shop.client, "products", Query().only("id").at_most(size))
    return [row["id"] async for page in pages for row in page.rows]


@pytest.mark.parametrize(("rows", "calls"), [(0, 1), (1, 1), (9, 1), (10, 1), (11, 2), (20, 2), (25, 3)])
async def test_a_walk_by_id_costs_its_pages_and_nothing_more(rows: int, calls: int) -> None:
    async with open_shop() as shop:
        made = [shop.product() for _ in range(rows)]
        assert await ids_of(shop, size=10) == made
        assert shop.calls == calls


async def test_a_platform_that_caps_pages_loses_nothing() -> None:
    policy = SandboxPolicy(token=TOKEN, limit=10_000, max_count=7)
    async with open_shop(policy=policy) as shop:
        made = [shop.product() for _ in range(30)]
        assert await ids_of(shop, size=10) == made
        assert shop.calls == 5


async def test_rows_that_shift_while_they_are_read_are_all_seen() -> None:
    async with open_shop() as shop:
        made = [shop.product() for _ in range(30)]

        def meddle(_: httpx.Request) -> None:
            if shop.calls in (2, 3):
                shop.store.delete("products", made[shop.calls])  # before the place: page numbers would skip a row
                shop.product()

        shop.wire.before = meddle
        seen = await ids_of(shop, size=10)
    assert seen == [*made, made[-1] + 1, made[-1] + 2]


async def test_a_platform_that_ignores_the_key_is_reported_instead_of_read_for_ever() -> None:
    async with open_shop() as shop:
        for _ in range(5):
            shop.product()
        pages = walk.by_id(shop.client, "products", Query().where("id"), after=0)
        assert [len(page.rows) async for page in pages] == [5]
        pages = walk.by_parent(shop.client, "product_pictures", Query().only("id", "product_id"), parent="product_id")
        assert [rows async for rows in pages] == []
    with pytest.raises(ContractFault, match="does not sort or filter"):
        walk._in_order("products", "id", [{"id": 3}, {"id": 2}], 0)
    with pytest.raises(ContractFault):
        walk._in_order("products", "id", [{"id": 3}], 3, unique=True)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 100])
async def test_children_come_whole_product_by_product(size: int) -> None:
    counts = [3, 0, 1, 9, 2, 1, 1, 4]
    async with open_shop() as shop:
        expected: dict[int, list[int]] = {}
        for count in counts:
            product = shop.product()
            for _ in range(count):
                row = shop.store.insert("product_pictures", product_id=product, image_file="/a.jpg")
                expected.setdefault(product, []).append(int(str(row["id"])))
        query = Query().only("id", "product_id").at_most(size)
        found: dict[int, list[int]] = {}
        async for chunk in walk.by_parent(shop.client, "product_pictures", query, parent="product_id"):
            products = {row["product_id"] for row in chunk.rows}
            assert not products & found.keys()  # never in two pieces
            for row in chunk.rows:
                found.setdefault(row["product_id"], []).append(row["id"])
        assert found == expected
        after = sorted(expected)[2]
        rest = [
            chunk
            async for chunk in walk.by_parent(shop.client, "product_pictures", query, parent="product_id", after=after)
        ]
        assert {row["product_id"] for chunk in rest for row in chunk.rows} == {id_ for id_ in expected if id_ > after}


async def changed_ids(shop: Shop, start_back: float = 10.0, size: int = 1000) -> list[int]:
    start = shop.clock.now() - timedelta(seconds=start_back)
    query = Query().only("id", "updated_at").at_most(size)
    pages = walk.since(shop.client, "products", query, start=start)
    return [row["id"] async for page in pages for row in page.rows]


async def test_three_thousand_rows_of_one_moment_are_all_seen_and_end() -> None:
    async with open_shop() as shop:
        earlier = shop.product()
        shop.clock.advance(1)
        made = [shop.product() for _ in range(3000)]
        shop.clock.advance(1)
        later = shop.product()
        assert set(await changed_ids(shop)) == {earlier, *made, later}
        assert shop.calls <= 6


@pytest.mark.parametrize("resolution", ["tick", "second"])
@pytest.mark.parametrize("size", [3, 10])
async def test_plateaus_of_any_length_at_any_place(resolution: str, size: int) -> None:
    async with open_shop(resolution=resolution) as shop:
        made = []
        for length in (1, size, size + 1, 1, 3 * size, 2, size - 1):
            made += [shop.product() for _ in range(length)]
            shop.clock.advance(1.3)
        assert set(await changed_ids(shop, start_back=60, size=size)) == set(made)


async def test_how_far_a_pass_got_is_never_beyond_what_was_read() -> None:
    async with open_shop() as shop:
        start = shop.clock.now()
        for _ in range(25):
            shop.product()
            shop.clock.advance(0.5)
        query = Query().only("id", "updated_at").at_most(10)
        seen: set[int] = set()
        async for page in walk.since(shop.client, "products", query, start=start):
            seen |= {row["id"] for row in page.rows}
            older = {
                row["id"]
                for row in shop.store.rows("products")
                if row["updated_at"] <= page.until  # type: ignore[operator]
            }
            assert older <= seen


async def test_nothing_new_is_one_call() -> None:
    async with open_shop() as shop:
        assert await changed_ids(shop) == []
        assert shop.calls == 1


async def test_trouble_on_the_way_does_not_change_what_is_read() -> None:
    async with open_shop() as shop:
        made = [shop.product() for _ in range(25)]
        faults = shop.app.state.faults  # type: ignore[attr-defined]
        faults.add(
            FaultRule("status", status=502),
            FaultRule("cut_json"),
            FaultRule("drop_after"),
            FaultRule("status", status=429),
        )
        assert await ids_of(shop, size=10) == made


@pytest.mark.parametrize(
    "times",
    [
        ["2026-01-01T02:00:00Z", "2026-01-01T01:30:00Z"],  # another order
        ["2025-12-31T00:00:00Z", "2026-01-01T02:00:00Z"],  # from before what was asked for
        ["2026-01-01T02:00:00Z", None],
        ["2026-01-01T02:00:00Z", "yesterday"],
        ["2026-01-01T02:00:00Z", "9999-12-31T23:59:59-05:00"],
    ],
)
async def test_a_platform_that_ignores_times_is_reported_before_a_position_passes_anything(
    times: list[str | None],
) -> None:
    async with open_shop() as shop:
        rows = [{"id": number, "updated_at": at} for number, at in enumerate(times, start=1)]

        class Deaf(httpx.AsyncBaseTransport):
            async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
                return httpx.Response(200, json={"total_count": 50, "products": rows})

        shop.wire._inner = Deaf()
        start = datetime(2026, 1, 1, 1, tzinfo=UTC)
        with pytest.raises(ContractFault):
            _ = [some async for some in walk.since(shop.client, "products", Query(), start=start)]


async def test_a_row_from_the_end_of_all_time_can_be_reckoned_with() -> None:
    async with open_shop() as shop:
        product = shop.product(updated_at=datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC))
        start = shop.clock.now()
        (some,) = [some async for some in walk.since(shop.client, "products", Query(), start=start)]
        assert [row["id"] for row in some.rows] == [product]
        assert some.until + walk.TICK > start
