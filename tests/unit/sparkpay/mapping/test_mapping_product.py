"""Spark Pay product -> canonical product, rule by rule."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.errors import UserFault
from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ProductBundle, ReferenceData
from connector.sparkpay.mapping import MappingFault, Offered, price_entities, product_entity, stock_entities
from contracts.entities import Availability, Option, Product, Variant
from contracts.values import Money
from tests.support.sparkpay_bundles import bundle, combination, known, option, product

SETTINGS = ConnectionSettings()
RED, BLUE = option(21, 10, "Red", sort_order=1), option(22, 10, "Blue", sort_order=2)
SHORT, LONG = option(31, 11, "40 m"), option(32, 11, "60 m", sort_order=1)


def mapped(item: ProductBundle, reference: ReferenceData | None = None) -> Product:
    found = product_entity(item, reference or known(), SETTINGS)
    assert found is not None
    return found


def only(**changes: Any) -> Variant:
    return mapped(bundle(product(**changes))).variants[0]


def test_a_plain_product_is_one_variant() -> None:
    row = product(
        retail=Decimal("129.0000"), minimum_quantity=2, maximum_quantity=40, quantity_increment=6, gtin="40123"
    )
    found = mapped(bundle(row))
    assert found == Product(
        key="sparkpay:501",
        refs={"sparkpay": "501"},
        title="Trail Rope 60 m",
        slug="trail-rope-60-m-501",
        variants=(
            Variant(
                id="p-501",
                sku="ROPE-60",
                weight_grams=Decimal("907.185"),
                rrp=(Money(amount=Decimal("129.0000"), currency="USD"),),
                pack_size=6,
                minimum_quantity=2,
                maximum_quantity=40,
                gtin="40123",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("changes", "title", "slug"),
    [
        ({"item_name": "  A\r\n  rope\x07 "}, "A rope", "a-rope-501"),
        ({"item_name": ""}, "ROPE-60", "rope-60-501"),
        ({"item_name": "", "item_number": ""}, None, "product-501"),
        ({"item_name": "登山ロープ"}, "登山ロープ", "product-501"),
        ({"item_name": "Überzüge & Seile"}, "Überzüge & Seile", "uberzuge-seile-501"),
        ({"url_rewrite": "https://shop.example/ropes/trail.aspx?x=1#top"}, "Trail Rope 60 m", "ropes/trail.aspx"),
        ({"url_rewrite": "//shop.example/ropes"}, "Trail Rope 60 m", "ropes"),
        ({"url_rewrite": "/trail-rope"}, "Trail Rope 60 m", "trail-rope"),
        ({"url_rewrite": "?page=1"}, "Trail Rope 60 m", "trail-rope-60-m-501"),
    ],
)
def test_title_and_slug(changes: dict[str, Any], title: str | None, slug: str) -> None:
    found = mapped(bundle(product(**changes)))
    assert (found.title, found.slug) == (title, slug)


def test_markup_is_kept_as_it_is() -> None:
    found = mapped(bundle(product(long_description_1="<p>Strong\r\n\x00rope</p>")))
    assert found.description == "<p>Strong\r\nrope</p>"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Availability.ACTIVE),
        ({"is_discontinued": True, "is_hidden": 1}, Availability.DISCONTINUED),
        ({"is_hidden": 1}, Availability.HIDDEN),
        ({"is_hidden": "0"}, Availability.ACTIVE),
        ({"is_subscription_product": True}, Availability.HIDDEN),
        ({"product_status_id": 2}, Availability.ACTIVE),  # sold out: the level blocks the sale
        ({"product_status_id": 3}, Availability.HIDDEN),
        ({"product_status_id": 4}, Availability.HIDDEN),
        ({"product_status_id": 5}, Availability.ACTIVE),
        ({"product_status_id": 99}, Availability.ACTIVE),
    ],
)
def test_the_flags_decide_the_status(changes: dict[str, Any], expected: Availability) -> None:
    assert only(**changes).status is expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"store_id": 60, "customer_type_id": None}, Availability.HIDDEN),
        ({"store_id": 60, "customer_type_id": 0}, Availability.HIDDEN),
        ({"store_id": 61, "customer_type_id": None}, Availability.ACTIVE),
        ({"store_id": 60, "customer_type_id": 7}, Availability.ACTIVE),
    ],
)
def test_a_product_can_be_inactive_in_the_store(rule: dict[str, Any], expected: Availability) -> None:
    reference = known(inactive={501: ({"id": 1, "item_id": 501, **rule},)})
    assert mapped(bundle(), reference).variants[0].status is expected


def test_stored_combinations_are_the_variants() -> None:
    rows = [
        combination(902, "R-BLUE", [BLUE], product_status_id=3, retail=Decimal(150), weight=3, gtin="99"),
        combination(901, "R-RED", [RED], variant_inventory_image="/img/red rope.jpg"),
        combination(903, "", [RED, LONG], product_status_id=0),
    ]
    item = bundle(
        product(use_variant_inventory=True, product_status_id=4), combinations=rows, options=[RED, BLUE, LONG]
    )
    found = mapped(item)
    assert found.status is Availability.ACTIVE  # the product's status does not speak for combinations with their own
    assert [(v.id, v.sku, v.position, v.status) for v in found.variants] == [
        ("vi-901", "R-RED", 1, Availability.ACTIVE),
        ("vi-903", None, 2, Availability.HIDDEN),
        ("vi-902", "R-BLUE", 3, Availability.HIDDEN),
    ]
    assert found.variants[0].options == (Option(name="Colour", value="Red"),)
    assert found.variants[1].options == (Option(name="Colour", value="Red"), Option(name="Length", value="60 m"))
    assert found.variants[0].image_url == "https://shop.example/img/red%20rope.jpg"
    assert found.variants[2].rrp[0].amount == 150
    assert found.variants[2].weight_grams == Decimal("1360.777")
    assert found.variants[2].gtin == "99"


def test_the_flag_decides_even_where_combinations_exist() -> None:
    item = bundle(product(use_variant_inventory=False), combinations=[combination(901, "R-RED", [RED])])
    assert [variant.id for variant in mapped(item).variants] == ["p-501"]
    assert mapped(bundle(product(use_variant_inventory=True))).variants == ()


def test_a_description_stands_in_for_options() -> None:
    row = combination(901, "R", [], description="Color: Red, Length: 60 m")
    found = mapped(bundle(product(use_variant_inventory=True), combinations=[row]))
    assert found.variants[0].options == (Option(name="Color", value="Red"), Option(name="Length", value="60 m"))


def test_hidden_options_hide_a_combination() -> None:
    hidden = {**RED, "is_hidden": True}
    rows = [combination(901, "R", [hidden]), combination(902, "RL", [hidden, LONG])]
    found = mapped(bundle(product(use_variant_inventory=True), combinations=rows, options=[hidden, LONG]))
    assert {v.id: v.status for v in found.variants} == {"vi-901": Availability.HIDDEN, "vi-902": Availability.ACTIVE}


def test_options_without_stored_combinations_are_multiplied() -> None:
    rows = [
        {**RED, "item_number_extension": "-R", "item_number_sort_order": 2, "weight": 1},
        {**BLUE, "item_number_extension": "-B", "item_number_sort_order": 2},
        {**SHORT, "item_number_extension": "-40", "item_number_sort_order": 1},
        {**LONG, "item_number_extension": "-60", "item_number_sort_order": 1, "weight": 4, "weight_type": ""},
    ]
    found = mapped(bundle(options=rows))
    assert [(v.id, v.sku, v.position) for v in found.variants] == [
        ("p-501-21-31", "ROPE-60-40-R", 1),
        ("p-501-21-32", "ROPE-60-60-R", 2),
        ("p-501-22-31", "ROPE-60-40-B", 3),
        ("p-501-22-32", "ROPE-60-60-B", 4),
    ]
    assert found.variants[0].weight_grams == Decimal("1360.777")
    assert found.variants[3].weight_grams == Decimal("907.185")


def test_option_skus_that_cannot_be_told_apart_are_a_fault() -> None:
    with pytest.raises(MappingFault) as fault:
        mapped(bundle(options=[RED, BLUE]))
    assert fault.value.code == "variant_sku_ambiguous"
    assert fault.value.part == "p-501"


def test_too_many_combinations_are_a_fault() -> None:
    rows = [option(at, group, str(at)) for group in (10, 11) for at in range(group * 100, group * 100 + 16)]
    with pytest.raises(MappingFault) as fault:
        mapped(bundle(options=rows))
    assert fault.value.code == "too_many_combinations"
    assert "256" in fault.value.message


def test_no_item_number_leaves_every_combination_without_sku() -> None:
    found = mapped(bundle(product(item_number=""), options=[{**RED, "item_number_extension": "-R"}, BLUE]))
    assert [variant.sku for variant in found.variants] == [None, None]


def test_only_hidden_options_hide_the_product() -> None:
    found = mapped(bundle(options=[{**RED, "is_hidden": True}]))
    assert [(v.id, v.sku, v.status) for v in found.variants] == [("p-501", "ROPE-60", Availability.HIDDEN)]


def test_a_heading_without_price_is_not_pushed() -> None:
    assert product_entity(bundle(product(price=0), has_children=True), known(), SETTINGS) is None
    assert product_entity(bundle(product(price=5), has_children=True), known(), SETTINGS) is not None


@pytest.mark.parametrize(
    ("unit", "grams"),
    [("Lbs", "907.185"), ("oz", "56.699"), ("Kg", "2000"), ("G", "2"), ("1", None), ("", None)],
)
def test_weights_are_grams(unit: str, grams: str | None) -> None:
    assert only(weight=2, weight_unit=unit).weight_grams == (Decimal(grams) if grams else None)


def test_no_weight_is_left_out() -> None:
    assert only(weight=0).weight_grams is None


def test_the_picture_is_the_primary_visible_one() -> None:
    rows = [
        {"id": 1, "image_file": "/img/a.jpg", "is_primary": False, "sort_order": 0},
        {"id": 2, "image_file": "img\\b.jpg", "is_primary": True, "sort_order": 9},
        {"id": 3, "image_file": "/img/c.jpg", "is_primary": True, "sort_order": 0, "is_hidden": True},
    ]
    assert mapped(bundle(pictures=rows)).variants[0].image_url == "https://shop.example/img/b.jpg"
    far = [{"id": 1, "image_file": "HTTPS://cdn.example/ü.jpg"}]
    assert mapped(bundle(pictures=far)).variants[0].image_url == "HTTPS://cdn.example/%C3%BC.jpg"
    assert mapped(bundle(pictures=[{"id": 1, "image_file": ""}])).variants[0].image_url is None


@pytest.mark.parametrize(
    ("changes", "amount"),
    [({"retail": Decimal("12.5000")}, "12.5"), ({"retail": 0}, "100"), ({"retail": None, "price": 0}, None)],
)
def test_the_recommended_price_falls_back_to_the_price(changes: dict[str, Any], amount: str | None) -> None:
    assert [str(money.amount.normalize()) for money in only(**changes).rrp] == (
        [str(Decimal(amount).normalize())] if amount else []
    )


@pytest.mark.parametrize(
    ("changes", "code", "part"),
    [
        ({"id": None}, "id_missing", "products"),
        ({"price": "cheap"}, None, None),
        ({"weight": "heavy"}, "field_unreadable", "weight"),
        ({"is_hidden": "perhaps"}, "field_unreadable", "is_hidden"),
        ({"retail": Decimal("1E+30")}, "number_out_of_range", "retail"),
        ({"item_name": {"en": "Rope"}}, "field_unreadable", "item_name"),
    ],
)
def test_what_cannot_be_read_is_named(changes: dict[str, Any], code: str | None, part: str | None) -> None:
    if code is None:
        changes["retail"] = 0
        code, part = "field_unreadable", "price"
    with pytest.raises(MappingFault) as fault:
        only(**changes)
    assert (fault.value.code, fault.value.part) == (code, part)


def test_what_is_offered_is_worked_out_once_for_all_kinds_of_entity() -> None:
    item = bundle(options=[option(1, 10, "Red", item_number_extension="-R"), option(2, 10, "Blue")])
    offered = Offered(item, known(), SETTINGS)
    assert offered.items is offered.items
    found = product_entity(item, known(), SETTINGS, offered)
    assert found == product_entity(item, known(), SETTINGS)
    assert stock_entities(item, known(), SETTINGS, offered) == stock_entities(item, known(), SETTINGS)
    now = datetime(2026, 5, 1, tzinfo=UTC)
    assert price_entities(item, known(), SETTINGS, now, offered) == price_entities(item, known(), SETTINGS, now)


def test_what_cannot_be_offered_is_refused_every_time_it_is_asked_for() -> None:
    offered = Offered(bundle(options=[option(1, 10, "Red"), option(2, 10, "Blue")]), known(), SETTINGS)
    for _ in range(2):
        with pytest.raises(MappingFault, match="have the SKU"):
            _ = offered.items


def test_families_as_variants_are_refused_because_nothing_maps_them() -> None:
    with pytest.raises(UserFault, match=r"setting products\.families does not take 'as_variants'"):
        ConnectionSettings().with_values({"products.families": "as_variants"})
