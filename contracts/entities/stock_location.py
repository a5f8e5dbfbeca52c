"""A place where stock lies."""

from pydantic import Field

from contracts.values import Contract


class StockLocation(Contract):
    """A warehouse, a shop, a bin."""

    key: str = Field(min_length=1, max_length=200, description="Its external id, for instance `default` or `wh-2`")
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knows it")
    name: str = Field(min_length=1, max_length=255)
