"""`connections check` against both sandboxes: what is wrong with credentials, scopes and addresses."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest_asyncio
from commands import Shell

from connector.app.access import Finding, check_connection
from connector.app.core import Core, open_core
from connector.sandbox import sparklayer as layer
from connector.sandbox import sparkpay as pay
from connector.settings import ConnectionSettings, Settings
from connector.state.connections import SparkLayerAccess, SparkPayAccess

TOKEN, SECRET = "store-token-aa11", "site-secret-bb22"


def now() -> datetime:
    return datetime.now(UTC)


@pytest_asyncio.fixture
async def core(shell: Shell) -> AsyncIterator[Core]:
    assert shell.folder.exists()
    async with open_core(Settings()) as opened:
        await opened.connections.add(
            "acme",
            SparkPayAccess("http://pay", TOKEN),
            SparkLayerAccess("http://layer", "tools", "test", "client", SECRET),
            ConnectionSettings(),
        )
        yield opened


async def check(core: Core, *, scopes: frozenset[str] | None = None) -> list[Finding]:
    store = pay.SparkPayStore(clock=now, seed=1)
    site = layer.SparkLayerSite(clock=now)
    policy = layer.SitePolicy(site_id="tools", client_id="client", client_secret=SECRET)
    apps = {
        "http://pay": pay.create_app(store, pay.SandboxPolicy(token=TOKEN, scopes=scopes)),
        "http://layer": layer.create_app(site, policy),
    }
    found = await check_connection(core, await core.connections.get("acme"), lambda url: httpx.ASGITransport(apps[url]))
    for finding in found:
        assert TOKEN not in finding.message
        assert SECRET not in finding.message
    return found


def bad(findings: list[Finding]) -> dict[str, str]:
    return {f"{finding.side} {finding.what}": finding.message for finding in findings if not finding.ok}


async def test_good_credentials_are_good(core: Core) -> None:
    findings = await check(core)
    assert bad(findings) == {}
    assert {finding.side for finding in findings} == {"sparkpay", "sparklayer"}


async def test_a_wrong_token_is_told_with_what_to_do(core: Core) -> None:
    await core.connections.update("acme", sparkpay=SparkPayAccess("http://pay", "wrong"))
    ((what, message),) = bad(await check(core)).items()
    assert what.startswith("sparkpay ")
    assert "token" in message


async def test_a_missing_scope_is_named_by_its_resource(core: Core) -> None:
    told = bad(await check(core, scopes=frozenset({"catalog"})))
    assert told
    assert all(what.startswith("sparkpay ") for what in told)


async def test_new_keys_are_tried_themselves_not_the_token_that_old_keys_bought(core: Core) -> None:
    await core.tokens.save("acme/sparklayer/client", "still-valid", datetime(2100, 1, 1, tzinfo=UTC))
    wrong = SparkLayerAccess("http://layer", "tools", "test", "client", "wrong")
    await core.connections.update("acme", sparklayer=wrong)
    ((what, message),) = bad(await check(core)).items()
    assert what == "sparklayer site"
    assert "paylayer connections update acme --client-id --client-secret" in message
