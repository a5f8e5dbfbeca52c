"""How often an address may try, and whose address it is: over real HTTP, behind a proxy or not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from connector.app.http_server import listen, serving
from connector.clock import SteppedClock
from connector.web.app import build
from connector.web.oauth import BURST, COOKIE
from connector.web.rate_limit import RateLimit
from tests.unit.web.conftest import Site, site_on

PAGE = "/oauth/sparkpay/install"


def test_a_bucket_per_address_fills_up_again() -> None:
    clock = SteppedClock()
    limit = RateLimit(clock, 3, 2.0)
    assert [limit.allows("192.0.2.1") for _ in range(4)] == [True, True, True, False]
    assert limit.spent("192.0.2.1")
    assert limit.allows("192.0.2.2")
    clock.advance(2)
    assert not limit.spent("192.0.2.1")
    assert [limit.allows("192.0.2.1") for _ in range(2)] == [True, False]


def test_who_has_a_network_has_one_bucket() -> None:
    limit = RateLimit(SteppedClock(), 2, 2.0)
    assert [limit.allows(f"2001:db8:0:1::{n:x}") for n in range(3)] == [True, True, False]
    assert limit.spent("2001:db8:0:1:ffff::1")
    assert limit.allows("2001:db8:0:2::1")
    assert [limit.allows(who) for who in ("::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1")] == [True, True, False]
    assert [limit.allows("no address") for _ in range(3)] == [True, True, False]


def test_its_memory_is_bounded() -> None:
    limit = RateLimit(SteppedClock(), 1, 2.0)
    assert all(limit.allows(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(20_000))
    assert len(limit._full_at) == 10_000


@asynccontextmanager
async def served(site: Site, trusted_proxies: str) -> AsyncIterator[httpx.AsyncClient]:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        async with (
            serving(build(site.service), listener, trusted_proxies=trusted_proxies),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        ):
            yield http


async def codes(http: httpx.AsyncClient, forwarded: list[str]) -> list[int]:
    return [(await http.get(PAGE, headers={"X-Forwarded-For": each})).status_code for each in forwarded]


@pytest.mark.parametrize("trusted", ["", "192.0.2.77", "10.0.0.0/8"])
async def test_a_stranger_is_not_believed_whose_address_he_has(tmp_path: Path, trusted: str) -> None:
    async for site in site_on(tmp_path):
        async with served(site, trusted) as http:
            many = [f"198.51.100.{number}" for number in range(BURST + 2)]
            assert await codes(http, many) == [200] * BURST + [429] * 2
            last = await http.get(PAGE)
            assert int(last.headers["retry-after"]) > 0


async def test_behind_a_proxy_each_address_has_its_own_bucket(tmp_path: Path) -> None:
    """The proxy appends the address that it saw: what a stranger wrote before that counts for nothing."""
    async for site in site_on(tmp_path):
        async with served(site, "127.0.0.0/8, 10.0.0.5") as http:
            assert await codes(http, ["198.51.100.1"] * (BURST + 1)) == [200] * BURST + [429]
            assert await codes(http, ["198.51.100.2, 10.0.0.5"]) == [200]
            forged = [f"203.0.113.{number}, 198.51.100.3" for number in range(BURST + 1)]
            assert await codes(http, forged) == [200] * BURST + [429]


async def test_behind_a_proxy_that_ends_tls_the_cookie_stays_on_https(tmp_path: Path) -> None:
    async for site in site_on(tmp_path):
        site.core.settings.__dict__.update(public_url="https://us.example", sparkpay_app_id="7")
        async with served(site, "127.0.0.1") as http:
            form = {"site_id": "tools", "store": "https://shop.example.com", "app_id": "7", "app_secret": "s"}
            begun = await http.post(PAGE, data=form, headers={"X-Forwarded-Proto": "https"})
            assert begun.status_code == 303
            assert COOKIE in begun.headers["set-cookie"]
            assert "Secure" in begun.headers["set-cookie"]
            assert begun.headers["location"].startswith("https://shop.example.com/api/oauth?")
