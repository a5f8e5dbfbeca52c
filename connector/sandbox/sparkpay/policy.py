"""The numbers and switches of a simulated store's API."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SandboxPolicy:
    """How the API of the simulated store behaves; may be replaced while it runs.

    `limit` calls are allowed per fixed window of `window_seconds`; a window starts at every multiple of that since
    the epoch, plus `window_phase` seconds. `max_count` caps the page size silently. `cache_seconds` is how long a GET
    without `Cache-Control: no-cache` may be answered from the server's cache; 0 switches the cache off. `scopes`: what
    the token may do, None = everything. `latency_ms` is added to every answer. `link_host` is what the server believes
    it is called. `import_max_lines` is the most that one importMany takes, `max_query` the longest query string in
    characters, `log_size` the calls that the log keeps, `cache_bytes` the size of the server's cache. The platform's
    clock, which gives `Date` and the times of rows, is `clock_ahead_seconds` ahead of the true time (or behind).
    `integration_routes`: older stores, and those without the add-on, have none. Of the webhooks a share is lost or
    doubled, and all are late by so many seconds. If `webhook_filled`, their bodies show the row with all that
    belongs to it, else its id alone. `app_id` and `app_secret` are of the app that may be installed (empty: none);
    `app_is_published`: its installation brings another pair, of this store alone. Its tokens live `app_token_seconds`.
    """

    token: str
    limit: int = 50
    window_seconds: float = 10.0
    window_phase: float = 0.0
    max_count: int = 1000
    cache_seconds: float = 60.0
    scopes: frozenset[str] | None = None
    latency_ms: float = 0
    link_host: str = "http://wb-farm-07.stores.internal"
    import_max_lines: int = 200
    max_query: int = 2048
    log_size: int = 10_000
    cache_bytes: int = 32_000_000
    integration_routes: bool = True
    clock_ahead_seconds: float = 0
    webhook_filled: bool = True
    webhooks_lost: float = 0
    webhooks_doubled: float = 0
    webhooks_late_seconds: float = 0
    app_id: str = ""
    app_secret: str = ""
    app_is_published: bool = False
    app_token_seconds: float = 3600

    def __post_init__(self) -> None:
        if not self.token:
            raise ValueError("a sandbox needs a token")
        if self.limit < 1 or self.window_seconds <= 0 or self.max_count < 1:
            raise ValueError("limit, window_seconds and max_count must be positive")
        if self.cache_seconds < 0 or self.latency_ms < 0:
            raise ValueError("cache_seconds and latency_ms must not be negative")
