from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping_rules.expression import LONGEST, BadExpression, parse
from connector.mapping_rules.functions import NoValue, Value
from connector.mapping_rules.paths import BadPath, Path, parse_path

FIELDS: dict[str, Value] = {
    "title": "Rope ",
    "code": "12.50",
    "weight": Decimal(250),
    "empty": "",
    "gone": None,
    "open": True,
    'attributes["ERP number"]': "A-7",
    "variants[].gtin": "400",
}


def value(source: str) -> Value:
    return parse(source).value(lambda path: FIELDS.get(str(path)))


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ('"it\'s"', "it's"),
        ("'a\\'b\\\\c\\nd'", "a'b\\c\nd"),
        ("title", "Rope "),
        ("upper(strip(title))", "ROPE"),
        ("lower('ABC')", "abc"),
        ("title & 'x' & weight", "Rope x250"),
        ("concat(strip(title), ' ', gone, 1.50)", "Rope 1.5"),
        ("code * 2", Decimal("25.00")),
        ("1 + 2 * 3 - 4 / 8", Decimal("6.5")),
        ("-(2 + 3) * 2", Decimal(-10)),
        ("10 / 3 * 3 = 10", False),
        ("round(10 / 3, 2)", Decimal("3.33")),
        ("round(2.5)", Decimal(3)),
        ("0.1 + 0.2 = 0.3", True),
        ("gone + 1", None),
        ("round(gone, 2)", None),
        ("number(code)", Decimal("12.50")),
        ("text(weight)", "250"),
        ("weight > 100 and not blank(title)", True),
        ("weight < 100 or blank(empty)", True),
        ("gone < 100", False),
        ("gone = empty", True),
        ("code = 12.5", True),
        ("title = 12.5", False),
        ("code != '12.50'", False),
        ("not not open", True),
        ("if(blank(gone), 'none', title)", "none"),
        ("if(weight >= 250, 'heavy', 1 / 0)", "heavy"),
        ("first(gone, empty, title)", "Rope "),
        ("first(gone)", None),
        ("map(weight, 100, 'light', 250, 'heavy')", "heavy"),
        ("map('z', 'a', '1', 'other')", "other"),
        ("map('z', 'a', '1', 'b', '2')", "z"),
        ("replace(code, '.', ',')", "12,50"),
        ("replace(code, '', ',')", "12.50"),
        ("cut('abcdef', 3)", "abc"),
        ("contains(title, 'op') and starts(title, 'Ro')", True),
        ('attributes["ERP number"] & "!"', "A-7!"),
        ("variants[].gtin", "400"),
        ("true", True),
        ("none", None),
    ],
)
def test_expressions_have_the_values_that_people_expect(source: str, wanted: Value) -> None:
    assert value(source) == wanted
    assert type(value(source)) is type(wanted)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "it ends where a field"),
        ("title &", "it ends where a field"),
        ("title title", "'title' stands at character 7 where an operator or the end is wanted"),
        ("upper(title", "it ends where ',' is wanted"),
        ("uper(title)", "there is no function uper(); did you mean upper"),
        ("__import__('os')", "there is no function __import__()"),
        ("title.upper()", "'(' stands at character 12"),
        ("cut(title)", "cut is written cut(text, characters), not with 1 values"),
        ("1e5", "means nothing here"),
        ("title; 1", "';"),
        ("'open", "means nothing here"),
        ("a[0]", "means nothing here"),
        ("(" * 60 + "1" + ")" * 60, "nested more than 40 deep"),
        ("1" + "+1" * 400, "more than 300 words"),
        ("'" + "x" * LONGEST + "'", "longer than"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(source: str, why: str) -> None:
    with pytest.raises(BadExpression) as refused:
        parse(source)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("1 / 0", "divided by 0"),
        ("title * 2", "'Rope ' is no number"),
        ("open + 1", "true and false are no numbers"),
        ("round(1, 11)", "round takes 0 to 10 places"),
        ("cut(title, -1)", "cut takes a whole number"),
        ("999999999999999 * 999999999999999 * 999999999999999", "grows too large"),
        ("replace('" + "a" * 200 + "', 'a', '" + "b" * 200 + "')", "grows over"),
    ],
)
def test_what_has_no_value_says_why(source: str, why: str) -> None:
    with pytest.raises(NoValue) as refused:
        value(source)
    assert why in str(refused.value)


_SYMBOLS = st.sampled_from(
    [*"0+-*/&=<(),", ">=", "2.5", "'a'", '"b"', "and", "or", "not", "none", "true", "title", "gone", "weight", "code"]
) | st.sampled_from(["if(", "upper(", "map(", "round(", "first(", "cut(", "replace(", "blank("])


@given(st.lists(_SYMBOLS, max_size=25).map(" ".join) | st.text(max_size=60))
@settings(max_examples=400)
def test_any_text_is_a_value_or_a_sentence(source: str) -> None:
    try:
        found = value(source)
    except (BadExpression, NoValue) as error:
        found = f"a sentence: {error}"
    assert found is None or isinstance(found, str | bool | Decimal)
    assert found != "a sentence: "


_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name != "attributes")


@given(st.lists(st.tuples(_NAMES, st.booleans()), min_size=1, max_size=4), st.none() | st.text("aZ 9.-ü", min_size=1))
def test_a_path_reads_as_it_is_shown(names: list[tuple[str, bool]], attribute: str | None) -> None:
    steps = [step for name, each in names for step in ((name, "[]") if each else (name,))]
    path = Path((*steps, "attributes", attribute) if attribute else tuple(steps))
    assert parse_path(str(path)) == path


@pytest.mark.parametrize("text", ["", ".title", "title.", "Title", "title..x", "a b", "[]", "attributes[x]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(BadPath):
        parse_path(text)
