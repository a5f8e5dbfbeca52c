"""What SparkLayer demands of customers: both names, and addresses with a first line, a city and a country."""

import re

from contracts.entities import CustomerAddress
from contracts.text import clean

LONGEST_ADDRESS_ID = 50
_OWN_ADDRESS = "ca_"


def name_instead(company: str | None, email: str, fallback: str) -> str:
    """What stands in for a missing first or last name: the company, then the mailbox, then a word."""
    mailbox = clean(re.sub(r"[._+-]+", " ", email.partition("@")[0]))
    return clean(company) or mailbox or fallback


def address_objection(address: CustomerAddress) -> tuple[str, str] | None:
    """Code, and what is wrong, of an address that cannot be there."""
    for value, code, what in (
        (clean(address.line1), "address_line1_missing", "has no first line"),
        (clean(address.city), "city_missing", "has no city"),
        (address.country, "country_unknown", "has no country that is known"),
    ):
        if value is None:
            return code, f"{what}: it was left out"
    if len(address.id) > LONGEST_ADDRESS_ID or address.id.startswith(_OWN_ADDRESS):
        return "address_id_invalid", "has an id that SparkLayer does not take"
    return None
