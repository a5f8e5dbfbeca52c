from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest
from starlette.applications import Starlette

from connector.sandbox.sparkpay import SparkPayStore


async def ids(client: httpx.AsyncClient, query: str, resource: str = "products") -> list[int]:
    answer = await client.get(f"{resource}?{query}")
    assert answer.status_code == 200, answer.text
    (rows,) = (value for value in answer.json().values() if isinstance(value, list))
    return [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 2, 3]),
        ("id=2", [2]),
        ("id=gt:1", [2, 3]),
        ("id=not:2", [1, 3]),
        ("item_name=like:h", [1, 3]),
        ("item_name=startwith:HO", [3]),
        ("item_name=like:%25s%25", [3]),
        ("item_number=eq:a-1", [1]),
        ("price=gt:0+AND+lte:5.00", [2]),
        ("price=eq:5+OR+eq:0&sort=-id", [3, 2]),
        ("price=OR+gt:20&item_name=like:hose", [1, 3]),
        ("item_name=like:hinge&price=OR+eq:5", [1, 2]),
        ("use_variant_inventory=true", [2]),
        ("is_hidden=0&id=lt:3", [1, 2]),
        ("sort=-price", [1, 2, 3]),
        ("sort=product_status_id,-price,id", [1, 2, 3]),
        ("sort=item_name", [2, 1, 3]),
        ("id=gt:1&sort=id&count=1", [2]),
        ("count=1&page=3", [3]),
        ("updated_at=gte:2026-11-22T12:00:00Z&sort=updated_at,id", [1, 2, 3]),
        ("updated_at=gt:2026-11-22T12:00:02Z", []),
        ("updated_at=eq:2026-11-22T12:00:01.233Z&sort=id&id=gt:1", [2, 3]),
    ],
)
async def test_filters_and_order(client: httpx.AsyncClient, query: str, expected: list[int]) -> None:
    assert await ids(client, query) == expected


async def test_ties_and_nulls_are_walked_by_key(client: httpx.AsyncClient, store: SparkPayStore) -> None:
    for number in range(20):
        store.insert("manufacturers", name=f"M{number}", updated_at=None if number % 5 == 0 else store.now())
    walked = []
    last = 0
    while page := await ids(
        client, f"updated_at=eq:2026-11-22T12:00:01.233Z&sort=id&id=gt:{last}&count=7", "manufacturers"
    ):
        walked += page
        last = page[-1]
    assert walked == [number + 1 for number in range(20) if number % 5]
    assert (await ids(client, "sort=updated_at,id&count=5", "manufacturers")) == [1, 6, 11, 16, 2]


async def test_views_follow_changes(client: httpx.AsyncClient, store: SparkPayStore) -> None:
    assert await ids(client, "sort=price,id") == [3, 2, 1]
    store.update("products", 3, price=Decimal(100))
    assert await ids(client, "sort=price,id") == [2, 1, 3]
    store.delete("products", 2)
    store.insert("products", item_number="D", price=Decimal(7))
    assert await ids(client, "sort=price,id") == [4, 1, 3]
    assert await ids(client, "price=gte:7") == [1, 3, 4]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("products?nonsense=1", 400),
        ("products?price=abc", 400),
        ("products?updated_at=gte:2026-11-22T12:00:00", 400),
        ("products?page=0", 400),
        ("products?sort=nonsense", 400),
        ("products?fields=nonsense", 400),
        ("products?expand=nonsense", 400),
        ("products?id=1&id=2", 400),
        ("products?height=eq:1", 500),
        ("products/select_many", 400),
        ("products/1?page=1", 400),
    ],
)
async def test_what_nobody_should_send_is_refused_and_recorded(
    client: httpx.AsyncClient, app: Starlette, path: str, status: int
) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert answer.json().keys() == {"status_code", "message", "details"}
    assert len(app.state.journal.violations) == 1


@pytest.mark.parametrize(
    "path",
    [
        "products?page=2",
        "products/99",
        "products/99/filled",
        "products/1/nothing",
        "nothing",
        "products?page=5&id=gt:1",
    ],
)
async def test_not_found(client: httpx.AsyncClient, app: Starlette, path: str) -> None:
    assert (await client.get(path)).status_code == 404
    assert app.state.journal.violations == []


async def test_an_empty_first_page_is_no_error(client: httpx.AsyncClient) -> None:
    answer = await client.get("products?id=gt:99")
    assert answer.json() == {"total_count": 0, "products": []}


async def test_a_query_beyond_the_servers_limit(client: httpx.AsyncClient) -> None:
    answer = await client.get("products/select_many", params={"ids": ",".join(["12345"] * 400)})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html")
    assert "404.15" in answer.text


