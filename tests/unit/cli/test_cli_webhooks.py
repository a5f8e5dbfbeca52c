"""A connection's webhooks by command and by the service, against the sandbox store."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from commands import ADD, Shell

from connector.app.core import Core, open_core
from connector.app.platforms import Platforms
from connector.app.webhook_keeping import HOUR, RETRY_SECONDS, WebhookKeeper, webhooks_once
from connector.engine.metrics import Metrics
from connector.engine.usage import CallMeter
from connector.errors import UserFault
from connector.sandbox import sparkpay as pay
from connector.settings import ConnectionSettings, Settings
from connector.state.connections import SparkLayerAccess, SparkPayAccess

TOKEN = "store-token-aa11"
PUBLIC = "https://us.example"


@dataclass
class Stage:
    core: Core
    store: pay.SparkPayStore
    app: Any

    def transport(self, _: str) -> httpx.ASGITransport:
        return httpx.ASGITransport(self.app)

    def urls(self) -> list[str]:
        return [str(row["url"]) for row in self.store.rows("webhooks")]


@pytest_asyncio.fixture
async def stage(shell: Shell) -> AsyncIterator[Stage]:
    shell.set(PAYLAYER_PUBLIC_URL=PUBLIC)
    store = pay.SparkPayStore(clock=lambda: datetime.now(UTC))
    store.insert("stores", name="Acme")
    app = pay.create_app(store, pay.SandboxPolicy(token=TOKEN))
    async with open_core(Settings()) as core:
        await core.connections.add(
            "acme",
            SparkPayAccess("http://pay", TOKEN),
            SparkLayerAccess("http://layer", "tools", "test", "client", "secret"),
            ConnectionSettings(),
        )
        yield Stage(core, store, app)


async def test_registered_rotated_checked_removed(stage: Stage) -> None:
    acme = await stage.core.connections.get("acme")
    done = await webhooks_once(stage.core, acme, "register", stage.transport)
    access = await stage.core.webhooks.get("acme")
    assert access is not None
    assert (done.created, access.problem, access.checked_at is not None) == (9, None, True)
    assert all(url.startswith(f"{PUBLIC}/webhooks/sparkpay/acme/{access.secret}/") for url in stage.urls())
    done = await webhooks_once(stage.core, acme, "rotate", stage.transport)
    rotated = await stage.core.webhooks.get("acme")
    assert rotated is not None
    assert (done.repaired, rotated.former, rotated.secret != access.secret) == (9, None, True)
    stage.store.delete("webhooks", 1)
    found = await webhooks_once(stage.core, acme, "check", stage.transport)
    assert (found.right, found.created, len(stage.urls())) == (8, 1, 8)
    assert (await webhooks_once(stage.core, acme, "remove", stage.transport)).removed == 8
    assert (stage.urls(), await stage.core.webhooks.get("acme")) == ([], None)
    assert (await webhooks_once(stage.core, acme, "remove", stage.transport)).removed == 0


async def test_customers_are_subscribed_to_where_they_are_wanted(stage: Stage) -> None:
    acme = await stage.core.connections.get("acme")
    settings = acme.settings.with_values({"flow.customer": "to_sparklayer"})
    acme = await stage.core.connections.update("acme", settings=settings)
    assert (await webhooks_once(stage.core, acme, "register", stage.transport)).created == 9


async def test_the_service_registers_repairs_and_tells_what_fails_once(stage: Stage) -> None:
    acme = await stage.core.connections.get("acme")
    platforms = Platforms(stage.core, CallMeter(stage.core.usage, Metrics()), stage.transport)
    async with platforms.sparkpay(acme, platforms.budget(acme)) as client:
        keeper = WebhookKeeper(stage.core, acme, client)
        assert (await keeper.step(), len(stage.urls())) == (HOUR, 9)
        stage.store.delete("webhooks", 2)
        assert (await keeper.step(), len(stage.urls())) == (HOUR, 9)
        stage.app.state.faults.add(pay.FaultRule("status", path="*/webhooks", times=1, status=401))
        assert await keeper.step() == RETRY_SECONDS
        await stage.core.connections.remove("acme")
        assert await keeper.step() == RETRY_SECONDS


async def test_without_a_public_address_there_is_nothing_to_register(shell: Shell) -> None:
    async with open_core(Settings()) as core:
        await core.connections.add(
            "acme",
            SparkPayAccess("http://pay", TOKEN),
            SparkLayerAccess("http://layer", "tools", "test", "client", "secret"),
            ConnectionSettings(),
        )
        acme = await core.connections.get("acme")
        with pytest.raises(UserFault, match="PAYLAYER_PUBLIC_URL"):
            await webhooks_once(core, acme, "register")
        nothing: Any = None
        await WebhookKeeper(core, acme, nothing).run()
        assert await core.webhooks.get("acme") is None
    assert shell.folder.exists()


def test_the_commands_say_what_is_wrong(shell: Shell) -> None:
    assert shell.run(*ADD).code == 0
    for action in ("register", "check", "rotate"):
        ended = shell.run("connections", "webhooks", action, "acme")
        assert (ended.code, "PAYLAYER_PUBLIC_URL" in ended.err) == (2, True)
    assert shell.run("connections", "webhooks", "remove", "acme", "--yes", PAYLAYER_PUBLIC_URL=PUBLIC).code == 0
    ended = shell.run("connections", "webhooks", "register", "nobody", PAYLAYER_PUBLIC_URL=PUBLIC)
    assert (ended.code, "nobody" in ended.err) == (2, True)
    ended = shell.run("connections", "webhooks", "check", "acme", PAYLAYER_PUBLIC_URL=PUBLIC)
    assert ended.code == 1
    ended = shell.run("connections", "remove", "acme", "--yes", PAYLAYER_PUBLIC_URL=PUBLIC)
    assert (ended.code, "its webhooks stay in the store" in ended.out) == (0, True)
    assert "acme" not in shell.run("connections", "list").out
