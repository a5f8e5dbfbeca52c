"""A part of a walk over all entities of a kind."""

from dataclasses import dataclass

from connector.sparkpay.told import Told


@dataclass(frozen=True, slots=True)
class Stretch:
    """Up to and including number `until` everything is published and remembered."""

    until: int
    read: int
    told: Told
