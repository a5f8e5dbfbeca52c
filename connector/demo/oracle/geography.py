"""Countries and regions: a shop writes their names, SparkLayer takes ISO codes."""

from functools import lru_cache

import pycountry

from connector.demo.oracle.rows import Row, words

_ALIASES = {"usa": "US", "united states of america": "US", "uk": "GB", "great britain": "GB"}
_LONGEST_CODE = 3


def country_of(row: Row) -> str | None:
    """The code of an address's country; none where nobody knows it."""
    return _country(words(row.get("country_code"))) or _country(words(row.get("country")))


def regions_of(row: Row) -> tuple[str | None, ...]:
    """The region codes that an address may have: what its name stands for, or what is a code already; else none."""
    country = country_of(row) or ""
    given, name = words(row.get("state_code")), words(row.get("state"))
    table = _regions(country)
    found = [table.get(text.casefold()) or (text if _is_code(text) else None) for text in (given, name) if text]
    return tuple(dict.fromkeys(code for code in found if code)) or (None,)


@lru_cache(maxsize=512)
def _country(name: str) -> str | None:
    if not name:
        return None
    if (alias := _ALIASES.get(name.casefold())) is not None:
        return alias
    try:
        return str(pycountry.countries.lookup(name).alpha_2)
    except LookupError:
        return None


@lru_cache(maxsize=64)
def _regions(country: str) -> dict[str, str]:
    regions = [region for region in pycountry.subdivisions if region.country_code == country]
    named = {str(region.name).casefold(): str(region.code).partition("-")[2] for region in regions}
    return named | {code.casefold(): code for code in named.values()}


def _is_code(text: str) -> bool:
    return len(text) <= _LONGEST_CODE and text.isalnum() and text == text.upper()
