"""One row per SparkLayer endpoint: path, whether it writes, how long it may take, and what its 409 means."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from connector.errors import Conflict, PlatformError, Refused

SIDE = "sparklayer"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`conflict` is what a 409 without a duplicate code means; `seconds` is the longest silence that is waited out."""

    method: str
    template: str
    writes: bool = True
    seconds: float = 60.0
    conflict: type[PlatformError] = Conflict

    @property
    def name(self) -> str:
        """For errors and metrics: without any key."""
        return f"{self.method} {self.template}"

    def path(self, keys: Mapping[str, str]) -> str:
        """Fill in the template, each key as one percent-encoded segment.

        Raises `Refused` for a key that no URL can carry: an empty one, `.` and `..` (every HTTP client folds them
        away), and text with a lone surrogate. Bulk calls can still name such a SKU.
        """
        return "/".join(
            self._segment(part[1:-1], keys[part[1:-1]]) if part.startswith("{") else part
            for part in self.template.split("/")
        )

    def _segment(self, name: str, key: str) -> str:
        try:
            encoded = quote(key, safe="")
        except UnicodeEncodeError:
            encoded = ""
        if encoded in {"", ".", ".."}:
            raise Refused(
                f"the {name} {key!a} cannot be part of a path; use a bulk call or give it another {name}",
                side=SIDE,
                endpoint=self.name,
                code="key-not-addressable",
            )
        return encoded


BULK_SECONDS = 180.0

TOKEN = Endpoint("POST", "/api/auth/token", writes=False)

PRODUCT_CREATE = Endpoint("POST", "/api/v1/products")
PRODUCT_READ = Endpoint("GET", "/api/v1/products/{id}", writes=False)
PRODUCT_CHANGE = Endpoint("PATCH", "/api/v1/products/{id}")
VARIANT_READ = Endpoint("GET", "/api/v1/variants/{id}", writes=False)
VARIANT_CHANGE = Endpoint("PATCH", "/api/v1/variants/{id}")

STOCK_UPDATE = Endpoint("POST", "/api/v1/batch-update-stock", seconds=BULK_SECONDS)
STOCK_FETCH = Endpoint("POST", "/api/v1/batch-fetch-stock", writes=False, seconds=BULK_SECONDS)
STOCK_DELETE = Endpoint("POST", "/api/v1/batch-delete-stock", seconds=BULK_SECONDS)
SKU_STOCK_READ = Endpoint("GET", "/api/v1/variants/{sku}/stock", writes=False)
SKU_STOCK_CHANGE = Endpoint("PATCH", "/api/v1/variants/{sku}/stock")

LOCATIONS = Endpoint("GET", "/api/v1/stock-locations", writes=False)
LOCATION_CREATE = Endpoint("POST", "/api/v1/stock-locations", conflict=Refused)
LOCATION_READ = Endpoint("GET", "/api/v1/stock-locations/{id}", writes=False)
LOCATION_CHANGE = Endpoint("PATCH", "/api/v1/stock-locations/{id}", conflict=Refused)
LOCATION_DELETE = Endpoint("DELETE", "/api/v1/stock-locations/{id}")

PRICE_LISTS_PAGE = Endpoint("GET", "/api/v2/price-lists", writes=False)
PRICE_LISTS = Endpoint("GET", "/api/v1/price-lists", writes=False)
PRICE_LIST_CREATE = Endpoint("POST", "/api/v1/price-lists")
PRICE_LIST_READ = Endpoint("GET", "/api/v1/price-lists/{slug}", writes=False)
PRICE_LIST_CHANGE = Endpoint("PATCH", "/api/v1/price-lists/{slug}")
PRICE_LIST_DELETE = Endpoint("DELETE", "/api/v1/price-lists/{slug}")

PRICES_UPDATE = Endpoint("PATCH", "/api/v1/batch-update-pricing", seconds=BULK_SECONDS)
LIST_PRICES_READ = Endpoint("GET", "/api/v1/price-lists/{slug}/pricing", writes=False, seconds=BULK_SECONDS)
LIST_PRICES_UPDATE = Endpoint("PATCH", "/api/v1/price-lists/{slug}/pricing", seconds=BULK_SECONDS)
LIST_PRICES_DELETE = Endpoint("DELETE", "/api/v1/price-lists/{slug}/pricing", seconds=BULK_SECONDS)
SKU_PRICES_READ = Endpoint("GET", "/api/v1/pricing/{sku}", writes=False)
SKU_PRICES_UPDATE = Endpoint("PATCH", "/api/v1/pricing/{sku}")
