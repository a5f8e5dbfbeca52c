"""The events that the machines publish. What an event says follows from its key and version, as in real life."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts.entities import Product, Stock, StockLevel, Variant
from contracts.events import Event, changed, deleted, entity_name, is_deletion

START = datetime(2026, 1, 1, tzinfo=UTC)
SKUS = ("A", "B", "C")
PRODUCTS = ("sparkpay:1", "sparkpay:2")
GONE = "gone"  # the event id of deletions
IDS = ("first", GONE, "second")  # in the order of their versions at the same time


@dataclass(frozen=True, order=True)
class News:
    """One thing that a source says: about what, since when, under which event id."""

    entity: str
    key: str
    seconds: int
    id: str

    def event(self, connection: str) -> Event:
        """As it is published. Few different contents: that a state comes back is what goes wrong most easily."""
        time = START + timedelta(seconds=self.seconds)
        if self.id == GONE:
            return deleted(self.entity, self.key, connection=connection, source="shop", time=time, id=self.id)
        entity: Stock | Product
        if self.entity == "stock":
            entity = Stock(sku=self.key, levels=(StockLevel(level=self.seconds % 2),))
        else:
            skus = SKUS[: 1 + self.seconds % 2] if self.key == PRODUCTS[0] else SKUS[2 - self.seconds % 2 :]
            variants = tuple(Variant(id=f"v-{sku}", sku=sku) for sku in skus)
            entity = Product(key=self.key, title=self.id, variants=variants)
        return changed(entity, connection=connection, source="shop", time=time, id=self.id)


def content(data: object) -> str:
    """What a platform keeps of an entity, as text; empty for one that is gone."""
    if isinstance(data, Stock):
        return f"{data.levels[0].level} pieces"
    if isinstance(data, Product):
        return f"{data.title}: {' '.join(sorted(variant.sku or '' for variant in data.variants))}"
    return ""


def content_of(event: Event) -> str:
    """`content` of what an event says."""
    return "" if is_deletion(event) else content(event.data)


def skus_of(event: Event) -> set[str]:
    """The SKUs that a product's event claims."""
    return {variant.sku or "" for variant in event.data.variants} if isinstance(event.data, Product) else set()


def place(event: Event) -> tuple[str, str]:
    """Entity and key."""
    return entity_name(event), event.data.key
