"""Every price of one SKU."""

from pydantic import Field

from contracts.values import Amount, Contract, Currency, Instant


class PriceRow(Contract):
    """The price of one piece from a quantity on, while it is valid."""

    from_quantity: int = Field(default=1, ge=1)
    amount: Amount = Field(description="Net price of one piece")
    valid_from: Instant | None = Field(default=None, description="From this moment on; none = always was")
    valid_until: Instant | None = Field(default=None, description="Up to, not including, this moment; none = stays")


class PriceList(Contract):
    """The prices that one kind of customer gets. No rows: the SKU cannot be bought from this list."""

    list: str = Field(min_length=1, max_length=40, description="`base` or `ct-<customer type>`")
    name: str | None = Field(default=None, description="For people")
    rows: tuple[PriceRow, ...] = ()
    reason: str | None = Field(default=None, description="Why there are no rows, when somebody should know")


class Price(Contract):
    """All lists, all quantity breaks, all sale periods of a SKU. A list that is not named is not touched."""

    sku: str = Field(min_length=1, description="The SKU, letter for letter")
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knows it")
    product: str | None = Field(default=None, description="Key of the product that the SKU belongs to")
    currency: Currency
    lists: tuple[PriceList, ...] = ()

    @property
    def key(self) -> str:
        """Prices are keyed by SKU."""
        return self.sku
