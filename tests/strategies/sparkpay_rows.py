"""Hypothesis strategies for Spark Pay payloads: documented shapes, with every documented way to be empty or odd."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from connector.sparkpay.bundle import Parent, ProductBundle, ReferenceData
from tests.support.sparkpay_bundles import GROUPS, STATUSES, TYPES, WAREHOUSES

flags = st.sampled_from([True, False, 0, 1, None, "", "true", "0"])
texts = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "Red", "a\x00b\r\n c", "ルーペ", "👩🏽‍🚒 helmet", "x" * 300, "e\u0301" * 80, "\ud800"]),
    st.text(max_size=20),
)
skus = st.one_of(st.sampled_from(["", None, "A", "B", "C-1", " A ", "x" * 120, 4711]), st.text(max_size=6))
money = st.one_of(
    st.none(),
    st.sampled_from(["", 0, "0.0000", Decimal("29.1666"), 12, "1886.0000", Decimal("1E+2"), Decimal("0.00004"), -3]),
    st.decimals(min_value=-10, max_value=100_000, places=4),
)
counts = st.one_of(st.none(), st.sampled_from(["", 0, "0", "7", Decimal("2.5")]), st.integers(-5, 1_000_000))
ids = st.one_of(st.none(), st.sampled_from([0, "", "0"]), st.integers(1, 12))
dates = st.sampled_from(
    [
        None,
        "",
        0,
        "1900-01-01T00:00:00-06:00",
        "2026-01-10T00:00:00-06:00",
        "2026-03-08T01:59:59.9971234-06:00",
        "2026-03-08T03:00:00.003-05:00",
        "2026-06-01T05:00:00.0Z",
        "2026-06-01T00:00:00",
        "2026-09-01",
    ]
)
adjustments = st.sampled_from(["", None, "+ dollars", "- dollars", "+ percent", "- percent", "+ Percent"])
odd_adjustments = st.one_of(adjustments, st.sampled_from(["total", "x2"]))


def options(rules: st.SearchStrategy[Any] = odd_adjustments) -> st.SearchStrategy[dict[str, Any]]:
    """Rows of `product_variants`."""
    return st.fixed_dictionaries(
        {"id": st.integers(1, 12)},
        optional={
            "variant_group_id": st.sampled_from([10, 11, 12, 99, 0, None]),
            "description": texts,
            "price_adjustment": money,
            "price_adjustment_type": rules,
            "sort_order": counts,
            "item_number_extension": skus,
            "item_number_sort_order": counts,
            "is_hidden": flags,
            "weight": money,
            "weight_type": st.sampled_from(["+", "", None]),
        },
    )


def combinations(rules: st.SearchStrategy[Any] = odd_adjustments) -> st.SearchStrategy[dict[str, Any]]:
    """Rows of `variant_inventory` with their options."""
    return st.fixed_dictionaries(
        {"id": st.integers(1, 12), "item_number": skus},
        optional={
            "inventory": counts,
            "product_status_id": ids,
            "weight": money,
            "retail": money,
            "variant_inventory_image": texts,
            "description": st.one_of(texts, st.just("Colour: Red, Length: 60 m")),
            "variants": st.lists(options(rules), max_size=3),
        },
    )


price_rows = st.fixed_dictionaries(
    {
        "price": money,
        "starting_quantity": st.one_of(st.none(), st.sampled_from(["", 0, Decimal("4.5")]), st.integers(1, 9)),
    },
    optional={
        "store_id": st.sampled_from([None, 0, 60, 61]),
        "customer_type_id": st.sampled_from([None, 0, "", 7, 9, 50]),
        "variant_inventory_id": ids,
        "variant_id": ids,
        "variant_price_surcharge": st.sampled_from(["", None, "", "+ percent"]),
        "sale_type_id": ids,
        "start_date": dates,
        "end_date": dates,
        "price_calculation_id": st.sampled_from([None, 0, None, 0, 3]),
    },
)


@st.composite
def price_tables(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    """Rows of `product_pricing` with ids of their own."""
    rows = draw(st.lists(price_rows, max_size=7))
    return tuple({**row, "id": at} for at, row in enumerate(rows, start=1))


products = st.fixed_dictionaries(
    {"id": st.integers(1, 10**9), "price": money},
    optional={
        "item_number": skus,
        "item_name": texts,
        "long_description_1": st.one_of(texts, st.just("<p>Strong\r\nrope</p>")),
        "retail": money,
        "product_status_id": ids,
        "quantity_on_hand": counts,
        "minimum_quantity": counts,
        "maximum_quantity": counts,
        "quantity_increment": counts,
        "is_hidden": flags,
        "is_discontinued": flags,
        "is_subscription_product": flags,
        "is_non_inventory": flags,
        "use_variant_inventory": flags,
        "use_pricing_from_parent": flags,
        "is_child_product": flags,
        "call_for_pricing": flags,
        "weight": money,
        "weight_unit": st.sampled_from(["Lbs", "Oz", "Kg", "G", "1", "", None]),
        "warehouse_id": st.sampled_from([0, None, 1, 2, 77]),
        "eta_date": dates,
        "url_rewrite": st.one_of(texts, st.sampled_from(["//cdn.example/a/b?x=1", "https://s.example/rope.aspx#top"])),
        "gtin": texts,
    },
)

pictures = st.fixed_dictionaries(
    {"id": st.integers(1, 12), "image_file": texts},
    optional={"is_primary": flags, "is_hidden": flags, "sort_order": counts},
)

references = st.builds(
    ReferenceData,
    store_id=st.just(60),
    image_base=st.sampled_from(["https://shop.example", "https://shop.example/"]),
    variant_groups=st.sampled_from([GROUPS, {}]),
    product_statuses=st.sampled_from([STATUSES, {}]),
    customer_types=st.sampled_from([TYPES, {}]),
    warehouses=st.sampled_from([WAREHOUSES, {}]),
    inventory_settings=st.sampled_from([{}, {"track_inventory": False}, {"out_of_stock_product_status_id": 2}]),
)


@st.composite
def bundles(draw: st.DrawFn, rules: st.SearchStrategy[Any] = odd_adjustments) -> ProductBundle:
    """A product with all its children, each child row with an id of its own."""
    head = draw(st.one_of(st.none(), products))
    return ProductBundle(
        product=draw(products),
        options=tuple({row["id"]: row for row in draw(st.lists(options(rules), max_size=4))}.values()),
        combinations=tuple({row["id"]: row for row in draw(st.lists(combinations(rules), max_size=4))}.values()),
        prices=draw(price_tables()),
        pictures=tuple({row["id"]: row for row in draw(st.lists(pictures, max_size=3))}.values()),
        parent=None if head is None else Parent(head, draw(price_tables())),
        has_children=draw(st.booleans()),
    )


_amounts = st.decimals(min_value="0.0001", max_value=500, places=4)
_relevant_rows = st.fixed_dictionaries(
    {
        "price": st.one_of(_amounts, st.sampled_from([0, Decimal(10), Decimal(10)])),
        "starting_quantity": st.sampled_from([None, 0, 1, 1, 1, 5, 5, Decimal("4.5"), 10]),
        "start_date": st.one_of(st.just(""), dates),
        "end_date": st.one_of(st.none(), dates),
        "customer_type_id": st.sampled_from([None, 0, 7, 7, 9]),
        "store_id": st.sampled_from([None, None, 60, 61]),
        "variant_inventory_id": st.sampled_from([None, None, 0, 1, 2]),
        "variant_id": st.sampled_from([None, None, 0, 21, 31]),
        "sale_type_id": st.sampled_from([None, None, 2]),
        "price_calculation_id": st.sampled_from([None] * 12 + [3]),
    }
)


@st.composite
def priced_bundles(draw: st.DrawFn) -> ProductBundle:
    """Products that have prices, with rows that compete: several lists, breaks, options and overlapping sales."""

    def option(id_: int, group: int) -> dict[str, Any]:
        rule = draw(adjustments)
        return {
            "id": id_,
            "variant_group_id": group,
            "description": f"value {id_}",
            "price_adjustment": draw(st.sampled_from([0, 5, Decimal("2.5")])),
            "price_adjustment_type": rule,
            "item_number_extension": f"-{id_}",
        }

    chosen = [option(21, 10), option(22, 10), option(31, 11)]
    shape = draw(st.sampled_from("ABC"))
    rows = draw(st.lists(_relevant_rows, min_size=1, max_size=6))
    return ProductBundle(
        product={
            "id": 501,
            "item_number": "ROPE",
            "item_name": "Rope",
            "price": draw(st.one_of(_amounts, st.just(0))),
            "use_variant_inventory": shape == "B",
        },
        options=tuple(chosen) if shape == "C" else (),
        combinations=tuple(
            {"id": at, "item_number": f"SKU-{at}", "variants": [chosen[at - 1], chosen[2]]} for at in (1, 2)
        )
        if shape == "B"
        else (),
        prices=tuple({**row, "id": at} for at, row in enumerate(rows, start=1)),
    )
