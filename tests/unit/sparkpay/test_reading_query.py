from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sparkpay.dates import moment, utc_text
from connector.sparkpay.query import Query, any_of, encode, eq, gt, gte, lte, spanning


def asked(query: Query, resource: str = "products") -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(encode(resource, query, 100)).items()}


def test_everything_that_a_list_takes_is_in_the_query() -> None:
    query = (
        Query()
        .where("updated_at", gte(datetime(2026, 3, 1, tzinfo=UTC)), lte(datetime(2026, 3, 2, tzinfo=UTC)))
        .where("id", gt(7))
        .sorted_by("updated_at", "id")
        .only("id", "price")
        .expanded("pricing")
    )
    assert asked(query) == {
        "updated_at": "gte:2026-03-01T00:00:00.000Z AND lte:2026-03-02T00:00:00.000Z",
        "id": "gt:7",
        "sort": "updated_at,id",
        "fields": "id,price",
        "expand": "pricing",
        "count": "100",
    }


@pytest.mark.parametrize("sku", ["A+B", "like:x", "50% & more", "a=b", "Ø/ü", "#1?"])
def test_a_value_arrives_as_it_is_and_never_as_an_operator(sku: str) -> None:
    assert asked(Query().where("item_number", eq(sku))) == {"item_number": f"eq:{sku}", "count": "100"}


@given(st.text(min_size=1).filter(lambda text: " AND " not in text and " OR " not in text))
def test_any_text_survives_the_query_string(text: str) -> None:
    encodable = text.encode("utf-8", "ignore").decode()
    assert asked(Query().where("item_number", eq(encodable)))["item_number"] == f"eq:{encodable}"


@pytest.mark.parametrize(
    ("value", "written"),
    [(True, "eq:true"), (False, "eq:false"), (Decimal("1.50"), "eq:1.50"), (Decimal("1E+3"), "eq:1000"), (3, "eq:3")],
)
def test_values_have_one_way_to_be_written(value: bool | int | Decimal, written: str) -> None:
    assert str(eq(value)) == written


def test_what_cannot_be_asked_is_refused_before_a_call() -> None:
    with pytest.raises(ValueError, match="AND and OR"):
        encode("products", Query().where("item_name", eq("salt AND pepper")), 1)
    with pytest.raises(ValueError, match=r"products\.length"):
        encode("products", Query().where("length", gt(3)), 1)
    assert "length" in encode("variant_inventory", Query().where("length", gt(3)), 1)


def test_a_second_condition_on_a_field_replaces_the_first() -> None:
    assert asked(Query().where("id", gt(1)).where("id", gt(2)))["id"] == "gt:2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-05-12T17:12:00-06:00", datetime(2014, 5, 12, 23, 12, tzinfo=UTC)),
        ("2014-05-12T17:12:00.7-05:00", datetime(2014, 5, 12, 22, 12, 0, 700_000, tzinfo=UTC)),
        ("2014-05-12T17:12:00.16-05:00", datetime(2014, 5, 12, 22, 12, 0, 160_000, tzinfo=UTC)),
        ("2014-05-12T17:12:00.923Z", datetime(2014, 5, 12, 17, 12, 0, 923_000, tzinfo=UTC)),
        ("2014-05-12T17:12:00.9715109Z", datetime(2014, 5, 12, 17, 12, 0, 971_510, tzinfo=UTC)),
        ("2021-09-06T00:00:00-05:00", datetime(2021, 9, 6, 5, tzinfo=UTC)),
        ("2021-09-06T10:00:00", datetime(2021, 9, 6, 16, tzinfo=UTC)),
        ("2021-09-06", datetime(2021, 9, 6, 6, tzinfo=UTC)),
        ("", None),
        (None, None),
        ("1900-01-01T00:00:00-06:00", None),
        ("0001-01-01T00:00:00", None),
    ],
)
def test_times_in_every_form_that_was_seen(text: str | None, expected: datetime | None) -> None:
    assert moment(text, timezone(timedelta(hours=-6))) == expected


@pytest.mark.parametrize("text", ["soon", 5, "2014-13-01T00:00:00Z", "2014-05-12T17:12:00 CET"])
def test_what_is_no_time_says_so(text: object) -> None:
    with pytest.raises(ValueError, match=r"no time|month"):
        moment(text)


@given(st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_a_written_time_is_never_later_than_meant(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    read = moment(utc_text(at))
    assert read is not None
    assert timedelta(0) <= at - read < timedelta(milliseconds=1)


def test_alternatives_stand_alone_because_and_binds_tighter() -> None:
    some = any_of([3, 1, 2])
    assert asked(Query().where("id", some)) == {"id": "eq:3 OR eq:1 OR eq:2", "count": "100"}
    for beside in (Query().where("id", some).where("price", gt(1)), Query().where("price", gt(1)).where("id", some)):
        with pytest.raises(ValueError, match="an alternative stands alone"):
            encode("products", beside, 1)
    assert encode("products", Query().where("id", any_of([3])).where("price", gt(1)), 1), "one value is no alternative"
    assert spanning([7, 3, 5]) == (gte(3), lte(7))
    assert spanning([7]) == (eq(7),)