async def test_page_links_are_absolute_foreign_and_absent_at_the_ends(client: httpx.AsyncClient) -> None:
    first, middle, last = [(await client.get(f"products?count=1&page={page}&fields=id")).json() for page in (1, 2, 3)]
    assert "previous_page" not in first
    assert "next_page" not in last
    assert httpx.URL(middle["next_page"]).params["page"] == "3"
    assert httpx.URL(middle["next_page"]).host != "shop"
    assert middle["total_count"] == 3


async def test_counts(client: httpx.AsyncClient, store: SparkPayStore, app: Starlette) -> None:
    for number in range(1200):
        store.insert("manufacturers", name=f"M{number}")
    assert len(await ids(client, "", "manufacturers")) == 100
    assert len(await ids(client, "count=5000", "manufacturers")) == 1000
    assert app.state.journal.violations == []


@pytest.mark.parametrize(
    ("resource", "key"),
    [
        ("product_variants", "variants"),
        ("product_pictures", "pictures"),
        ("product_pricing", "pricing"),
        ("products", "products"),
    ],
)
async def test_array_keys_are_those_of_live_stores(client: httpx.AsyncClient, resource: str, key: str) -> None:
    assert key in (await client.get(resource)).json()


async def test_money_keeps_its_digits(client: httpx.AsyncClient) -> None:
    text = (await client.get("products?fields=id,price")).text
    assert '{"id":1,"price":29.1666},{"id":2,"price":5.00},{"id":3,"price":0.0000}' in text


async def test_shapes_of_empty_values(client: httpx.AsyncClient) -> None:
    row = (await client.get("products/1")).json()
    assert (row["is_hidden"], row["height"], row["gtin"], row["eta_date"], row["is_kit"]) == (0, "", "", None, False)
    assert row["vendor_store_id"] == 0
    assert "variants" not in row
    price = (await client.get("product_pricing/1")).json()
    assert (price["variant_inventory_id"], price["start_date"], price["starting_quantity"]) == (None, None, 1)


async def test_nested_collections(client: httpx.AsyncClient) -> None:
    product = (await client.get("products/2?fields=id,variant_inventory&expand=categories")).json()
    assert product.keys() == {"id", "variant_inventory", "categories"}
    assert product["variant_inventory"][0]["item_number"] == "B-2-R"
    assert product["variant_inventory"][0]["updated_at"] is None
    assert "variants" not in product["variant_inventory"][0]
    assert product["categories"] == [{"id": 2, "is_primary": True, "name": "Hinges"}]
    sku = (await client.get("variant_inventory?expand=variants")).json()["variant_inventory"][0]
    assert [(row["id"], row["description"], row["variant_inventory_id"]) for row in sku["variants"]] == [(1, "Red", 1)]
    filled = (await client.get("products/1/filled")).json()
    assert len(filled["pricing"]) == 1
    assert filled["reviews"] == []
    nested = (await client.get("products/1/pricing?fields=id,price&sort=-id")).json()
    assert nested == {"total_count": 1, "pricing": [{"id": 1, "price": 25.5}]}


async def test_child_products_carry_their_link(client: httpx.AsyncClient, store: SparkPayStore) -> None:
    store.update("products", 1, child_products=[{"id": 3, "is_required": True}])
    (child,) = (await client.get("products/1?expand=child_products")).json()["child_products"]
    assert (child["id"], child["item_number"], child["is_required"]) == (3, "C-3", True)


async def test_select_many_leaves_out_what_is_not_there(client: httpx.AsyncClient) -> None:
    answer = await client.get("products/select_many?ids=3,99,1&sort=-id&fields=id")
    assert answer.json() == {"total_count": 2, "products": [{"id": 3}, {"id": 1}]}


async def test_suffix_and_slash_mean_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.get("products.json?fields=id")).json() == (await client.get("products/?fields=id")).json()


async def test_times_are_local_and_change_with_daylight_saving(
    client: httpx.AsyncClient, store: SparkPayStore, pass_time: Callable[[float], None]
) -> None:
    assert '"updated_at":"2026-11-22T06:00:01.233-06:00"' in (await client.get("products/1")).text
    pass_time(-150 * 86_400 - 0.234567)
    store.update("products", 1, item_name="Summer hinge")
    assert '"updated_at":"2026-06-25T07:00:01-05:00"' in (await client.get("products/1")).text


def test_whole_seconds(store: SparkPayStore) -> None:
    coarse = SparkPayStore(clock=store.clock, timestamp_resolution="second")
    coarse.insert("manufacturers", name="M")
    assert coarse.dump()["manufacturers"][0]["updated_at"] == "2026-11-22T06:00:01-06:00"
    with pytest.raises(ValueError, match="resolution"):
        SparkPayStore(clock=store.clock, timestamp_resolution="day")
