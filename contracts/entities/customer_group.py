"""A group of customers: a customer type on one side, a customer group on the other."""

from pydantic import Field

from contracts.values import Contract, Money


class CustomerGroup(Contract):
    """A name for customers who are treated alike, and how."""

    key: str = Field(
        min_length=1,
        max_length=30,
        pattern=r"^[^/]*[^0-9/][^/]*$",
        description="Its slug, for instance `ct-4`; never digits only",
    )
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knows it")
    name: str = Field(min_length=1, max_length=256)
    parent: str | None = Field(default=None, description="Key of the group above; none = the root")
    minimum_order: tuple[Money, ...] | None = Field(
        default=None, description="The least that an order comes to, per currency; none = not known"
    )
