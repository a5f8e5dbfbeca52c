"""Country and region names as a shop's admin writes them, and their ISO codes; both ways.

Spark Pay keeps names ("United States", "Texas"), SparkLayer codes ("US", "TX"); neither has a list of its own.
"""

import re
import unicodedata
from functools import lru_cache

import pycountry

_ALIASES = {
    "usa": "US",
    "u s a": "US",
    "united states of america": "US",
    "america": "US",
    "uk": "GB",
    "great britain": "GB",
    "britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "russia": "RU",
    "south korea": "KR",
    "korea": "KR",
    "north korea": "KP",
    "vietnam": "VN",
    "viet nam": "VN",
    "iran": "IR",
    "syria": "SY",
    "laos": "LA",
    "bolivia": "BO",
    "venezuela": "VE",
    "tanzania": "TZ",
    "moldova": "MD",
    "macedonia": "MK",
    "czech republic": "CZ",
    "holland": "NL",
    "the netherlands": "NL",
    "ivory coast": "CI",
    "cape verde": "CV",
    "swaziland": "SZ",
    "burma": "MM",
    "brunei": "BN",
    "taiwan": "TW",
    "turkey": "TR",
    "palestine": "PS",
    "vatican": "VA",
    "east timor": "TL",
    "congo kinshasa": "CD",
    "congo brazzaville": "CG",
    "uae": "AE",
    "hong kong": "HK",
    "macau": "MO",
}
_CODE = re.compile(r"[A-Z0-9]{1,3}")


def country_code(name: str | None) -> str | None:
    """The two letters of a country given by name, alias or code; none where nobody knows it."""
    if not name or not name.strip():
        return None
    word = _word(name)
    return _countries().get(word)


def country_name(code: str | None) -> str | None:
    """The English name that a shop would show; none for an unknown code."""
    found = pycountry.countries.get(alpha_2=(code or "").upper())
    if found is None:
        return None
    return str(getattr(found, "common_name", None) or found.name)


def region_code(country: str | None, name: str | None) -> str | None:
    """The region's code without the country (`TX`).

    A text that already is a code (up to three upper-case letters or digits) stays; none where the country has no
    region of that name.
    """
    if not name or not name.strip():
        return None
    found = _regions(country).get(_word(name)) if country else None
    if found is not None:
        return found
    return name.strip() if _CODE.fullmatch(name.strip()) else None


def region_name(country: str | None, region: str | None) -> str | None:
    """The name of a region given by its code; a text that is no code of that country stays as it is."""
    if not region or not region.strip():
        return None
    code = region.strip().upper()
    found = next((name for known, name in _subdivisions().get((country or "").upper(), ()) if known == code), None)
    return region.strip() if found is None else found


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    known: dict[str, str] = {}
    for country in pycountry.countries:
        for text in (
            getattr(country, "official_name", None),
            country.name,
            getattr(country, "common_name", None),
            country.alpha_3,
            country.alpha_2,
        ):
            if text:
                known[_word(text)] = country.alpha_2
    return known | _ALIASES


@lru_cache(maxsize=32)
def _regions(country: str) -> dict[str, str]:
    """Every region of a country by the words of its name and by its code; names that two share are left out."""
    known: dict[str, str] = {}
    twice: set[str] = set()
    for code, name in _subdivisions().get(country.upper(), ()):
        word = _word(name)
        if known.setdefault(word, code) != code:
            twice.add(word)
        known.setdefault(_word(code), code)
    return {word: code for word, code in known.items() if word not in twice}


@lru_cache(maxsize=1)
def _subdivisions() -> dict[str, list[tuple[str, str]]]:
    """(code, name) of every region, by country."""
    found: dict[str, list[tuple[str, str]]] = {}
    for region in pycountry.subdivisions:
        found.setdefault(region.country_code, []).append((region.code.partition("-")[2], region.name))
    return found


def _word(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char if char.isalnum() else " " for char in parts if not unicodedata.combining(char))
    return " ".join(plain.split())
