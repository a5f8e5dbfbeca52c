"""How one simulated site behaves where the vendor leaves a choice open, and what it lets through."""

from dataclasses import dataclass
from typing import Literal

SCOPES = frozenset({"customers", "orders", "products", "products.pricing", "products.stock", "setup"})


@dataclass(frozen=True, slots=True)
class SitePolicy:
    """Keys, limits and variants of one site.

    `scopes` are names as the vendor writes them (`products`, `products.read`, ...); None grants everything.
    `rate_per_second` None means no rate limit. `remove_style` is the one spelling of "blank row" that is accepted.
    `dashboard_keys` may not write global settings. `status_refused_in_v2` leaves the customer's status to v1.
    The site's clock is `clock_ahead_seconds` ahead of the true time. `log_bodies`: the log keeps what calls sent.
    `sync_log_types` are the data types that a sync log takes; the vendor names two.
    """

    site_id: str
    client_id: str
    client_secret: str
    token_seconds: int = 3600
    scopes: frozenset[str] | None = None
    max_rows: int = 1000
    max_bytes: int = 2_000_000
    line_base: Literal[0, 1] = 1
    rate_per_second: float | None = None
    retry_after_seconds: int = 1
    retry_after_form: Literal["seconds", "date", "alternate"] = "alternate"
    latency_ms: int = 0
    variants_patch: Literal["merge", "replace"] = "merge"
    unknown_sku_in_stock: Literal["refuse", "ignore"] = "refuse"
    remove_style: Literal["null_row", "empty"] = "null_row"
    dashboard_keys: bool = False
    packages_shape: Literal["array", "object"] = "array"
    status_refused_in_v2: bool = False
    clock_ahead_seconds: int = 0
    log_bodies: bool = False
    sync_log_types: frozenset[str] = frozenset({"products", "customers"})

    def __post_init__(self) -> None:
        """Raise `ValueError` for a number that no site could have."""
        if self.line_base not in {0, 1}:
            raise ValueError("line_base must be 0 or 1")
        if self.rate_per_second is not None and self.rate_per_second <= 0:
            raise ValueError("rate_per_second must be above 0, or None for no limit")
        if min(self.token_seconds, self.max_rows, self.max_bytes, self.retry_after_seconds, self.latency_ms) < 0:
            raise ValueError("no limit or duration may be negative")

    def __repr__(self) -> str:
        """Without the secret."""
        return f"SitePolicy(site_id={self.site_id!r}, client_id={self.client_id!r})"

    def grants(self, scope: str, *, write: bool) -> bool:
        """Whether the key may do this: a write scope includes reading."""
        return self.scopes is None or scope in self.scopes or (not write and f"{scope}.read" in self.scopes)
