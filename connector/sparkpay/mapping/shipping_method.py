"""Spark Pay custom shipping method -> canonical shipping method, as far as its rules can be told in bands."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise

from pydantic import ValidationError

from connector.places import country_code
from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ReferenceData, Row
from connector.sparkpay.mapping.customer import invalid
from connector.sparkpay.mapping.faults import MappingFault
from connector.sparkpay.mapping.fields import flag, identity, number, reference, rounded, text
from connector.sparkpay.mapping.scope import group_key
from contracts.entities import BandBasis, ShippingBand, ShippingMethod
from contracts.text import cut

_LONGEST_NAME = 50
_GRAMS_PER_POUND = Decimal("453.59237")
_BASES = {
    "dollars": BandBasis.TOTAL,
    "weight": BandBasis.WEIGHT,
    "lbs": BandBasis.WEIGHT,
    "quantity": BandBasis.QUANTITY,
}


def shipping_method_entity(row: Row, known: ReferenceData, settings: ConnectionSettings) -> ShippingMethod:
    """The method with its rules (`custom_shipping_methods?expand=rules`). Raises `MappingFault`.

    `unsupported` says which rule has no counterpart: what to do with such a method is the receiving side's rule.
    """
    id_ = identity(row, "custom_shipping_methods")
    key = f"sp-csm-{id_}"
    rules = [rule for rule in row.get("rules") or () if isinstance(rule, dict)]
    try:
        bands, unsupported = _bands(rules)
        countries, unknown = _countries(rules, known)
    except MappingFault as fault:
        bands, countries, unsupported, unknown = (), (), fault.message, None
    try:
        return ShippingMethod(
            key=key,
            refs={"sparkpay": str(id_)},
            name=cut(text(row, "name") or key, _LONGEST_NAME),
            enabled=flag(row, "is_enabled") and not flag(row, "admin_only"),
            countries=countries,
            groups=tuple(
                sorted({group_key(type_id) for rule in rules if (type_id := reference(rule, "customer_type_id"))})
            ),
            currency=settings.store.currency_code,
            bands=bands,
            unsupported=unsupported or unknown or _calculated(row),
        )
    except ValidationError as error:
        raise invalid("shipping-method", key, error) from error


def _calculated(row: Row) -> str | None:
    return "its price is calculated by the store" if flag(row, "is_calculated_method") else None


def _bands(rules: Iterable[Row]) -> tuple[tuple[ShippingBand, ...], str | None]:
    bands = []
    for rule in rules:
        basis = _BASES.get((text(rule, "bound_type") or "").lower())
        if basis is None:
            return (), f"a rule is bounded by {text(rule, 'bound_type') or 'nothing'}"
        if text(rule, "bound_type_2"):
            return (), "a rule has a second bound"
        if (text(rule, "amount_type") or "dollars") != "dollars" or (
            number(rule, "modifier_amount") or Decimal(0)
        ) != 0:
            return (), "a rule's amount is more than a fixed price"
        if reference(rule, "warehouse_id") is not None:
            return (), "a rule is for one warehouse"
        bands.append(
            ShippingBand(
                basis=basis,
                lower=_bound(rule, "lower_bound", basis),
                upper=_bound(rule, "upper_bound", basis),
                price=rounded(number(rule, "amount") or Decimal(0), 4),
            )
        )
    bands.sort(key=lambda band: (band.basis, band.lower or Decimal(0)))
    if any(a.basis == b.basis and (a.upper is None or (b.lower or 0) < a.upper) for a, b in pairwise(bands)):
        return (), "its rules overlap"
    return tuple(bands), None


def _bound(rule: Row, name: str, basis: BandBasis) -> Decimal | None:
    value = number(rule, name)
    if value is None or value <= 0:
        return None
    return rounded(value * _GRAMS_PER_POUND, 2) if basis is BandBasis.WEIGHT else rounded(value, 4)


def _countries(rules: Iterable[Row], known: ReferenceData) -> tuple[tuple[str, ...], str | None]:
    """The countries of the rules' regions; a rule without a region is for everywhere."""
    codes: set[str] = set()
    for rule in rules:
        region_id = reference(rule, "region_id")
        if region_id is None:
            return (), None
        region = known.regions.get(region_id)
        if region is None:
            return (), f"region {region_id} is not known"
        if region.get("states") or region.get("postal_codes"):
            return (), f"region {text(region, 'name') or region_id} is finer than a country"
        names = [name for name in region.get("countries") or () if isinstance(name, str)]
        found = [country_code(name) for name in names]
        if not found or None in found:
            return (), f"region {text(region, 'name') or region_id} names a country that is not known"
        codes.update(code for code in found if code is not None)
    return tuple(sorted(codes)), None
