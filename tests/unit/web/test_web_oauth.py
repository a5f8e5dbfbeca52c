"""Connecting a store by clicking: both flows in the browser, and everything that may go wrong in them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from connector.app.joining import Announcement, Joining
from connector.app.platforms import Platforms
from connector.sandbox import sparkpay as pay
from connector.state.ignite_sites import SiteKey
from connector.web.app import build
from connector.web.oauth import BURST, COOKIE
from tests.unit.web.conftest import Site, site_on

SITE = SiteKey("test", "acme-tools")
SAID = Announcement("http://shop", "client-1", "site-secret-1")
APP_ID, APP_SECRET, SINGLE = "4711", "app-secret-9f3a", "single-token-77"
PUBLIC = "http://us"


class Town:
    """The service, a store, and a browser."""

    def __init__(self, site: Site, browser: httpx.AsyncClient, shop: Any) -> None:
        self.site, self.core, self.browser, self.shop = site, site.core, browser, shop

    async def link(self) -> str:
        return await Joining(self.core).announced(SITE, SAID) or ""

    async def begin(self, link: str, **fields: str) -> httpx.Response:
        state = httpx.URL(link).params["link"] if link else ""
        return await self.browser.post(f"{PUBLIC}/oauth/sparkpay/install", data={"link": state, **fields})

    async def consent(self, answer: httpx.Response) -> str:
        """The admin says yes at the store; where the browser is sent then."""
        assert answer.status_code == 303, answer.text
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.shop)) as at_the_store:
            said = await at_the_store.get(answer.headers["location"])
        assert said.status_code == 302, said.text
        return str(said.headers["location"])

    async def joined(self) -> Any:
        return await Joining(self.core).connection_of(SITE)

    def policy(self, **changes: Any) -> None:
        service = self.shop.state.service
        service.policy = replace(service.policy, **changes)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async for site in site_on(tmp_path):
        site.core.settings.__dict__.update(
            public_url=PUBLIC,
            sparkpay_app_id=APP_ID,
            sparkpay_app_secret=SecretStr(APP_SECRET),
            sparklayer_test_url="http://layer",
        )
        store = pay.SparkPayStore(clock=site.clock.now)
        store.insert("stores", name="Shop")
        policy = pay.SandboxPolicy(token=SINGLE, app_id=APP_ID, app_secret=APP_SECRET)
        shop = pay.create_app(store, policy, sleep=site.clock.sleep)
        site.service.platforms = Platforms(site.core, site.service.meter, lambda _, app=shop: httpx.ASGITransport(app))  # type: ignore[misc]
        transport = httpx.ASGITransport(build(site.service))
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as browser:
            yield Town(site, browser, shop)


async def test_begun_at_sparklayer_and_finished_at_the_store(town: Town) -> None:
    link = await town.link()
    page = await town.browser.get(link)
    assert (page.status_code, "Address of your store" in page.text, APP_SECRET in page.text) == (200, True, False)
    assert "no-referrer" in page.headers["referrer-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    begun = await town.begin(link, store="http://shop")
    cookie = begun.headers["set-cookie"]
    assert all(word in cookie for word in (COOKIE, "HttpOnly", "SameSite=lax", "Path=/oauth/sparkpay"))
    done = await town.browser.get(await town.consent(begun))
    assert (done.status_code, "is connected" in done.text) == (200, True)
    joined = await town.joined()
    assert town.shop.state.service.installed.admits(joined.sparkpay.token)
    grant = await town.core.grants.get(joined.id)
    assert grant is not None
    assert grant.app_id == APP_ID
    assert (await town.browser.get(link)).status_code == 400  # the link has done its work


async def test_begun_at_the_store_and_finished_by_sparklayer(town: Town) -> None:
    begun = await town.begin("", store="http://shop", site_id=SITE.id, site_env=SITE.env)
    done = await town.browser.get(await town.consent(begun))
    assert "Now connect it in SparkLayer" in done.text
    assert await town.joined() is None
    assert await Joining(town.core).announced(SITE, SAID) is None
    assert (await town.joined()).sparkpay.url == "http://shop"


async def test_a_published_app_brings_its_own_pair(town: Town) -> None:
    town.policy(app_is_published=True)
    done = await town.browser.get(await town.consent(await town.begin(await town.link(), store="http://shop")))
    assert "is connected" in done.text
    grant = await town.core.grants.get((await town.joined()).id)
    assert grant is not None
    assert grant.app_id != APP_ID


async def test_a_store_of_its_own_app_and_one_with_a_single_token(town: Town) -> None:
    town.core.settings.__dict__.update(sparkpay_app_id=None, sparkpay_app_secret=None)
    link = await town.link()
    assert "App Secret" in (await town.browser.get(link)).text
    assert (await town.begin(link, store="http://shop")).status_code == 400
    begun = await town.begin(link, store="http://shop", app_id=APP_ID, app_secret=APP_SECRET)
    assert "is connected" in (await town.browser.get(await town.consent(begun))).text
    await town.core.sites.forget(SITE)
    await town.core.connections.remove((await town.joined()).id)
    done = await town.begin(await town.link(), store="http://shop", token=SINGLE)
    assert "is connected" in done.text
    joined = await town.joined()
    assert (joined.sparkpay.token, await town.core.grants.get(joined.id)) == (SINGLE, None)


async def test_missing_permissions_are_named_and_nothing_is_joined(town: Town) -> None:
    town.policy(scopes=frozenset({"catalog", "settings"}))
    link = await town.link()
    done = await town.browser.get(await town.consent(await town.begin(link, store="http://shop")))
    assert done.status_code == 400
    assert "People: read_people" in done.text
    assert "System: system" in done.text
    assert "Orders: read_orders" in done.text
    assert "Custom fields: custom_fields" in done.text
    assert "Catalog" not in done.text
    assert await town.joined() is None
    town.policy(scopes=None)
    assert "is connected" in (await town.begin(link, store="http://shop", token=SINGLE)).text
    assert (await town.begin(await town.link() or link, store="http://shop", token="wrong")).status_code == 400


async def test_whoever_did_not_begin_cannot_finish(town: Town) -> None:
    link = await town.link()
    back = await town.consent(await town.begin(link, store="http://shop"))
    cookie = town.browser.cookies.get(COOKIE) or ""
    town.browser.cookies.clear()
    other = await town.consent(await town.begin(link, store="http://shop"))
    theirs = town.browser.cookies.get(COOKIE) or ""
    door, state, mark = cookie.split(".")
    forgeries = (
        "", "x", state, f"{door}.{state}.", f"{door}.{state}.{mark[:-1]}g", f"{door}.{theirs.split('.')[1]}.{mark}",
        f"site.{state}.{mark}", f"{state}.{mark}", f"..{mark}", "é.é.é",
    )  # fmt: skip
    for forged in forgeries:
        town.browser.cookies.clear()
        headers = {"Cookie": f"{COOKIE}={forged}".encode()}
        answer = await town.browser.get(back, headers=headers)
        assert answer.status_code == 400, forged
    assert await town.joined() is None
    headers = {"Cookie": f"{COOKIE}={cookie}"}
    assert (await town.browser.get(back, headers=headers)).status_code == 200
    replayed = await town.browser.get(back, headers=headers)
    assert (replayed.status_code, "finished before" in replayed.text) == (400, True)
    mixed = await town.browser.get(back, headers={"Cookie": f"{COOKIE}={theirs}"})
    assert mixed.status_code == 502  # that consent was used
    assert other


async def test_an_installation_that_took_too_long_begins_again(town: Town) -> None:
    link = await town.link()
    back = await town.consent(await town.begin(link, store="http://shop"))
    town.site.clock.advance(901)
    assert (await town.browser.get(back)).status_code == 400
    assert (
        "is connected" in (await town.browser.get(await town.consent(await town.begin(link, store="http://shop")))).text
    )


async def test_the_admin_says_no(town: Town) -> None:
    town.shop.state.service.installed.consenting = False
    answer = await town.browser.get(await town.consent(await town.begin(await town.link(), store="http://shop")))
    assert (answer.status_code, "No." in answer.text) == (400, True)
    shown = await town.browser.get(f"{PUBLIC}/oauth/sparkpay/callback?error=<script>&error_description=<b>x")
    assert "<script>" not in shown.text
    assert "<b>" not in shown.text


@pytest.mark.parametrize(
    "store",
    [
        "",
        "ftp://x.example",
        "https://user:pw@x.example",
        "http://shop.example",
        "x" * 5000,
        "https://x.example/path",
        "\x00",
    ],
)
async def test_what_is_no_address_is_refused(town: Town, store: str) -> None:
    assert (await town.begin(await town.link(), store=store)).status_code == 400


@pytest.mark.parametrize(
    "store", ["http://shop", "https://127.0.0.1", "https://10.0.0.5", "https://[::1]", "https://db.internal"]
)
async def test_in_the_open_nobody_points_us_at_what_is_within(town: Town, store: str) -> None:
    link = await town.link()
    town.core.settings.__dict__.update(public_url="https://us.example")
    assert (await town.begin(link, store=store)).status_code == 400
    begun = await town.begin(link, store="https://Shop.Example.com")
    assert begun.status_code == 303
    assert "Secure" in begun.headers["set-cookie"]
    assert begun.headers["location"].startswith("https://shop.example.com/api/oauth?client_id=4711&scope=")
    assert "redirect_uri=https%3A%2F%2Fus.example%2Foauth%2Fsparkpay%2Fcallback" in begun.headers["location"]


async def test_forged_links_and_sites_without_a_name(town: Town) -> None:
    assert (await town.browser.get(f"{PUBLIC}/oauth/sparkpay/install?link=forged")).status_code == 400
    assert (await town.begin("http://x/?link=forged", store="http://shop", token=SINGLE)).status_code == 400
    for fields in ({}, {"site_id": " "}, {"site_id": "x", "site_env": "moon"}):
        assert (await town.begin("", store="http://shop", token=SINGLE, **fields)).status_code == 400
    big = await town.browser.post(f"{PUBLIC}/oauth/sparkpay/install", content=b"x" * 100_000)
    assert big.status_code == 413
    for odd in (b"link=%00%ff&store=%00", b"site_id=a%00b&store=http://shop&token=x", b"\xff\xfe=&&&==", b"", b"{}"):
        answer = await town.browser.post(f"{PUBLIC}/oauth/sparkpay/install", content=odd)
        assert answer.status_code == 400, odd


@pytest.mark.parametrize("field", ["app_id", "app_secret"])
@pytest.mark.parametrize("value", ["a\0b", "a\nb", "x" * 3000])
async def test_keys_of_an_app_that_nobody_could_keep_are_refused(town: Town, field: str, value: str) -> None:
    fields = {"app_id": "7", "app_secret": "s", field: value}
    assert (await town.begin(await town.link(), store="http://shop", **fields)).status_code == 400


async def test_whoever_only_names_a_site_does_not_get_his_store_in(town: Town) -> None:
    """SparkLayer has announced the site, and named a store; somebody else installs his own for it first."""
    link = await Joining(town.core).announced(SITE, Announcement("shop-of-the-merchant", "client-1", "secret")) or ""
    theirs = await town.begin("", store="http://shop", site_id=SITE.id, site_env=SITE.env, token=SINGLE)
    assert "Now connect it in SparkLayer" in theirs.text
    begun = await town.begin("", store="http://shop", site_id=SITE.id, site_env=SITE.env)
    cookie = town.browser.cookies.get(COOKIE) or ""
    back = await town.consent(begun)
    town.browser.cookies.clear()
    forged = await town.browser.get(back, headers={"Cookie": f"{COOKIE}=link{cookie.removeprefix('site')}"})
    assert forged.status_code == 400
    assert "Now connect it" in (await town.browser.get(back, headers={"Cookie": f"{COOKIE}={cookie}"})).text
    assert await town.joined() is None
    assert "is connected" in (await town.begin(link, store="http://shop", token=SINGLE)).text


async def test_a_connected_site_takes_new_credentials_of_its_own_store_only(town: Town) -> None:
    assert "is connected" in (await town.begin(await town.link(), store="http://shop", token=SINGLE)).text
    named = {"site_id": SITE.id, "site_env": SITE.env}
    other = await town.begin("", store="http://thief", token=SINGLE, **named)
    assert (other.status_code, "with another store" in other.text, "http://shop" in other.text) == (400, True, False)
    assert (await town.joined()).sparkpay.url == "http://shop"
    renewed = await town.browser.get(await town.consent(await town.begin("", store="http://shop", **named)))
    assert "is connected" in renewed.text
    joined = await town.joined()
    assert joined.sparkpay.token != SINGLE
    assert await town.core.grants.get(joined.id) is not None


async def test_a_new_secret_key_breaks_no_installation_that_is_under_way(town: Town) -> None:
    link = await town.link()
    back = await town.consent(await town.begin(link, store="http://shop"))
    old = town.core.settings.secret_key
    town.core.settings.__dict__.update(secret_key=SecretStr("n" * 40), secret_key_second=old)
    assert (await town.browser.get(back)).status_code == 200


async def test_an_address_may_try_so_often(town: Town) -> None:
    codes = [(await town.browser.get(f"{PUBLIC}/oauth/sparkpay/install")).status_code for _ in range(BURST + 3)]
    assert codes == [200] * BURST + [429] * 3
    town.site.clock.advance(10)
    assert (await town.browser.get(f"{PUBLIC}/oauth/sparkpay/install")).status_code == 200
