"""SparkLayer address -> canonical address."""

from typing import Any

from connector.places import country_code
from connector.sparklayer.mapping.fields import Row, text
from contracts.entities import Address


def address(row: Row) -> Address | None:
    """An address as an order keeps it; none where nothing is known."""
    return Address(**common(row)) if any(row.values()) else None


def common(row: Row) -> dict[str, Any]:
    """What every address has."""
    return {
        "title": text(row.get("title")),
        "first_name": text(row.get("first_name")),
        "last_name": text(row.get("last_name")),
        "company": text(row.get("company")),
        "line1": text(row.get("address_line1")),
        "line2": text(row.get("address_line2")),
        "city": text(row.get("city")),
        "region": text(row.get("region_code")),
        "postal_code": text(row.get("postal_code")),
        "country": country_code(text(row.get("country_code"))),
        "phone": text(row.get("phone")),
        "mobile": text(row.get("mobile")),
    }
