"""Customer groups and customers: everybody who should be there, and nobody who should not sign in."""

from collections.abc import Mapping
from typing import Any

from connector.demo.oracle import people as rules
from connector.demo.oracle import postal
from connector.demo.oracle.expectation import beginning_of, exactly
from connector.demo.oracle.people import People
from connector.demo.oracle.rows import Row, Shop, flag, words
from connector.demo.oracle.settings import OracleSettings
from connector.demo.oracle.tally import Tally

_OURS = "sp-"
_ABSENT, _PRESENT = "absent", "present"
_LONGEST_GROUP = 256
_DEFAULTS = ("billing", "shipping")


def check_groups(shop: Shop, site: Mapping[str, Any], settings: OracleSettings, tally: Tally) -> None:
    """One group per customer type in scope; a type that is gone leaves at most a group that is still in use."""
    there: dict[str, Row] = {str(row["slug"]): row for row in site["customer_groups"]}
    used = {str(row.get("group")) for row in site["customers"]}
    for type_id, row in shop.customer_types.items():
        slug = f"ct-{type_id}"
        if not rules.type_in_scope(settings, type_id) or tally.skipped("customer-group", slug):
            continue
        tally.entities["customer-group"] += 1
        found = there.get(slug)
        if found is None:
            tally.check("customer-group", slug, "presence", exactly(_PRESENT), _ABSENT)
            continue
        tally.check("customer-group", slug, "name", beginning_of(_name(row, slug), _LONGEST_GROUP), found.get("name"))
        tally.check("customer-group", slug, "parent_slug", exactly(settings.root_group), found.get("parent_slug"))
    for slug in there:
        type_text = slug.removeprefix("ct-")
        ours = slug.startswith("ct-") and type_text.isdecimal() and int(type_text) not in shop.customer_types
        if ours and slug not in used and not tally.skipped("customer-group", slug):
            tally.check("customer-group", slug, "presence", exactly(_ABSENT), _PRESENT)


def check_customers(
    shop: Shop, people: People, site: Mapping[str, Any], settings: OracleSettings, tally: Tally
) -> None:
    """Both ways: the shop's customers on SparkLayer, and SparkLayer's customers in the shop."""
    there: dict[str, Row] = {str(row["external_id"]): row for row in site["customers"] if row.get("external_id")}
    for id_, row in people.customers.items():
        key, found = f"sparkpay:{id_}", there.get(str(id_))
        if tally.skipped("customer", key) or rules.email(row) is None:
            continue
        tally.entities["customer"] += 1
        active = rules.in_scope(shop, settings, row) and not flag(row, "is_inactive")
        if found is None:
            # One that nobody serves may never have come, nor a sub-account of one who is not there.
            parent = rules.parent_of(people, settings, row)
            free = not active or (parent is not None and str(parent) not in there)
            tally.check("customer", key, "presence", exactly(_ABSENT if free else _PRESENT), _ABSENT)
        elif not active:
            tally.check("customer", key, "status", exactly("inactive"), found.get("status"))
        else:
            _check_fields(people, settings, tally, row, found)
    for external_id, found in there.items():
        key = f"sparkpay:{external_id}"
        if external_id.isdecimal() and int(external_id) not in people.customers and not tally.skipped("customer", key):
            tally.entities["customer"] += 1
            tally.check("customer", key, "status", exactly("inactive"), found.get("status"))


def _check_fields(people: People, settings: OracleSettings, tally: Tally, row: Row, found: Row) -> None:
    key = f"sparkpay:{row['id']}"
    for name, expected in rules.expected_fields(people, settings, row).items():
        tally.check("customer", key, name, expected, _found(name, found))
    ours = [slug.startswith(_OURS) for slug in found.get("price_lists") or ()]
    tally.check("customer", key, "own price_lists first", exactly(True), ours == sorted(ours, reverse=True))
    _check_addresses(people, tally, row, found)


def _check_addresses(people: People, tally: Tally, row: Row, found: Row) -> None:
    key, id_ = f"sparkpay:{row['id']}", int(row["id"])
    book = [address for address in people.addresses_of.get(id_, []) if postal.usable(address)]
    there: dict[str, Row] = {str(address.get("external_id")): address for address in found.get("addresses") or ()}
    wanted = tuple(sorted(str(address["id"]) for address in book))
    tally.check("customer", key, "addresses", exactly(wanted), tuple(sorted(there)))
    for address in book:
        held = there.get(str(address["id"]))
        if held is None:
            continue
        tally.entities["address"] += 1
        for name, expected in postal.expected_fields(address, cut=True).items():
            tally.check("address", str(address["id"]), name, expected, held.get(name))
        tally.check("address", str(address["id"]), "nickname", postal.nickname(address), held.get("nickname"))
    names = {held.get("id"): external_id for external_id, held in there.items()}
    for kind in _DEFAULTS:
        marked = [str(address["id"]) for address in book if flag(address, f"is_default_{kind}_address")]
        skipped = any(
            flag(address, f"is_default_{kind}_address") and not postal.usable(address)
            for address in people.addresses_of.get(id_, [])
        )
        # Where the store marked several, any of them; where one of them cannot be told, none as well.
        allowed = [*marked, *([None] if skipped or not marked else [])]
        held_default = names.get(found.get(f"default_{kind}_address_id"))
        tally.check("customer", key, f"default_{kind}_address_id", exactly(*allowed), held_default)


def _found(name: str, row: Row) -> object:
    value = row.get(name)
    match name:
        case "price_lists":
            return tuple(slug for slug in value or () if slug.startswith(_OURS))
        case "vatin_numbers" | "sales_agent_groups":
            return tuple(value or ())
        case "parent_customer":
            return value.get("external_id") if value else None
        case "payment_on_account":
            if not value:
                return ()
            return (value.get("credit_limit"), str(value.get("currency_code")).lower(), value.get("net_terms"))
        case _:
            return value


def _name(row: Row, slug: str) -> str:
    return words(row.get("name")) or slug
