"""A part of a walk over the catalogue."""

from dataclasses import dataclass

from connector.sparkpay.observer import Told


@dataclass(frozen=True, slots=True)
class Stretch:
    """Up to and including product `until` everything is published and remembered."""

    until: int
    read: int
    told: Told
