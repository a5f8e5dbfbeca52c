"""What SparkLayer cannot hold is kept from what was wanted there, or reading it back would lose it.

It knows no periods of prices, one place of stock where the settings say so, no address without a country, no region
without a code, and it demands names. Where what it shows is just what became of what was wanted, that is what it means;
what somebody changed there is taken as it is shown.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.places import region_code
from connector.settings import ConnectionSettings
from connector.sparklayer.customer_rules import address_objection, name_instead
from connector.sparklayer.one_place import summed
from connector.sparklayer.price_breaks import breaks_at
from contracts.entities import Customer, CustomerAddress, Price, PriceList, Stock, StockLevel

Level = tuple[int, bool, int, object]
_EMPTY: Level = (0, False, 0, None)
_DEFAULT = "default"


def kept_price(shown: Price, wanted: Price, moments: Sequence[datetime], settings: ConnectionSettings) -> Price:
    """Each list that shows what was wanted of it at one of these moments, with its periods."""
    plans = {one.list: one for one in wanted.lists}
    lists = [_kept_list(one, plans.get(one.list), moments, settings) for one in shown.lists]
    return shown.model_copy(update={"lists": tuple(lists), "product": wanted.product})


def kept_stock(shown: Stock, wanted: Stock, settings: ConnectionSettings) -> Stock:
    """The levels as they were wanted, where that is what is there."""
    levels = {level.location: level for level in wanted.levels}
    if settings.stock.mode == "single_default":
        levels = {_DEFAULT: summed(list(levels.values()))}
    same = _by_place(levels, settings) == _by_place({level.location: level for level in shown.levels}, settings)
    changes = {"product": wanted.product, "shared": wanted.shared} | ({"levels": wanted.levels} if same else {})
    return shown.model_copy(update=changes)


def kept_customer(shown: Customer, wanted: Customer, settings: ConnectionSettings) -> Customer:
    """The names that are stand-ins left out, and the addresses that cannot be there put back."""
    instead = name_instead(wanted.company, (wanted.email or "").strip(), settings.customers.name_fallback)
    changes: dict[str, object] = {
        name: None
        for name in ("first_name", "last_name")
        if not getattr(wanted, name) and getattr(shown, name) == instead
    }
    if shown.addresses is not None and wanted.addresses is not None:
        before = {address.id: address for address in wanted.addresses}
        there = [_kept_address(address, before.get(address.id)) for address in shown.addresses]
        lost = [address for address in wanted.addresses if address_objection(address) is not None]
        changes["addresses"] = (*there, *(address for address in lost if address.id not in {one.id for one in there}))
        ids = {address.id for address in lost}
        for name in ("default_billing", "default_shipping"):
            if getattr(shown, name) is None and getattr(wanted, name) in ids:
                changes[name] = getattr(wanted, name)
    return shown.model_copy(update=changes)


def _kept_list(
    shown: PriceList, wanted: PriceList | None, moments: Sequence[datetime], settings: ConnectionSettings
) -> PriceList:
    if wanted is None:
        return shown
    rows = [(row.from_quantity, row.amount) for row in shown.rows]
    for moment in moments:
        breaks = breaks_at(wanted, moment, monotone=settings.pricing.monotone)
        if rows == [(one.quantity, one.price) for one in breaks]:
            return wanted
    return shown


def _by_place(levels: Mapping[str, StockLevel], settings: ConnectionSettings) -> dict[str, Level]:
    """What is anywhere; a place where nothing is left is no place."""
    found = {place: _level(level, settings) for place, level in levels.items()}
    return {place: level for place, level in found.items() if level != _EMPTY}


def _level(level: StockLevel, settings: ConnectionSettings) -> Level:
    held = max(0, level.level) if settings.stock.clamp_negative else level.level
    return 0 if level.unlimited else held, level.unlimited, level.minimum, level.restock_date


def _kept_address(shown: CustomerAddress, wanted: CustomerAddress | None) -> CustomerAddress:
    """With the region that has no code, where it is still the address of that country."""
    if wanted is None or shown.region is not None or shown.country != wanted.country:
        return shown
    if region_code(wanted.country, wanted.region) is not None:
        return shown
    return shown.model_copy(update={"region": wanted.region})
