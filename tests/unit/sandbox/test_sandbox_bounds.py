"""A sandbox may run for hours: what it remembers has a limit."""

from datetime import UTC, datetime, timedelta

import pytest

from connector.sandbox.journal import OTHER_ROUTES, Journal, Served
from connector.sandbox.sparklayer import SitePolicy, SparkLayerSite
from connector.sandbox.sparklayer.auth import Tokens
from connector.sandbox.sparklayer.problems import Refusal
from connector.sandbox.sparkpay import Journal as StoreJournal
from connector.sandbox.sparkpay import SandboxPolicy
from connector.sandbox.sparkpay.rate_window import RateWindow
from connector.sandbox.sparkpay.read_cache import ReadCache

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def call(path: str, body: object = None) -> Served:
    return Served(NOW, "GET", path, "", path, 200, 1.0, body, 2, None)


def test_the_log_keeps_the_last_calls_and_counts_all() -> None:
    journal = Journal(keep=3)
    for number in range(10):
        journal.record(call(f"/{number}"), counted=number != 9)
    assert [entry.path for entry in journal.since(0)] == ["/7", "/8", "/9"]
    assert [entry.n for entry in journal.since(8)] == [9, 10]
    assert (journal.calls, journal.by_status, len(journal.by_route)) == (9, {"200": 9}, 9)


def test_paths_that_nobody_serves_are_counted_together_in_the_end() -> None:
    journal = Journal(keep=1)
    for number in range(600):
        journal.record(call(f"/{number}"))
    journal.record(call("/0"))
    assert (len(journal.by_route), journal.by_route[OTHER_ROUTES], journal.by_route["GET /0"]) == (501, 100, 2)


def test_an_entry_keeps_no_more_than_a_part_of_what_is_very_long() -> None:
    journal = StoreJournal()
    journal.violation("GET", "/p", "x" * 100_000)
    journal.record(call("/" + "x" * 100_000, [{f"field {number}": 1 for number in range(1000)}]))
    (entry,), (violation,) = journal.since(0), journal.violations
    assert (len(entry.path), len(entry.fields), entry.rows) == (4099, 200, 1)
    assert (len(violation.problem), violation.n) == (4099, entry.n)
    for _ in range(1500):
        journal.violation("GET", "/p", "x")
    assert len(journal.violations) == 1000


def test_the_cache_counts_more_than_bodies() -> None:
    cache = ReadCache(max_bytes=10_000)
    for number in range(1000):
        cache.keep(f"/products?page={number:04}", b"", NOW)
    kept = [number for number in range(1000) if cache.any_age(f"/products?page={number:04}") is not None]
    assert kept == list(range(1000 - len(kept), 1000))
    assert 20 <= len(kept) <= 25


def test_windows_are_forgotten() -> None:
    window, policy = RateWindow(kept=5), SandboxPolicy(token="t", window_seconds=10)
    for number in range(20):
        assert window.take(policy, NOW + timedelta(seconds=10 * number)).used == 1
    assert [row["start"] - NOW.timestamp() for row in window.report()] == [150, 160, 170, 180, 190]


def test_the_oldest_token_dies_when_there_are_too_many() -> None:
    policy = SitePolicy(site_id="s", client_id="i", client_secret="k")
    tokens = Tokens(SparkLayerSite(clock=lambda: NOW))
    body = {"grant_type": "client_credentials", "client_id": "i", "client_secret": "k"}
    made = [f"Bearer {tokens.issue(policy, body)['access_token']}" for _ in range(1001)]
    tokens.check(made[1])
    tokens.check(made[-1])
    with pytest.raises(Refusal, match="unknown or expired"):
        tokens.check(made[0])
