"""A product with the variants that can be bought."""

from enum import StrEnum

from pydantic import Field

from contracts.values import Amount, Contract, Money


class Availability(StrEnum):
    """What a buyer may do with it, in no platform's own words."""

    ACTIVE = "active"  # shown and for sale
    HIDDEN = "hidden"  # exists, not shown for the moment
    DRAFT = "draft"  # not ready yet
    DISCONTINUED = "discontinued"  # will not come back


class Option(Contract):
    """One choice that makes a variant what it is."""

    name: str = Field(description="The group, for instance Colour")
    value: str = Field(description="The choice, for instance Red")


class Variant(Contract):
    """One thing with a SKU."""

    id: str = Field(min_length=1, max_length=100, description="Stable within the publisher's system")
    sku: str | None = Field(default=None, description="What stock and prices are keyed by; none = not sellable yet")
    status: Availability = Availability.ACTIVE
    position: int = Field(default=1, ge=1)
    options: tuple[Option, ...] = ()
    weight_grams: Amount | None = None
    image_url: str | None = None
    rrp: tuple[Money, ...] = Field(default=(), description="Recommended retail price, one per currency")
    pack_size: int | None = Field(default=None, ge=1, description="Sold in multiples of this")
    minimum_quantity: int | None = Field(default=None, ge=1)
    maximum_quantity: int | None = Field(default=None, ge=1)
    gtin: str | None = None


class Product(Contract):
    """Everything about a product but its prices and its stock."""

    key: str = Field(min_length=1, max_length=200, description="`<system>:<id>` of the system that created it")
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knows it")
    title: str | None = None
    slug: str | None = None
    description: str | None = Field(default=None, description="HTML as the publisher has it")
    status: Availability = Availability.ACTIVE
    variants: tuple[Variant, ...] = ()
    attributes: dict[str, str] | None = Field(default=None, description="Custom fields by name; none = not known")
