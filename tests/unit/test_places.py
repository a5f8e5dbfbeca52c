"""Country and region names and their codes, both ways."""

import pycountry
import pytest

from connector.places import country_code, country_name, region_code, region_name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("United States", "US"),
        ("united states of america", "US"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("us", "US"),
        ("UK", "GB"),
        ("England", "GB"),
        ("Côte d'Ivoire", "CI"),
        ("Cote d\u2019Ivoire", "CI"),
        ("Viet Nam", "VN"),
        ("Vietnam", "VN"),
        ("Czech Republic", "CZ"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("South Korea", "KR"),
        ("  Germany ", "DE"),
        ("DEU", "DE"),
        ("Atlantis", None),
        ("", None),
        (None, None),
        ("   ", None),
    ],
)
def test_a_country_is_known_by_name_alias_and_code(name: str | None, code: str | None) -> None:
    assert country_code(name) == code


@pytest.mark.parametrize(
    ("country", "name", "code"),
    [
        ("US", "Texas", "TX"),
        ("US", "texas", "TX"),
        ("US", "TX", "TX"),
        ("US", "District of Columbia", "DC"),
        ("CA", "Québec", "QC"),
        ("CA", "Quebec", "QC"),
        ("AU", "New South Wales", "NSW"),
        ("NZ", "XYZ", "XYZ"),
        ("US", "Nowhere", None),
        (None, "TX", "TX"),
        (None, "Texas", None),
        ("US", "", None),
    ],
)
def test_a_region_is_known_within_its_country(country: str | None, name: str, code: str | None) -> None:
    assert region_code(country, name) == code


def test_every_country_comes_back_from_its_own_name() -> None:
    lost = [
        country.alpha_2
        for country in pycountry.countries
        if country_code(country_name(country.alpha_2)) != country.alpha_2
    ]
    assert lost == []


def test_the_states_of_the_large_markets_come_back_from_their_names() -> None:
    regions = [region for region in pycountry.subdivisions if region.country_code in ("US", "CA", "AU", "DE", "BR")]
    lost = [
        region.code
        for region in regions
        if region_code(region.country_code, region_name(region.country_code, region.code.partition("-")[2]))
        != region.code.partition("-")[2]
    ]
    assert len(regions) > 100
    assert lost == []


def test_what_is_no_code_of_the_country_stays_a_name() -> None:
    assert region_name("US", "Somewhere") == "Somewhere"
    assert region_name("XX", "TX") == "TX"
    assert region_name("US", None) is None
    assert country_name("ZZ") is None
    assert country_name(None) is None
