"""Addresses: what SparkLayer should hold of a row of `addresses` or `order_addresses`."""

from collections.abc import Mapping

from connector.demo.oracle.expectation import Expected, beginning_of, exactly
from connector.demo.oracle.geography import country_of, regions_of
from connector.demo.oracle.rows import Row, words

_FIELDS = {
    "address_line1": "address_line_1",
    "address_line2": "address_line_2",
    "city": "city",
    "first_name": "first_name",
    "last_name": "last_name",
    "company": "company",
    "phone": "phone",
    "mobile": "alternate_phone",
}
_LONGEST = {
    "address_line1": 255,
    "address_line2": 255,
    "city": 128,
    "first_name": 50,
    "last_name": 50,
    "company": 128,
    "phone": 20,
    "mobile": 20,
    "postal_code": 20,
    "nickname": 50,
}
_US_DIGITS = 5


def usable(row: Row) -> bool:
    """Whether SparkLayer can take it at all."""
    return bool(words(row.get("address_line_1")) and words(row.get("city")) and country_of(row))


def expected_fields(row: Row, *, cut: bool) -> Mapping[str, Expected]:
    """Every field; `cut` where the address book's limits hold."""
    found = {name: text(words(row.get(source)), _LONGEST[name] if cut else None) for name, source in _FIELDS.items()}
    return {
        **found,
        "country_code": exactly(country_of(row)),
        "region_code": exactly(*regions_of(row)),
        "postal_code": exactly(*_postal_codes(row)),
    }


def nickname(row: Row) -> Expected:
    """The address's type, unless it says nothing."""
    kind = words(row.get("address_type"))
    return exactly(None, "") if kind.lower() in ("", "default") else text(kind, _LONGEST["nickname"])


def text(value: str, longest: int | None = None) -> Expected:
    """A text, cut where it is too long; nothing is none or an empty text."""
    if not value:
        return exactly(None, "")
    return exactly(value) if longest is None else beginning_of(value, longest)


def _postal_codes(row: Row) -> tuple[str | None, ...]:
    """Numbers have lost their leading zeros; where the store still has the text, both are right."""
    code = words(row.get("postal_code"))
    if not code:
        return (None, "")
    if country_of(row) == "US" and code.isdecimal():
        return tuple(dict.fromkeys((code.zfill(_US_DIGITS), code)))
    return (code,)
