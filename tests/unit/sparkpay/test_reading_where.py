from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import UserFault
from connector.sparkpay.query import encode
from connector.sparkpay.where import parse_where


def asked(text: str) -> list[str]:
    return [encode("products", query, 5) for query in parse_where(text, "products").queries("id")]


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        ("", [""]),
        ("item_number=A-1", ["item_number=eq:A-1&"]),
        ("item_number=like:A:1", ["item_number=like:A:1&"]),
        ("price=gt:1 AND lte:5&is_hidden=false", ["price=gt:1%20AND%20lte:5&is_hidden=eq:false&"]),
        ("item_name=like:rope+OR+like:twine", ["item_name=like:rope&", "item_name=like:twine&"]),
        ("updated_at=gte:2026-01-01", ["updated_at=gte:2026-01-01T00:00:00Z&"]),
        ("updated_at=gte:2026-01-01T10:00:00", ["updated_at=gte:2026-01-01T10:00:00Z&"]),
        ("updated_at=gte:2026-01-01T10:00:00-06:00", ["updated_at=gte:2026-01-01T10:00:00-06:00&"]),
        ("a=1 OR 2&b=3 OR 4", ["a=eq:1&b=eq:3&", "a=eq:1&b=eq:4&", "a=eq:2&b=eq:3&", "a=eq:2&b=eq:4&"]),
        ("item_name=like:%C3%A9", ["item_name=like:%C3%A9&"]),
    ],
)
def test_a_choice_is_asked_in_the_platforms_language(text: str, queries: list[str]) -> None:
    assert asked(text) == [f"{query}fields=id&count=5" for query in queries]


def test_only_what_changed_since_is_one_more_condition() -> None:
    where = parse_where("updated_at=lt:2026-02-01", "products").since(datetime(2026, 1, 1, tzinfo=UTC))
    (query,) = where.queries("id")
    assert encode("products", query, 5).startswith("updated_at=lt:2026-02-01T00:00:00Z%20AND%20gte:2026-01-01T00:00:00")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("price", "'price' is no condition"),
        ("price=", "'price=' is no condition"),
        ("Price=1", "'Price=1' is no condition"),
        ("price=gt:", "price=gt: has no value"),
        ("price=above:1", "there is no operator 'above'; known: eq, not"),
        ("price=1&price=2", "price stands twice"),
        ("id=gt:7", "name ids with --id"),
        ("sort=id", "sort is not for choosing rows"),
        ("weight=OR gt:3", "joins fields by OR"),
        ("width=gt:3", "products.width does not work in queries"),
        ("&".join(f"a{n}=1 OR 2" for n in range(5)), "means 32 queries"),
        ("a=" + "1" * 1000, "longer than 1000"),
    ],
)
def test_a_wrong_choice_says_what_fits(text: str, why: str) -> None:
    with pytest.raises(UserFault) as refused:
        parse_where(text, "products")
    assert str(refused.value).startswith("--where")
    assert why in str(refused.value)


@given(st.text(alphabet="ab=&: OR AND1+%gtlike_", max_size=60))
def test_any_text_is_a_choice_or_a_sentence(text: str) -> None:
    said = "--where"
    try:
        said += str(len(asked(text)))
    except UserFault as error:
        said = str(error)
    assert said.startswith("--where")
