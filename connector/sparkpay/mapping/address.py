"""Spark Pay address -> canonical address. Spark Pay writes countries and states as names."""

from typing import Any

from connector.places import country_code, region_code
from connector.sparkpay.bundle import Row
from connector.sparkpay.mapping.fields import identity, text
from contracts.entities import Address, CustomerAddress

_POSTAL_DIGITS_US = 5
_DEFAULT = "default"


def address(row: Row) -> Address:
    """An address as an order keeps it (`order_addresses`)."""
    return Address(**_common(row))


def book_address(row: Row) -> CustomerAddress:
    """An address of a customer's book (`addresses`). Raises `MappingFault` where it has no id."""
    id_ = str(identity(row, "addresses"))
    kind = text(row, "address_type")
    return CustomerAddress(
        id=id_,
        refs={"sparkpay": id_},
        nickname=None if kind is None or kind.lower() == _DEFAULT else kind,
        **_common(row),
    )


def _common(row: Row) -> dict[str, Any]:
    country = country_code(text(row, "country_code")) or country_code(text(row, "country"))
    state = text(row, "state")
    return {
        "first_name": text(row, "first_name"),
        "last_name": text(row, "last_name"),
        "company": text(row, "company"),
        "line1": text(row, "address_line_1"),
        "line2": text(row, "address_line_2"),
        "city": text(row, "city"),
        "region": region_code(country, text(row, "state_code")) or region_code(country, state) or state,
        "postal_code": _postal_code(row, country),
        "country": country,
        "phone": text(row, "phone"),
        "mobile": text(row, "alternate_phone"),
    }


def _postal_code(row: Row, country: str | None) -> str | None:
    """`order_addresses` has numbers: the leading zeros that they lost are put back where all codes have five digits."""
    code = text(row, "postal_code")
    if code is not None and country == "US" and not isinstance(row.get("postal_code"), str):
        return code.zfill(_POSTAL_DIGITS_US)
    return code
