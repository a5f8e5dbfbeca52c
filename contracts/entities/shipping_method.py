"""A way of shipping that the merchant set up, with what it costs."""

from enum import StrEnum

from pydantic import Field

from contracts.values import Amount, Contract, CountryCode, Currency


class BandBasis(StrEnum):
    """What decides whether a band applies."""

    WEIGHT = "weight"  # grams
    TOTAL = "total"  # money
    QUANTITY = "quantity"  # pieces


class ShippingBand(Contract):
    """The price within two bounds."""

    basis: BandBasis
    lower: Amount | None = Field(default=None, description="From this on; none = from nothing")
    upper: Amount | None = Field(default=None, description="Up to, not including, this; none = without end")
    price: Amount = Field(description="Net; 0 = free")


class ShippingMethod(Contract):
    """A shipping method. One that is not enabled is not offered."""

    key: str = Field(min_length=1, max_length=50, description="Its slug")
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knows it")
    name: str = Field(min_length=1)
    enabled: bool = True
    priority: int = Field(default=0, ge=0, le=127, description="Low first")
    countries: tuple[CountryCode, ...] = Field(default=(), description="None named: everywhere")
    groups: tuple[str, ...] = Field(default=(), description="Keys of customer groups; none named: everybody")
    currency: Currency | None = None
    bands: tuple[ShippingBand, ...] = ()
    unsupported: str | None = Field(default=None, description="Why the rules cannot be told in bands")
