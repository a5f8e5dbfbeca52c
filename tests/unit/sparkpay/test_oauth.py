"""The OAuth calls, their signatures, and the renewal of tokens by several processes."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from connector.clock import SteppedClock
from connector.errors import ContractFault, CredentialsRefused, TargetIll
from connector.sandbox.sparkpay import SandboxPolicy, SparkPayStore, create_app
from connector.sparkpay.oauth import (
    Grant,
    StoreApp,
    StoreOAuth,
    consent_url,
    grant_signature,
    refresh_signature,
)

APP = StoreApp("4711", "app-secret-9f")
SCOPE, BACK = "people,orders,catalog", "https://Us.example/oauth/sparkpay/callback"


class Shop:
    def __init__(self, *, published: bool = False) -> None:
        self.clock = SteppedClock(datetime(2026, 5, 1, tzinfo=UTC))
        store = SparkPayStore(clock=self.clock.now)
        store.insert("stores", name="Acme")
        policy = SandboxPolicy(token="t", app_id=APP.id, app_secret=APP.secret, app_is_published=published)
        self.app = create_app(store, policy)
        self.transport = httpx.ASGITransport(self.app)
        self.oauth = StoreOAuth("http://shop", self.clock, self.transport)

    async def consent(self, app: StoreApp = APP) -> dict[str, str]:
        async with httpx.AsyncClient(transport=self.transport) as browser:
            answer = await browser.get(consent_url("http://shop", app, SCOPE, BACK))
        if answer.status_code != 302:
            return {}
        where = urlsplit(answer.headers["location"])
        assert f"{where.scheme}://{where.netloc}{where.path}" == BACK
        return {name: values[0] for name, values in parse_qs(where.query).items()}

    async def granted(self) -> Grant:
        brought = await self.consent()
        return await self.oauth.grant(APP, brought["auth_id"], brought["code"], scope=SCOPE, redirect_uri=BACK)

    async def works(self, token: str) -> bool:
        async with httpx.AsyncClient(transport=self.transport) as http:
            answer = await http.get("http://shop/api/v1/stores", headers={"X-AC-Auth-Token": token})
            return answer.status_code == 200


def test_signatures_are_those_of_the_guide() -> None:
    app = StoreApp("12", "s3")
    text = "s3" + "code9" + "12" + "a,b" + "https://us.example/cb%2fx"
    assert (
        grant_signature(app, "code9", "a,b", "https://US.example/cb%2Fx") == hashlib.sha256(text.encode()).hexdigest()
    )
    assert refresh_signature(app, "Re-Fresh") == hashlib.sha256(b"s3Re-Fresh12").hexdigest()
    assert "s3" not in repr(app)


async def test_an_apps_secret_never_leaves() -> None:
    """Whoever answers at the store's address gets hashes over it."""
    sent: list[bytes] = []

    def false_store(request: httpx.Request) -> httpx.Response:
        sent.append(str(request.url).encode() + str(request.headers).encode() + request.content)
        return httpx.Response(200, json={"access_token": "a", "refresh_token": "r", "expires": ""})

    oauth = StoreOAuth("https://shop.example", SteppedClock(), httpx.MockTransport(false_store))
    await oauth.grant(APP, "auth", "code", scope=SCOPE, redirect_uri=BACK)
    await oauth.refresh(APP, "r")
    assert len(sent) == 2
    assert not any(APP.secret.encode() in each for each in (*sent, consent_url("https://x", APP, SCOPE, BACK).encode()))


async def test_a_consent_becomes_a_token_that_is_renewed() -> None:
    shop = Shop()
    grant = await shop.granted()
    assert await shop.works(grant.token)
    assert grant.expires_at == shop.clock.now() + timedelta(hours=1)
    assert grant.token not in repr(grant)
    shop.clock.advance(3601)
    assert not await shop.works(grant.token)
    new = await shop.oauth.refresh(APP, grant.refresh_token)
    assert await shop.works(new.token)
    assert (await shop.oauth.refresh(APP, grant.refresh_token)).token != new.token  # it may be used again


async def test_an_installation_of_a_published_app_brings_its_own_pair() -> None:
    shop = Shop(published=True)
    brought = await shop.consent()
    own = StoreApp(brought["client_id"], brought["secret"])
    assert own != APP
    grant = await shop.oauth.grant(own, brought["auth_id"], brought["code"], scope=SCOPE, redirect_uri=BACK)
    assert await shop.works(grant.token)
    assert await shop.works((await shop.oauth.refresh(own, grant.refresh_token)).token)
    with pytest.raises(CredentialsRefused):
        await shop.oauth.refresh(APP, grant.refresh_token)


async def test_a_consent_counts_once_and_only_with_its_signature() -> None:
    shop = Shop()
    brought = await shop.consent()
    for app, code, scope, back in (
        (StoreApp(APP.id, "wrong"), brought["code"], SCOPE, BACK),
        (APP, "other", SCOPE, BACK),
        (APP, brought["code"], "people", BACK),
        (APP, brought["code"], SCOPE, BACK + "/x"),
    ):
        with pytest.raises(CredentialsRefused) as refused:
            await shop.oauth.grant(app, brought["auth_id"], code, scope=scope, redirect_uri=back)
        assert "wrong" not in str(refused.value)
        assert APP.secret not in str(refused.value)
    await shop.oauth.grant(APP, brought["auth_id"], brought["code"], scope=SCOPE, redirect_uri=BACK)
    with pytest.raises(CredentialsRefused):
        await shop.oauth.grant(APP, brought["auth_id"], brought["code"], scope=SCOPE, redirect_uri=BACK)


async def test_whoever_says_no_is_sent_back_with_the_reason() -> None:
    shop = Shop()
    shop.app.state.service.installed.consenting = False
    assert (await shop.consent())["error"] == "access_denied"
    assert await shop.consent(replace(APP, id="999")) == {}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(500, json={"details": "oops app-secret-9f"}), TargetIll),
        (httpx.Response(400, json={"details": "wrong app-secret-9f"}), CredentialsRefused),
        (httpx.Response(200, text="<html>"), ContractFault),
        (httpx.Response(200, json=[]), ContractFault),
        (httpx.Response(200, json={"access_token": 5}), ContractFault),
        (httpx.Response(200, json={"access_token": "a"}), ContractFault),
        (httpx.ConnectError("no route for app-secret-9f"), TargetIll),
    ],
)
async def test_what_goes_wrong_is_told_without_secrets(answer: httpx.Response | Exception, error: type) -> None:
    def reply(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    oauth = StoreOAuth("http://shop", SteppedClock(), httpx.MockTransport(reply))
    with pytest.raises(error) as told:
        await oauth.grant(APP, "a", "c", scope=SCOPE, redirect_uri=BACK)
    assert APP.secret not in str(told.value)


@pytest.mark.parametrize("expires", [None, "", "soon", "9999-99-99"])
async def test_a_token_whose_end_is_not_told_lives_an_hour(expires: str | None) -> None:
    body = {"access_token": "a", "expires": expires}
    clock = SteppedClock()
    oauth = StoreOAuth("http://shop", clock, httpx.MockTransport(lambda _: httpx.Response(200, json=body)))
    grant = await oauth.refresh(APP, "r1")
    assert (grant.refresh_token, grant.expires_at) == ("r1", clock.now() + timedelta(hours=1))
