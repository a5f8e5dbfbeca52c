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

GROUPS = Endpoint("GET", "/api/v1/customer-groups", writes=False)
GROUP_CREATE = Endpoint("POST", "/api/v1/customer-groups")
GROUP_CHANGE = Endpoint("PATCH", "/api/v1/customer-groups/{slug}")
GROUP_DELETE = Endpoint("DELETE", "/api/v1/customer-groups/{slug}")
SYNC_LOG_RECORD = Endpoint("PUT", "/api/v1/sync-log/{integration}/{data_type}")
SYNC_LOG_RECORD_PART = Endpoint("PATCH", "/api/v1/sync-log/{integration}/{data_type}")
SYNC_LOG_DELETE = Endpoint("DELETE", "/api/v1/sync-log")
GROUP_SETTINGS = Endpoint("GET", "/api/v1/settings/{slug}", writes=False)
GROUP_SETTINGS_CHANGE = Endpoint("PATCH", "/api/v1/settings/{slug}")
SETTINGS = Endpoint("GET", "/api/v1/settings", writes=False)
SETTINGS_CHANGE = Endpoint("PATCH", "/api/v1/settings")

CUSTOMER_PUT = Endpoint("PUT", "/api/v2/customers/{look_up}/{key}", conflict=Refused)
CUSTOMER_READ = Endpoint("GET", "/api/v2/customers/{look_up}/{key}", writes=False)
CUSTOMER_CHANGE = Endpoint("PATCH", "/api/v2/customers/{look_up}/{key}", conflict=Refused)
CUSTOMER_DELETE = Endpoint("DELETE", "/api/v2/customers/{look_up}/{key}")
CUSTOMER_CREATE_V1 = Endpoint("POST", "/api/v1/customers", conflict=Refused)
CUSTOMER_READ_V1 = Endpoint("GET", "/api/v1/customers/{id}", writes=False)
CUSTOMER_CHANGE_V1 = Endpoint("PATCH", "/api/v1/customers/{id}", conflict=Refused)
CUSTOMER_DELETE_V1 = Endpoint("DELETE", "/api/v1/customers/{id}")
ADDRESSES_V1 = Endpoint("GET", "/api/v1/customers/{id}/addresses", writes=False)
ADDRESS_CREATE_V1 = Endpoint("POST", "/api/v1/customers/{id}/addresses", conflict=Refused)
ADDRESS_DELETE_V1 = Endpoint("DELETE", "/api/v1/customers/{id}/addresses/{address}")

SHIPPING_METHODS_V2 = Endpoint("GET", "/api/v2/shipping-methods", writes=False)
SHIPPING_METHOD_CREATE_V2 = Endpoint("POST", "/api/v2/shipping-methods")
SHIPPING_METHOD_CHANGE_V2 = Endpoint("PATCH", "/api/v2/shipping-methods/{id}")
SHIPPING_METHOD_DELETE_V2 = Endpoint("DELETE", "/api/v2/shipping-methods/{id}")
SHIPPING_METHODS_V1 = Endpoint("GET", "/api/v1/shipping-methods", writes=False)
SHIPPING_METHOD_CREATE_V1 = Endpoint("POST", "/api/v1/shipping-methods")
SHIPPING_METHOD_CHANGE_V1 = Endpoint("PATCH", "/api/v1/shipping-methods/{id}")
SHIPPING_METHOD_DELETE_V1 = Endpoint("DELETE", "/api/v1/shipping-methods/{id}")

PURCHASES = Endpoint("GET", "/api/v1/purchases", writes=False)
PURCHASE_PUT = Endpoint("PUT", "/api/v1/purchases/{look_up}/{key}")
PURCHASE_READ = Endpoint("GET", "/api/v1/purchases/{look_up}/{key}", writes=False)
PURCHASE_DELETE = Endpoint("DELETE", "/api/v1/purchases/{look_up}/{key}")

ORDER_CREATE = Endpoint("POST", "/api/v1/orders", conflict=Refused)
ORDER_READ = Endpoint("GET", "/api/v1/orders/{id}", writes=False)
ORDER_CHANGE = Endpoint("PATCH", "/api/v1/orders/{id}")
ORDER_SHIP = Endpoint("POST", "/api/v1/orders/{id}/ship")
ORDER_CANCEL = Endpoint("POST", "/api/v1/orders/{id}/cancel")
ORDER_RETURN = Endpoint("POST", "/api/v1/orders/{id}/return")
PACKAGE_CHANGE = Endpoint("PATCH", "/api/v1/orders/{id}/packages/{package}")
