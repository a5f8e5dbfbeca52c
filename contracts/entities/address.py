"""A postal address, of a customer or as an order keeps it."""

from pydantic import Field

from contracts.values import Contract, CountryCode


class Address(Contract):
    """Where something is sent or billed to. Country and region are codes; what has no code keeps its name as region."""

    title: str | None = Field(default=None, description="Mr, Dr, ...")
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = Field(default=None, description="ISO 3166-2 code without the country (TX), else a name")
    postal_code: str | None = None
    country: CountryCode | None = None
    phone: str | None = None
    mobile: str | None = None
    email: str | None = None


class CustomerAddress(Address):
    """An address in a customer's book."""

    id: str = Field(min_length=1, max_length=50, description="Stable within the publisher's system")
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knows it")
    nickname: str | None = Field(default=None, description="What the customer calls it")
