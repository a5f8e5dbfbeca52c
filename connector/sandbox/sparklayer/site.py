"""The state of one simulated SparkLayer site, without HTTP."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import cast

from connector.sandbox.json_stream import Members
from connector.sandbox.sparklayer.catalogue import Catalogue
from connector.sandbox.sparklayer.customers import Customers
from connector.sandbox.sparklayer.groups import Groups
from connector.sandbox.sparklayer.ids import Ids
from connector.sandbox.sparklayer.levels import Levels
from connector.sandbox.sparklayer.locations import Locations
from connector.sandbox.sparklayer.orders import Orders
from connector.sandbox.sparklayer.price_lists import PriceLists
from connector.sandbox.sparklayer.prices import Prices
from connector.sandbox.sparklayer.purchases import Purchases
from connector.sandbox.sparklayer.shipping_methods import ShippingMethods
from connector.sandbox.sparklayer.wire import Row, decimals_as_text

_SETTINGS = {"taxDisplay": "net", "allowBackOrders": False, "storeName": None}


class SparkLayerSite:
    """Everything that one site keeps: catalogue, stock, prices, customers, orders and settings.

    Levels and prices belong to the variant, so they follow it when its SKU changes.
    `clock` answers aware datetimes and stamps every row; `seed` makes ids and tokens repeatable.
    """

    def __init__(self, *, clock: Callable[[], datetime], seed: int = 1) -> None:
        self.clock = clock
        self.ids = Ids(seed)
        self.levels = Levels()
        self.locations = Locations(self.ids)
        self.price_lists = PriceLists(self.stamp)
        self.price_blocks = Prices()
        self.catalogue = Catalogue(self.ids, self.stamp)
        self.groups = Groups()
        self.customers = Customers(self.ids, self.stamp)
        self.shipping_methods = ShippingMethods(self.ids, self.stamp)
        self.purchases = Purchases(self.ids, self.stamp)
        self.orders = Orders(self.ids, self.stamp)
        self.settings: dict[str, object] = dict(_SETTINGS)
        self.sync_log: dict[tuple[str, str], Row] = {}

    def stamp(self) -> str:
        """Now, as the site writes times: UTC with milliseconds."""
        return self.clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def product(self, external_id: str) -> Row | None:
        """A product as a GET shows it, by external or internal id."""
        row = self.catalogue.product(external_id)
        return self.show_product(row) if row is not None else None

    def variant_by_sku(self, sku: str) -> Row | None:
        """A variant as a GET shows it, whatever its status."""
        row = self.catalogue.variant_by_sku(sku)
        return self.show_variant(row) if row is not None else None

    def prices(self, sku: str) -> dict[str, list[Row]]:
        """Slug of each list that the SKU is in, and its breaks there."""
        variant = self.catalogue.variant_by_sku(sku)
        if variant is None:
            return {}
        blocks = self.price_blocks.of(variant["id"])
        return {slug: [dict(row) for row in breaks] for slug, breaks in blocks.items()}

    def stock(self, sku: str) -> dict[str, Row]:
        """External id of each location that holds the SKU, and the level there."""
        variant = self.catalogue.variant_by_sku(sku)
        if variant is None:
            return {}
        levels = self.levels.of(variant["id"])
        return {self.locations.by_id(place)["external_id"]: dict(row) for place, row in levels.items()}

    def dump(self) -> dict[str, object]:
        """Everything, ready for any JSON writer: numbers with a fraction are text."""
        parts = self.snapshot().items()
        whole = {name: dict(part.pairs) if isinstance(part, Members) else list(part) for name, part in parts}
        return cast("dict[str, object]", decimals_as_text(whole))

    def snapshot(self) -> dict[str, Iterable[Row] | Members]:
        """Everything as it is now, whatever changes later; each part is worked out as it is read, and read once."""
        products = self.catalogue.products()
        sold = [
            (variant["sku"], variant["id"])
            for product in products
            for variant in product["variants"]
            if variant["sku"] is not None
        ]
        levels, blocks = self.levels.all(), self.price_blocks.all()
        places = {row["id"]: row["external_id"] for row in self.locations.all()}
        held = ((sku, levels[variant_id]) for sku, variant_id in sold if levels.get(variant_id))
        return {
            "products": (_shown_product(product, levels) for product in products),
            "stock_locations": [dict(row) for row in self.locations.all()],
            "stock": Members((sku, {places[place]: row for place, row in rows.items()}) for sku, rows in held),
            "price_lists": [dict(row) for row in self.price_lists.all()],
            "customer_groups": [{**row, "settings": self.groups.settings(row["slug"])} for row in self.groups.all()],
            "customers": self.customers.all(),
            "shipping_methods": [dict(row) for row in self.shipping_methods.all()],
            "purchases": [dict(row) for row in self.purchases.all()],
            "orders": [dict(row) for row in self.orders.all()],
            "settings": Members(list(self.settings.items())),
            "sync_log": Members([("/".join(place), report) for place, report in self.sync_log.items()]),
            "prices": Members((sku, blocks[variant_id]) for sku, variant_id in sold if blocks.get(variant_id)),
        }

    def show_product(self, product: Row) -> Row:
        """The reply's form of a product."""
        levels = {variant["id"]: self.levels.of(variant["id"]) for variant in product["variants"]}
        return _shown_product(product, levels)

    def show_variant(self, variant: Row) -> Row:
        """The reply's form of a variant, its stock included."""
        return _shown_variant(variant, self.levels.of(variant["id"]))

    def show_levels(self, variant_id: str) -> list[Row]:
        """The stock rows of a variant; the location shows by its internal id."""
        return _shown_levels(self.levels.of(variant_id))

    def drop_variant(self, variant_id: str) -> None:
        """Forget what belongs to a variant that is gone."""
        self.levels.drop_variant(variant_id)
        self.price_blocks.drop_variant(variant_id)


def _shown_product(product: Row, levels: Mapping[str, Mapping[str, Row]]) -> Row:
    shown = [_shown_variant(variant, levels.get(variant["id"], {})) for variant in product["variants"]]
    return {**product, "variants": shown}


def _shown_variant(variant: Row, held: Mapping[str, Row]) -> Row:
    return {**variant, "stock": _shown_levels(held)}


def _shown_levels(held: Mapping[str, Row]) -> list[Row]:
    return [{"stock_location_id": place, **row} for place, row in held.items()]
