"""What the store is set up with: shipping methods, places of stock, settings."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from connector.demo.oracle.expectation import beginning_of, exactly, near
from connector.demo.oracle.geography import country_of
from connector.demo.oracle.people import group
from connector.demo.oracle.rows import Dump, Row, Shop, by_id, flag, number, ref, words
from connector.demo.oracle.settings import OracleSettings
from connector.demo.oracle.tally import Tally

_ABSENT, _PRESENT = "absent", "present"
_GRAMS_PER_POUND = Decimal("453.59237")
_GRAM = Decimal("0.01")
_LONGEST_TITLE = 50


def check_shipping_methods(dump: Dump, site: Mapping[str, Any], settings: OracleSettings, tally: Tally) -> None:
    """Those that are offered and can be told; the others, and those that the shop has no more, are not there."""
    there = {str(row.get("code")): row for row in site["shipping_methods"]}
    methods, regions = by_id(dump, "custom_shipping_methods"), by_id(dump, "regions")
    offered = {f"sp-csm-{id_}": row for id_, row in methods.items()} if settings.shipping_api != "off" else {}
    for key in sorted(offered.keys() | {code for code in there if code.startswith("sp-csm-")}):
        if tally.skipped("shipping-method", key):
            continue
        tally.entities["shipping-method"] += 1
        row, found = offered.get(key), there.get(key)
        wanted = row is not None and _is_offered(row) and _can_be_told(row, regions)
        tally.check(
            "shipping-method", key, "presence", exactly(_PRESENT if wanted else _ABSENT), _PRESENT if found else _ABSENT
        )
        if wanted and row is not None and found is not None:
            _check_method(settings, tally, key, rows=(row, found), regions=regions)


def _check_method(
    settings: OracleSettings, tally: Tally, key: str, *, rows: tuple[Row, Row], regions: Mapping[int, Row]
) -> None:
    row, found = rows
    rules = _rules(row)
    tally.check(
        "shipping-method", key, "title", beginning_of(words(row.get("name")) or key, _LONGEST_TITLE), found.get("title")
    )
    tally.check(
        "shipping-method",
        key,
        "countries",
        exactly(_countries(rules, regions)),
        tuple(sorted(found.get("countries") or ())),
    )
    groups = {group(settings, type_id) for rule in rules if (type_id := ref(rule, "customer_type_id"))}
    tally.check(
        "shipping-method", key, "groups", exactly(tuple(sorted(groups))), tuple(sorted(found.get("groups") or ()))
    )
    bands = sorted(found.get("bands") or (), key=lambda band: number(band["requirement"], "min"))
    tally.check("shipping-method", key, "bands", exactly(len(rules)), len(bands))
    for rule, band in zip(sorted(rules, key=lambda rule: number(rule, "lower_bound")), bands, strict=False):
        for field, name in (("min", "lower_bound"), ("max", "upper_bound")):
            grams = number(rule, name) * _GRAMS_PER_POUND
            expected = near(grams, _GRAM) if grams > 0 else exactly(None, 0)
            tally.check("shipping-method", key, f"band {field}", expected, band["requirement"].get(field))
        tally.check("shipping-method", key, "band cost", exactly("free"), band["cost"]["type"])


def _is_offered(row: Row) -> bool:
    return flag(row, "is_enabled") and not flag(row, "admin_only")


def _can_be_told(row: Row, regions: Mapping[int, Row]) -> bool:
    """Only bands of weight that cost nothing, for whole countries, have a counterpart."""
    return not flag(row, "is_calculated_method") and all(_is_plain(rule, regions) for rule in _rules(row))


def _is_plain(rule: Row, regions: Mapping[int, Row]) -> bool:
    by_weight = words(rule.get("bound_type")).lower() in ("weight", "lbs") and not words(rule.get("bound_type_2"))
    free = number(rule, "amount") == 0 and number(rule, "modifier_amount") == 0
    region = ref(rule, "region_id")
    return (
        by_weight and free and not ref(rule, "warehouse_id") and (not region or _is_of_countries(regions.get(region)))
    )


def _is_of_countries(region: Row | None) -> bool:
    if region is None or region.get("states") or region.get("postal_codes"):
        return False
    return bool(region.get("countries")) and all(country_of({"country": name}) for name in region["countries"])


def _countries(rules: Iterable[Row], regions: Mapping[int, Row]) -> tuple[str, ...]:
    codes: set[str] = set()
    for rule in rules:
        if not ref(rule, "region_id"):
            return ()
        codes |= {str(country_of({"country": name})) for name in regions[ref(rule, "region_id")]["countries"]}
    return tuple(sorted(codes))


def _rules(row: Row) -> list[Row]:
    return [rule for rule in row.get("rules") or () if isinstance(rule, Mapping)]


def check_places(shop: Shop, site: Mapping[str, Any], settings: OracleSettings, tally: Tally) -> None:
    """Every warehouse but the default one, where stock is kept per warehouse."""
    there = {str(row["external_id"]): row for row in site["stock_locations"]}
    if settings.stock_mode != "per_warehouse":
        return
    for id_, row in shop.warehouses.items():
        key = f"wh-{id_}"
        if flag(row, "is_default") or tally.skipped("stock-location", key):
            continue
        tally.entities["stock-location"] += 1
        tally.check("stock-location", key, "presence", exactly(_PRESENT), _PRESENT if key in there else _ABSENT)
        if key in there:
            tally.check("stock-location", key, "name", exactly(words(row.get("name"))), there[key].get("name"))


def check_settings(site: Mapping[str, Any], settings: OracleSettings, tally: Tally) -> None:
    """Those that the comparison was told of: the rules name no setting of the shop."""
    for key, value in settings.site_settings.items():
        if not tally.skipped("setting", key):
            tally.entities["setting"] += 1
            tally.check("setting", key, "value", exactly(value), site["settings"].get(key))
