"""What is there of one SKU, and where."""

from datetime import date

from pydantic import Field

from contracts.values import Contract


class StockLevel(Contract):
    """The stock of one place."""

    location: str = Field(default="default", min_length=1, max_length=200, description="External id of the place")
    name: str | None = Field(default=None, description="Of the place, for people")
    level: int = Field(default=0, description="Pieces that can be sold; may be negative where the source oversold")
    unlimited: bool = Field(default=False, description="Stock is not counted: always for sale")
    minimum: int = Field(default=0, description="How far the level may fall; -9 = nine may be sold on back-order")
    restock_date: date | None = None


class Stock(Contract):
    """All levels of a SKU. A place that is not named has none."""

    sku: str = Field(min_length=1, description="The SKU, letter for letter")
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knows it")
    product: str | None = Field(default=None, description="Key of the product that the SKU belongs to")
    levels: tuple[StockLevel, ...] = ()
    shared: bool = Field(default=False, description="Other SKUs of the product are sold from the same pieces")

    @property
    def key(self) -> str:
        """Stock is keyed by SKU."""
        return self.sku
